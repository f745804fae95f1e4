/** An edit of an order as one change: its goods, its lines and prices, its promotions and its payment, all of it or nothing. */
import { createHash } from 'node:crypto';
import type { ClientSession } from 'mongoose';
import type { Becomes, Edit } from '../../models/edit.ts';
import { newId } from '../../models/id.ts';
import type { LineAllocation, Order } from '../../models/order.ts';
import type { Payment } from '../../models/payment.ts';
import type { Mongo } from '../../platform/mongo.ts';
import type { AppliedEdit, LocalSteps } from '../../workflows/activities.ts';
import { reserveOrWait } from '../../workflows/domain/allocation.ts';
import { type EditRefusal, hasBegun, inShort, moneyOf, type RefusedEdit } from '../../workflows/domain/edits.ts';
import { amountDue, keptUnits } from '../../workflows/domain/sales.ts';
import { hasEnded, orderStates } from '../../workflows/domain/states.ts';
import { broken } from '../failure.ts';
import { withAuthorizationOf } from '../payments/edits.ts';
import { outcomeOf } from '../payments/records.ts';
import { giveUsesBack, redeem, redemptionDocuments } from '../pricing/redemptions.ts';
import { changeStock } from './ledger.ts';
import { insertShipments, openShipments, shipmentsOf } from './shipments.ts';
import { allocationsOf, isOpen, type Needs, type Work } from './work.ts';

/**
 * What an edit was previewed against, as a digest: whatever changes what is sent, where it goes or what it costs, by whomever,
 * makes another one.
 */
export function basisOf(order: Order): string {
  const { items, lines, shipTo, shipping, codes = [], total, credit = 0 } = order;
  const facts = [
    items.map(({ sku, quantity }) => [sku, quantity]),
    lines.map((line) => [line.lineId, line.sku, line.quantity, keptUnits(line), line.total]),
    addressText(shipTo),
    [shipping?.method ?? null, shipping?.total ?? null],
    ...[codes, total, credit],
  ];
  return createHash('sha256').update(JSON.stringify(facts)).digest('base64url');
}

/** The same for the same address, however its fields are ordered. */
export function addressText(shipTo: Order['shipTo']): string {
  const fields = Object.entries(shipTo).filter(([, value]) => value != null);
  return JSON.stringify(fields.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Minor units that are left for a card, as the store credit that was spent stays spent. */
export function byCard(total: number, { credit = 0 }: Pick<Order, 'credit'>): number {
  return Math.max(0, total - credit);
}

/** How it stands with an edit that is confirmed: made already, refused, or what its money needs. */
export async function readEdit(
  { models }: Mongo,
  { orderId, editId }: { orderId: string; editId: string },
): ReturnType<LocalSteps['readEdit']> {
  const edit = await models.edits.findOne({ _id: editId, orderId }).lean<Edit>();
  if (edit?.appliedAt) return { outcome: 'applied' };
  if (edit?.refused) return edit.refused;
  if (!edit?.becomes || edit.expiresAt <= new Date()) return refused('expired');
  const [order, payment, shipments] = await Promise.all([
    models.orders.findById(orderId).lean<Order>(),
    models.payments.findOne({ orderId }).lean<Payment>(),
    models.shipments.find({ orderId }).lean(),
  ]);
  if (!order) throw broken(`There is no order ${orderId}`);
  const why = whyNot(order, shipments) ?? (basisOf(order) === edit.basis ? undefined : 'changed');
  if (why !== undefined || !payment) return refused(why ?? 'not_yet');
  const money = moneyOf(payment, byCard(edit.becomes.total, order), order.committedAt !== undefined);
  return 'why' in money ? refused(money.why) : { outcome: 'ready', way: money.way };
}

/** Why nothing of the order may be edited any more, or yet. */
export function whyNot(order: Order, shipments: Parameters<typeof hasBegun>[0]): EditRefusal | undefined {
  if (order.releasedAt || hasEnded(orderStates, order.status)) return 'ended';
  if (hasBegun(shipments)) return 'begun';
  return order.status === 'pending' ? 'not_yet' : undefined;
}

/** Thrown within the change, so that nothing of it is written. */
class Refused extends Error {
  readonly refusal: RefusedEdit;
  constructor(refusal: RefusedEdit) {
    super(`The edit is refused: ${refusal.why}`);
    this.refusal = refusal;
  }
}

function refused(why: EditRefusal): RefusedEdit {
  return { outcome: 'refused', why };
}

/**
 * An edit that was made is not made again: the answer is how the order stands. One that was refused stays so, and whoever
 * thaws later finds that.
 */
export async function applyEdit(
  mongo: Mongo,
  { orderId, editId }: { orderId: string; editId: string },
): ReturnType<LocalSteps['applyEdit']> {
  let paymentId = '';
  let shipmentIds: string[] = [];
  try {
    return await changeStock(mongo, {
      orderIds: [orderId],
      redemptions: true,
      async find({ models }, session) {
        const found = await needsOf({ models }, session, orderId, editId);
        ({ paymentId, shipmentIds } = found);
        return found.needs;
      },
      make(work) {
        const order = work.orders[0]!;
        const edit = work.document('edits', editId);
        const payment = work.document('payments', paymentId);
        if (edit?.appliedAt && payment) return applied(order, edit, payment);
        if (edit?.refused) return edit.refused;
        if (!edit?.becomes) throw new Refused(refused('expired'));
        const shipments = shipmentIds.flatMap((id) => work.document('shipments', id) ?? []);
        const why = whyNot(order, shipments) ?? (basisOf(order) === edit.basis ? undefined : 'changed');
        if (why !== undefined || !payment) throw new Refused(refused(why ?? 'not_yet'));

        const paid = withMoney(payment, edit, order);
        takePromotions(work, order, edit.becomes);
        const lines = reserveAnew(work, order, edit.becomes);
        const { items, shipTo, shipping, pricing, total, redemptions, taxCalculation } = edit.becomes;
        const { expectedAt, notBefore } = edit.becomes;
        order.lines = lines;
        work.write(order, {
          ...{ items, shipTo, shipping, pricing, total, redemptions, taxCalculation, expectedAt, notBefore },
        });
        const replaced = shipments.filter(({ cancelledAt }) => cancelledAt == null);
        for (const each of replaced) work.put('shipments', { ...each, cancelledAt: new Date() });
        if (order.committedAt) pickAnew(work, order, Math.max(0, ...replaced.map(({ priority }) => priority)));
        work.put('payments', paid);
        const { becomes: _, removeAt: _removeAt, ...kept } = edit;
        const made = { ...kept, appliedAt: new Date() };
        work.put('edits', made);
        return applied(order, made, paid);
      },
    });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return (await refuse(mongo, editId, error.refusal)) ? error.refusal : applyEdit(mongo, { orderId, editId });
  }
}

/** False where somebody else has decided it meanwhile. */
async function refuse({ models }: Mongo, editId: string, refusal: RefusedEdit): Promise<boolean> {
  const open = { _id: editId, appliedAt: null, refused: null };
  const { matchedCount } = await models.edits.updateOne(open, { $set: { refused: refusal }, $unset: { becomes: 1 } });
  return matchedCount === 1 || (await models.edits.exists({ _id: editId })) === null;
}

async function needsOf(
  { models }: Pick<Mongo, 'models'>,
  session: ClientSession,
  orderId: string,
  editId: string,
): Promise<{ needs: Needs; paymentId: string; shipmentIds: string[] }> {
  const edit = await models.edits.findOne({ _id: editId, orderId }, undefined, { session }).lean<Edit>();
  const payment = await models.payments.findOne({ orderId }, { _id: 1 }, { session }).lean();
  const shipments = await models.shipments.find({ orderId }, { _id: 1 }, { session }).lean();
  const paymentId = payment?._id ?? '';
  const shipmentIds = shipments.map(({ _id }) => _id);
  const { redemptions = [], lines = [] } = edit?.becomes ?? {};
  const documents: Needs['documents'] = [
    ...(edit ? [['edits', editId] as const] : []),
    ['payments', paymentId],
    ...shipmentIds.map((id) => ['shipments', id] as const),
    ...(redemptionDocuments({ redemptions } as Order) ?? []),
  ];
  return { needs: { skus: lines.map(({ sku }) => sku), documents }, paymentId, shipmentIds };
}

/** The payment as it is after the edit. @throws Refused where the money for it is not there, or not free */
function withMoney(payment: Payment, { _id: editId, becomes }: Edit, order: Order): Payment {
  const due = byCard(becomes!.total, order);
  const money = moneyOf(payment, due, order.committedAt !== undefined);
  if ('why' in money) throw new Refused(refused(money.why));
  if (money.way === 'keep') return payment;
  if (money.way === 'amend') return { ...payment, amountDue: due };
  if (money.way === 'withdraw') {
    // It could still be paid for another amount.
    if (payment.intentId !== undefined) throw new Refused(refused('paying'));
    return { ...payment, amountDue: due };
  }
  const authorized = withAuthorizationOf(editId, payment, due);
  if (!authorized) throw new Refused(refused('paying'));
  return authorized;
}

/** What the order has of limited promotions goes back before it is asked for what it needs now. */
function takePromotions(work: Work, order: Order, { redemptions }: Becomes): void {
  giveUsesBack(work, order);
  const { credit: _, ...asked } = order;
  if (redeem(work, { ...asked, redemptions: redemptions ?? [] }) !== undefined)
    throw new Refused(refused('promotion_gone'));
}

/** What it holds is its own, whoever waits for the same; the rest is had, or waited for, as by a new order. */
function reserveAnew(work: Work, order: Order, { lines: priced, shipTo }: Becomes): Order['lines'] {
  const open = allocationsOf(order).filter(isOpen);
  const own = open
    .filter(({ warehouseId }) => warehouseId !== '')
    .map(({ sku, warehouseId, quantity }) => ({ sku, warehouseId, quantity }));
  for (const allocation of open) allocation.state = 'released';
  const skus = [...new Set(priced.map(({ sku }) => sku))];
  const backlog = Object.fromEntries(skus.map((sku) => [sku, work.backlog(sku)]));
  const result = reserveOrWait(priced, work.supplies(skus), shipTo, backlog, own);
  if (!result.ok) throw new Refused({ ...refused('out_of_stock'), shortages: result.shortages });
  const shipmentIds = new Map<string, string>();
  const newAllocation = (warehouseId: string, quantity: number, state: LineAllocation['state']): LineAllocation => {
    const shipmentId = shipmentIds.get(warehouseId) ?? newId('shp');
    shipmentIds.set(warehouseId, shipmentId);
    return { shipmentId, warehouseId, quantity, state };
  };
  const held = order.committedAt ? 'committed' : 'reserved';
  return priced.map((line) => {
    const ofIt = ({ lineId }: { lineId: string }) => lineId === line.lineId;
    return {
      ...line,
      allocations: [
        ...result.allocations.filter(ofIt).map((each) => newAllocation(each.warehouseId, each.quantity, held)),
        ...result.waiting.filter(ofIt).map(({ quantity }) => newAllocation('', quantity, 'backordered')),
      ],
    };
  });
}

/** As urgently as what they replace. */
function pickAnew(work: Work, order: Order, priority: number): void {
  const shipments = shipmentsOf(allocationsOf(order).filter(({ state }) => state === 'committed'));
  insertShipments(work, order, shipments);
  for (const { shipmentId } of shipments)
    work.put('shipments', { ...work.document('shipments', shipmentId)!, priority });
}

function applied(order: Order, { before, after, changes }: Edit, payment: Payment): AppliedEdit {
  return {
    outcome: 'applied',
    shipments: openShipments(order),
    amountDue: amountDue(order),
    what: inShort(changes),
    ...{ before, after },
    isCommitted: order.committedAt !== undefined,
    isAddressed: changes.some(({ what }) => what === 'address'),
    providerTaxes: order.taxCalculation !== undefined,
    expectedAt: order.expectedAt?.toISOString(),
    notBefore: order.notBefore?.toISOString(),
    payment: outcomeOf(payment),
  };
}
