/** Returns that somebody asks for: decided by the policy of this moment. */
import type { ClientSession } from 'mongoose';
import type { Order } from '../../models/order.ts';
import type { Return, ReturnLine } from '../../models/return.ts';
import { inTransaction, type Mongo } from '../../platform/mongo.ts';
import type { ExchangeRefused } from '../../workflows/domain/exchanges.ts';
import { limits } from '../../workflows/domain/limits.ts';
import { decideReturn, type ReturnableLine, type ReturnReason } from '../../workflows/domain/return-policy.ts';
import type { ReturnStatus } from '../../workflows/domain/states.ts';
import { unitsByLine } from '../../workflows/domain/units.ts';
import { claimedUnits } from '../claimed-units.ts';
import { broken } from '../failure.ts';
import { returnRules } from '../store-settings.ts';
import { type ExchangeAsked, exchangeOf } from './exchanges.ts';

export interface ReturnRequest {
  returnId: string;
  orderId: string;
  lines: { lineId: string; quantity: number; reason: ReturnReason; comment?: string | undefined }[];
  refundTo?: Return['refundTo'];
  /** Other goods in place of the money, as they are priced now. */
  exchange?: ExchangeAsked | undefined;
  by: 'customer' | 'support' | 'warehouse';
}

/**
 * Decided by the policy of this moment: what was told to the customer then counts. Two returns asked for at once cannot
 * have the same units: each writes the order, so one of them is tried again.
 */
export async function openReturn(
  mongo: Mongo,
  request: ReturnRequest,
): Promise<{ ok: true } | ({ ok: false; because: string } & Partial<ExchangeRefused>)> {
  const { models } = mongo;
  const { returnId, orderId, refundTo, lines, by, exchange: wanted } = request;
  const { policies } = await returnRules(mongo);
  return inTransaction(mongo, async (session) => {
    if (await models.returns.exists({ _id: returnId }).session(session)) return { ok: true };
    const now = new Date();
    const order = await models.orders
      .findOneAndUpdate({ _id: orderId }, { $set: { lastReturnAt: now } }, { session, returnDocument: 'after' })
      .lean<Order>();
    if (!order) return { ok: false, because: `There is no order ${orderId}` };
    if (refundTo === 'store_credit' && order.customerId === undefined)
      return { ok: false, because: "The order is a guest's, who has no store credit" };
    const before = await models.returns.find({ orderId }).session(session).lean<Return[]>();
    if (by === 'customer' && before.filter((each) => each.by === 'customer').length >= limits.requests)
      return { ok: false, because: `${limits.requests} returns of this order were asked for: write to the store` };
    const decided = decideReturn(
      lines,
      {
        lines: await returnableLines(mongo, order, session, before),
        ...{ currency: order.currency, country: order.shipTo.country, deliveredAt: deliveredAt(order), now, by },
        inVain: before.filter((each) => each.by !== 'carrier' && ['cancelled', 'expired'].includes(each.status)).length,
      },
      policies,
    );
    if (decided.decision === 'refuse') return { ok: false, because: decided.because };
    const { decision, because, sending, terms } = decided;
    const warehouseId = senderOf(order, lines[0]!.lineId);
    const found: Return = {
      ...{ _id: returnId, orderId, warehouseId, createdAt: now, by, decision: { decision, because }, sending },
      sendTo: await addressOf(mongo, warehouseId),
      lines: lines.map(({ lineId, quantity, reason, comment }, index) => ({
        ...awaited(order, lineId, quantity),
        ...{ reason, terms: terms[index]!, ...(comment !== undefined && { comment }) },
      })),
      ...(refundTo && { refundTo }),
      ...{ arrivals: [], rev: 0, status: 'requested' },
    };
    if (wanted) {
      const exchange = await exchangeOf(mongo, session, { order, found, asked: wanted, policies });
      if ('because' in exchange) return { ok: false, ...exchange };
      found.exchange = exchange;
    }
    await models.returns.create([found], { session });
    return { ok: true };
  });
}

/** The warehouse that has sent it, or some of it: where nothing ever was, nobody has anything to take back. */
function senderOf({ lines }: Order, lineId: string): string {
  const { allocations } = lines.find((line) => line.lineId === lineId)!;
  return allocations.find(({ state }) => state === 'shipped')!.warehouseId;
}

/** A line of which nothing has come yet. */
export function awaited(
  order: Order,
  lineId: string,
  quantity: number,
): Omit<ReturnLine, 'reason' | 'terms' | 'comment'> {
  const { sku } = order.lines.find((line) => line.lineId === lineId)!;
  return { lineId, sku, quantity, reception: 'awaiting', received: 0, wrong: 0, dispositions: [] };
}

export async function addressOf({ models }: Mongo, warehouseId: string): Promise<Return['sendTo']> {
  const warehouse = await models.warehouses.findById(warehouseId, { address: 1 }).lean();
  if (!warehouse) throw broken(`There is no warehouse ${warehouseId}`);
  return warehouse.address;
}

/** Nothing comes back by these. */
export const withoutEffect: ReturnStatus[] = ['rejected', 'cancelled', 'expired'];

/** Units of each line that customers send back, or have sent back. */
export async function returningUnits(
  { models }: Mongo,
  session: ClientSession | undefined,
  orderId: string,
): Promise<ReadonlyMap<string, number>> {
  const asked = { orderId, parcel: { $exists: false }, status: { $nin: withoutEffect } };
  const returns = await models.returns
    .find(asked)
    .session(session ?? null)
    .lean<Return[]>();
  return unitsByLine(returns.flatMap(unitsOf));
}

async function returnableLines(
  mongo: Mongo,
  order: Order,
  session: ClientSession,
  returns: readonly Return[],
): Promise<ReturnableLine[]> {
  const delivered = new Set(order.state?.shipments.filter(({ status }) => status === 'delivered').map(({ id }) => id));
  const asked = returns.filter(({ parcel, status }) => !parcel && !withoutEffect.includes(status));
  // One parcel of a shipment can arrive while another is brought back.
  const broughtBack = returns.filter(({ parcel }) => parcel && delivered.has(parcel.shipmentId));
  const units = (from: readonly Return[], lineId: string) =>
    sum(from.flatMap(unitsOf).filter((line) => line.lineId === lineId));
  // What is claimed stays with the customer, or is gone.
  const claimed = await claimedUnits(mongo, session, order._id, delivered);
  return order.lines.map(({ lineId, returnClass, allocations }) => ({
    ...{ lineId, returnClass },
    delivered:
      sum(allocations.filter(({ state, shipmentId }) => state === 'shipped' && delivered.has(shipmentId))) -
      units(broughtBack, lineId),
    alreadyReturning: units(asked, lineId) + (claimed.get(lineId) ?? 0),
  }));
}

/** What is on its way back; and once it is here, what came. */
function unitsOf({ status, parcel, lines }: Return): { lineId: string; quantity: number }[] {
  const isHere = !parcel && ['received', 'inspected', 'completed'].includes(status);
  return lines.map(({ lineId, quantity, received }) => {
    return { lineId, quantity: isHere ? received : Math.max(quantity, received) };
  });
}

/** The window is counted from the last parcel: https://eur-lex.europa.eu/eli/dir/2011/83/oj article 9(2)(b)(i) */
export function deliveredAt(order: Order): Date | undefined {
  const last = order.state?.shipments
    .flatMap((shipment) => shipment.deliveredAt ?? [])
    .sort()
    .at(-1);
  return last === undefined ? undefined : new Date(last);
}

function sum(units: readonly { quantity: number }[]): number {
  return units.reduce((total, { quantity }) => total + quantity, 0);
}
