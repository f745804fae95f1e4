/** Returns: what may come back, what came back, where it went, and what is paid for it. */
import type { ClientSession } from 'mongoose';
import type { Order } from '../models/order.ts';
import type { Refund } from '../models/payment.ts';
import type { Return, ReturnLine } from '../models/return.ts';
import { inTransaction, type Mongo } from '../platform/mongo.ts';
import type { LocalSteps, Mail } from '../workflows/activities.ts';
import { payableUnit } from '../workflows/domain/money.ts';
import { type DeliveredLine, decideReturn, refundForLine } from '../workflows/domain/returns.ts';
import { keptUnits } from '../workflows/domain/sales.ts';
import type { Disposition, ReturnStatus } from '../workflows/domain/states.ts';
import type { InspectReturnInput, ReceiveReturnInput, ReturnState } from '../workflows/messages.ts';
import { workflowIds } from '../workflows/messages.ts';
import { claimedUnits, unitsByLine } from './claimed-units.ts';
import { broken } from './failure.ts';
import { queueMails } from './orders.ts';
import { openRefundIn, oweTheRest, paidBackOf, refundable } from './payments/refunds.ts';
import { postMovement } from './stock/movements.ts';

/** Two returns asked for at once cannot have the same units: each writes the order, so one of them is tried again. */
export async function openReturn(
  mongo: Mongo,
  request: Pick<Return, 'orderId' | 'refundTo'> & {
    returnId: string;
    lines: { lineId: string; quantity: number; reason: string }[];
  },
): Promise<{ ok: true } | { ok: false; because: string }> {
  const { models } = mongo;
  const { returnId, orderId, refundTo, lines } = request;
  return inTransaction(mongo, async (session) => {
    if (await models.returns.exists({ _id: returnId }).session(session)) return { ok: true };
    const order = await models.orders
      .findOneAndUpdate({ _id: orderId }, { $set: { lastReturnAt: new Date() } }, { session, returnDocument: 'after' })
      .lean();
    if (!order) return { ok: false, because: `There is no order ${orderId}` };
    if (refundTo === 'store_credit' && order.customerId === undefined)
      return { ok: false, because: "The order is a guest's, who has no store credit" };
    const decision = decideReturn(lines, await deliveredLines(mongo, order, session), deliveredAt(order), new Date());
    if (decision.decision === 'refuse') return { ok: false, because: decision.because };
    const found: Return = {
      _id: returnId,
      orderId,
      warehouseId: order.lines.flatMap((line) => line.allocations)[0]!.warehouseId,
      createdAt: new Date(),
      lines: lines.map(({ lineId, quantity, reason }) => ({
        lineId,
        sku: order.lines.find((line) => line.lineId === lineId)!.sku,
        quantity,
        reason,
        reception: 'awaiting',
        received: 0,
        dispositions: [],
      })),
      ...(refundTo && { refundTo }),
      rev: 0,
      status: 'requested',
    };
    await models.returns.create([found], { session });
    return { ok: true };
  });
}

export async function loadReturn(
  mongo: Mongo,
  { returnId }: { returnId: string },
): ReturnType<LocalSteps['loadReturn']> {
  const found = await readReturn(mongo, returnId);
  const order = await mongo.models.orders.findById(found.orderId).lean();
  if (!order) throw broken(`There is no order ${found.orderId}`);
  const decision = decideReturn(
    found.lines,
    await deliveredLines(mongo, order, undefined, returnId),
    deliveredAt(order),
    found.createdAt,
    await mongo.models.returns.countDocuments({ orderId: order._id, status: { $in: ['cancelled', 'expired'] } }),
  );
  return {
    orderId: found.orderId,
    status: found.status,
    decision: decision.decision,
    because: 'because' in decision ? decision.because : 'Within the return policy',
  };
}

/** Lines that are not named came not at all. More than was asked back is recorded as it came. */
export async function recordReception(mongo: Mongo, input: { returnId: string } & ReceiveReturnInput): Promise<void> {
  const found = await readReturn(mongo, input.returnId);
  const lines = found.lines.map((line) => {
    const came = input.lines.find(({ lineId }) => lineId === line.lineId);
    return { ...line, reception: came?.reception ?? 'lost_in_transit', received: came?.quantity ?? 0 };
  });
  // A repeat that comes after the inspection changes nothing.
  await mongo.models.returns.updateOne(
    { _id: input.returnId, 'lines.dispositions.0': { $exists: false } },
    { $set: { lines } },
  );
}

/** Only what was received and accepted is paid for; what goes back to the customer is not. */
export async function recordInspection(
  mongo: Mongo,
  input: { returnId: string } & InspectReturnInput,
): ReturnType<LocalSteps['recordInspection']> {
  const { models } = mongo;
  const { returnId, actor } = input;
  return inTransaction(mongo, async (session) => {
    const found = await readReturn(mongo, returnId, session);
    if (found.lines.some((line) => line.dispositions.length > 0)) return { refundId: found.refundId ?? null };
    const order = await models.orders.findById(found.orderId).session(session).lean();
    if (!order) throw broken(`There is no order ${found.orderId}`);

    const paidBack = await paidBackOf(mongo, session, order._id);
    const accepted: NonNullable<Refund['lines']> = [];
    const lines: ReturnLine[] = [];
    for (const line of found.lines) {
      const dispositions = fatesOf(line, input.lines);
      for (const [index, { disposition, quantity }] of dispositions.entries()) {
        const key = `${returnId}:${line.lineId}:${index}`;
        // Another product than the one that was sold is not stock of this SKU.
        if (line.reception === 'received')
          await putAway(mongo, session, { key, found, sku: line.sku, quantity, disposition, actor });
      }
      const quantity = acceptedOf({ ...line, dispositions });
      const sold = order.lines.find(({ lineId }) => lineId === line.lineId)!;
      // Support can have paid single lines back as well.
      const before = Math.max(
        await acceptedBefore(mongo, session, order._id, line.lineId),
        paidBack.units.get(line.lineId) ?? 0,
      );
      const left = Math.max(0, keptUnits(sold) - before);
      const units = Math.min(quantity, left);
      const amount = refundForLine(sold, Math.min(before, sold.quantity), units, payableUnit(order.currency));
      if (units > 0) accepted.push({ lineId: line.lineId, quantity: units, amount });
      lines.push({ ...line, dispositions });
    }

    const reason = `Return ${returnId}`;
    const amount = accepted.reduce((total, each) => total + each.amount, 0);
    const opened =
      amount > 0
        ? await openRefundIn(mongo, session, {
            key: `${returnId}:refund`,
            orderId: order._id,
            // Goodwill may have been paid before: a return never brings back more than is left of what was paid.
            amount: Math.min(amount, await refundable(mongo, session, order._id)),
            lines: accepted,
            to: found.refundTo,
            reason,
            actor,
            workflowId: workflowIds.return(returnId),
          })
        : undefined;
    const refunded = opened && 'refundId' in opened ? opened : { refundId: undefined, amount: 0 };
    const { refundId } = refunded;
    if (found.refundTo !== 'store_credit')
      await oweTheRest(mongo, session, order._id, returnId, amount - refunded.amount);
    await models.returns.updateOne({ _id: returnId }, { $set: { lines, ...(refundId && { refundId }) } }, { session });
    return { refundId: refundId ?? null };
  });
}

export async function saveReturn(
  { models }: Mongo,
  { state, mails }: { state: ReturnState; mails: Mail[] },
): Promise<void> {
  await queueMails({ models }, state.orderId, mails);
  const { rev, status } = state;
  await models.returns.updateOne({ _id: state.returnId, rev: { $lt: rev } }, { $set: { rev, status, state } });
}

/** Units of a line may have several fates; together they cannot be more than what was received. */
function fatesOf(line: ReturnLine, said: InspectReturnInput['lines']): ReturnLine['dispositions'] {
  let left = line.received;
  const fates: ReturnLine['dispositions'] = [];
  for (const { lineId, disposition, quantity } of said) {
    if (lineId !== line.lineId || left === 0) continue;
    const units = Math.min(quantity, left);
    fates.push({ disposition, quantity: units });
    left -= units;
  }
  // What nobody decided about is put aside until somebody does.
  if (left > 0) fates.push({ disposition: 'quarantine', quantity: left });
  return fates;
}

async function putAway(
  mongo: Mongo,
  session: ClientSession,
  unit: { key: string; found: Return; sku: string; quantity: number; disposition: Disposition; actor: string },
): Promise<void> {
  const { key, found, sku, quantity, disposition, actor } = unit;
  if (disposition === 'return_to_customer') return;
  const common = { sku, warehouseId: found.warehouseId, actor, reason: disposition, reference: found._id };
  const damaged = disposition === 'restock' ? 0 : quantity;
  await postMovement(mongo, session, {
    ...common,
    key,
    kind: 'return',
    onHandChange: quantity,
    damagedChange: damaged,
  });
  if (disposition !== 'scrap') return;
  const gone = { onHandChange: -quantity, damagedChange: -quantity };
  await postMovement(mongo, session, { ...common, key: `${key}:scrap`, kind: 'scrap', ...gone });
}

async function acceptedBefore(
  { models }: Mongo,
  session: ClientSession,
  orderId: string,
  lineId: string,
): Promise<number> {
  const earlier = await models.returns
    .find({ orderId, refundId: { $ne: null } })
    .session(session)
    .lean();
  return earlier
    .flatMap((other) => other.lines)
    .filter((line) => line.lineId === lineId)
    .reduce((units, line) => units + acceptedOf(line), 0);
}

/** Units that are paid for: they are what was sold, and they stay. */
function acceptedOf({ reception, dispositions }: Pick<ReturnLine, 'reception' | 'dispositions'>): number {
  if (reception !== 'received') return 0;
  return sum(dispositions.filter(({ disposition }) => disposition !== 'return_to_customer'));
}

/** Units of each line in returns that are not rejected, cancelled or expired; but for those of `except`. */
export async function returningUnits(
  { models }: Mongo,
  session: ClientSession | undefined,
  orderId: string,
  except = '',
): Promise<ReadonlyMap<string, number>> {
  const dead: ReturnStatus[] = ['rejected', 'cancelled', 'expired'];
  const returns = await models.returns
    .find({ orderId, status: { $nin: dead }, _id: { $ne: except } })
    .session(session ?? null)
    .lean();
  return unitsByLine(returns.flatMap(({ lines }) => lines));
}

async function deliveredLines(
  mongo: Mongo,
  order: Order,
  session?: ClientSession,
  except?: string,
): Promise<DeliveredLine[]> {
  const returning = await returningUnits(mongo, session, order._id, except);
  const delivered = new Set(order.state?.shipments.filter(({ status }) => status === 'delivered').map(({ id }) => id));
  // What is claimed stays with the customer, or is gone.
  const claimed = await claimedUnits(mongo, session, order._id, delivered);
  return order.lines.map((line) => ({
    lineId: line.lineId,
    quantity: line.quantity,
    total: line.total,
    delivered: sum(
      line.allocations.filter(({ state, shipmentId }) => state === 'shipped' && delivered.has(shipmentId)),
    ),
    alreadyReturning: (returning.get(line.lineId) ?? 0) + (claimed.get(line.lineId) ?? 0),
  }));
}

/** The window is counted from the last parcel: https://eur-lex.europa.eu/eli/dir/2011/83/oj article 9(2)(b)(i) */
export function deliveredAt(order: Order): Date | undefined {
  const times = order.state?.shipments.flatMap((shipment) => shipment.deliveredAt ?? []).sort();
  const last = times?.at(-1);
  return last === undefined ? undefined : new Date(last);
}

function sum(units: readonly { quantity: number }[]): number {
  return units.reduce((total, { quantity }) => total + quantity, 0);
}

async function readReturn({ models }: Mongo, returnId: string, session?: ClientSession): Promise<Return> {
  const found = await models.returns
    .findById(returnId)
    .session(session ?? null)
    .lean();
  if (!found) throw broken(`There is no return ${returnId}`);
  return found;
}
