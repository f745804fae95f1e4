/** What comes after goods were sent: refunds, returns, claims, disputes, and what is asked about parcels. */
import type { Claim } from '../../../models/claim.ts';
import type { Order } from '../../../models/order.ts';
import type { Dispute, Refund } from '../../../models/payment.ts';
import type { Return } from '../../../models/return.ts';
import { returnReasons } from '../../../workflows/domain/return-policy.ts';
import { claimKinds } from '../../../workflows/domain/states.ts';
import { type Incident, workflowIds } from '../../../workflows/messages.ts';
import { add, ask, isDone, type Life, oneOf, ordersOf, type Step, type Units } from './life.ts';
import { addresses, priceOf } from './shop.ts';

const reason = 'they say so';

export async function refundLine(life: Life, { pick, other, units, how }: Step): Promise<boolean> {
  const order = oneOf(await paidOrders(life), pick);
  const line = oneOf(order?.lines ?? [], other);
  if (!order || !line) return false;
  const lines = [{ lineId: line.lineId, quantity: Math.min(units, line.quantity) }];
  const shipping = other % 4 === 0 ? { shipping: other % 8 === 0 } : {};
  const body = { lines, reason, ...shipping, ...to(order, other) };
  const answer = await ask(life, how, ['POST', `/v1/orders/${order._id}/refunds`, body]);
  if (!isDone(answer)) return false;
  life.refundedLines.set(order._id, [...(life.refundedLines.get(order._id) ?? []), ...lines]);
  return true;
}

/** An amount for nothing, or now and then all that is left. */
export async function refundAmount(life: Life, { pick, other, units, how }: Step): Promise<boolean> {
  const order = oneOf(await paidOrders(life), pick);
  if (!order) return false;
  const amount = other % 7 === 0 ? {} : { amount: 137 * units };
  const body = { ...amount, reason, ...to(order, other) };
  const answer = await ask(life, how, ['POST', `/v1/orders/${order._id}/refunds`, body]);
  if (!isDone(answer)) return false;
  add(life.goodwill, order._id, amount.amount ?? answer.body.amount);
  return true;
}

/** Of classes with fees one line at a time: then each fee is told by itself. */
export async function askReturn(life: Life, { pick, other, units, how }: Step): Promise<boolean> {
  const order = oneOf(await sentOrders(life), pick);
  const line = oneOf(order?.lines ?? [], other);
  if (!order || !line) return false;
  const others = order.lines.filter(({ returnClass, lineId }) => returnClass !== 'fees' && lineId !== line.lineId);
  const several = line.returnClass !== 'fees' && other % 2 === 0 ? [line, ...others] : [line];
  const why = oneOf(returnReasons, other)!;
  const lines = several.map(({ lineId, quantity }) => ({ lineId, quantity: Math.min(units, quantity), reason: why }));
  const body = { lines, ...(life.placed.has(order._id) && to(order, other)) };
  const token = other % 3 === 0 ? life.admin : life.api.ownerOf(order._id);
  return isDone(await ask(life, how, ['POST', `/v1/orders/${order._id}/returns`, body, token]));
}

/** Of one line, other goods. */
export async function askExchange(life: Life, { pick, other, units, how }: Step): Promise<boolean> {
  if (life.hasDisputes) return false;
  const order = oneOf(await sentOrders(life), pick);
  const line = oneOf(order?.lines ?? [], other);
  if (!order || !line) return false;
  const went = addresses.find(({ postalCode }) => postalCode === order.shipTo.postalCode)!;
  const items = [{ sku: oneOf([...life.shelf.prices.keys()], pick + other)!, quantity: units }];
  const paymentMethod = oneOf(['pm_card_visa', 'pm_card_threeDSecure2Required', undefined], other);
  const lines = [{ lineId: line.lineId, quantity: line.quantity, reason: oneOf(returnReasons, other)! }];
  const body = { lines, exchangeFor: { items, ...(paymentMethod && { paymentMethod }) } };
  const token = life.api.ownerOf(order._id);
  const answer = await ask(life, how, ['POST', `/v1/orders/${order._id}/returns`, body, token]);
  if (!isDone(answer)) return false;
  const { id, exchange } = answer.body;
  if (exchange.total !== priceOf(items, went, false, life.shelf, true))
    throw new Error(`Not the price of the list: ${life.log.at(-1)}`);
  life.exchanges.set(id, { total: exchange.total });
  return true;
}

export async function moveReturn(life: Life, { pick, other, units, how }: Step): Promise<boolean> {
  const found = oneOf((await returnsOf(life)).filter(isOpen), pick);
  return found !== undefined && takeBack(life, found, other, units, how);
}

/** The next step of a return, whatever that is. */
export async function takeBack(life: Life, found: Return, chance: number, units: number, how: Step['how'] = 'once') {
  const { _id, status, lines, parcel, arrivals } = found;
  const post = (path: string, body: object) => ask(life, how, ['POST', `/v1/returns/${_id}/${path}`, body]);
  if (status === 'requested') return isDone(await post('decide', { approve: chance % 5 > 0, reason }));
  if (parcel && chance % 4 === 0 && status === 'in_transit' && chance % 3 === 0)
    return isDone(await post('resolution', { resolution: 'reship', reason }));
  if (status === 'approved' && !found.late && chance % 11 === 0) return isDone(await post('cancel', { reason }));
  if (status === 'approved' || status === 'in_transit') {
    const came = (quantity: number, received: number) => Math.max(0, quantity - received - (chance % 3 === 0 ? 1 : 0));
    const arrived = lines.map(({ lineId, quantity, received }) => {
      const now = came(quantity, received);
      return { lineId, quantity: now, reception: now > 0 ? 'received' : 'short_shipped' };
    });
    const wrong = chance % 7 === 0 ? { unexpected: [{ description: 'A hat', quantity: 1 }] } : {};
    const more = chance % 5 === 0 && arrivals.length === 0 ? { more: true } : {};
    return isDone(await post('receive', { lines: arrived, ...wrong, ...more }));
  }
  if (status !== 'received') return false;
  const fates = lines.flatMap(({ lineId, received }) => fatesOf(lineId, received, chance, units));
  if (fates.length === 0) return false;
  const answer = await post('inspect', { lines: fates });
  if (isDone(answer)) life.inspected.set(_id, fates);
  return isDone(answer);
}

const fates = ['restock', 'quarantine', 'scrap', 'return_to_customer'] as const;

function fatesOf(lineId: string, received: number, chance: number, units: number) {
  const first = Math.min(received, units);
  return [
    { lineId, quantity: first, disposition: oneOf(fates, chance)! },
    { lineId, quantity: received - first, disposition: oneOf(fates, chance + 1)! },
  ].filter(({ quantity }) => quantity > 0);
}

export async function claim(life: Life, { pick, other, units, how }: Step): Promise<boolean> {
  const order = oneOf(await sentOrders(life), pick);
  if (!order) return false;
  const kind = oneOf(claimKinds, other)!;
  const lines =
    kind === 'lost_in_transit' ? await inParcel(life, order._id, other) : oneLine(order.lines, other, units);
  if (lines.length === 0) return false;
  const wants = pick % 2 === 0 ? 'refund' : 'reship';
  const body = {
    kind,
    lines,
    wants,
    description: 'Its handle is off',
    ...(life.placed.has(order._id) && to(order, other)),
  };
  const token = life.api.ownerOf(order._id);
  return isDone(await ask(life, how, ['POST', `/v1/orders/${order._id}/claims`, body, token]));
}

function oneLine(lines: Units, chance: number, units: number): Units {
  const line = oneOf(lines, chance)!;
  return [{ lineId: line.lineId, quantity: Math.min(units, line.quantity) }];
}

async function inParcel({ world: { mongo } }: Life, orderId: string, chance: number): Promise<Units> {
  const shipments = await mongo.models.shipments.find({ orderId, handedOverAt: { $ne: null } }).lean();
  return (
    oneOf(
      shipments.flatMap(({ parcels = [] }) => parcels),
      chance,
    )?.units ?? []
  );
}

export async function decide(life: Life, { pick, other, how }: Step): Promise<boolean> {
  const found = oneOf(
    (await claimsOf(life)).filter(({ status }) => status === 'open'),
    pick,
  );
  return found !== undefined && decideClaim(life, found, other, how);
}

export async function decideClaim(life: Life, { _id }: Claim, chance: number, how: Step['how'] = 'once') {
  const approve = chance % 4 > 0;
  const otherwise = approve && chance % 3 === 0 ? { how: chance % 2 === 0 ? 'refund' : 'reship' } : {};
  return isDone(await ask(life, how, ['POST', `/v1/claims/${_id}/decide`, { approve, ...otherwise, reason }]));
}

/** The bank takes all of it, or a part. Once an order. */
export async function disputePayment(life: Life, { pick, other, units }: Step): Promise<boolean> {
  const { world } = life;
  if (!life.hasDisputes) return false;
  // Of whoever has no account: what is withheld of store credit is not owed.
  const orders = (await ordersOf(life)).filter(({ customerId, _id }) => life.placed.has(_id) && !customerId);
  const payments = await world.mongo.models.payments
    .find({ orderId: { $in: orders.map(({ _id }) => _id) }, captured: { $gt: 0 } })
    .sort({ orderId: 1 })
    .lean();
  const payment = oneOf(payments, pick);
  if (!payment || (await world.mongo.models.disputes.exists({ orderId: payment.orderId }))) return false;
  // Goods that are still here are held meanwhile, and most orders are to come further.
  if (other % 3 > 0) return false;
  const { intentId: payment_intent, captured } = payment;
  const amount = other % 2 === 0 ? {} : { amount: Math.min(captured, 500 * units) };
  const said = await world
    .control(world.stripe.url, 'POST', '/_sandbox/disputes', { payment_intent, ...amount })
    .catch(() => undefined);
  life.log.push(
    `the bank disputes ${JSON.stringify(amount)} of ${payment.orderId}: ${JSON.stringify(said)?.slice(0, 40)}`,
  );
  return said !== undefined;
}

/** The bank decides what was answered. */
export async function bankDecides(life: Life, { pick, other }: Step): Promise<boolean> {
  const { world } = life;
  const orderId = { $in: [...life.placed.keys()] };
  const found = oneOf(
    await world.mongo.models.disputes.find({ orderId, status: 'open' }).sort({ _id: 1 }).lean(),
    pick,
  );
  if (!found) return false;
  const outcome = other % 2 === 0 ? 'won' : 'lost';
  const said = await world
    .control(world.stripe.url, 'POST', `/_sandbox/disputes/${found._id}/decide`, { outcome })
    .catch(() => undefined);
  life.log.push(`the bank decides ${found._id} of ${found.orderId}: ${said ? outcome : 'not yet'}`);
  return said !== undefined;
}

export async function answer(life: Life, { pick, other, how }: Step): Promise<boolean> {
  const incident = oneOf(await incidentsOf(life), pick);
  return incident !== undefined && settle(life, incident, other, how);
}

/** Written down where it was about a parcel: the parcel is named in the question. */
export async function settle(life: Life, incident: Incident, chance: number, how: Step['how'] = 'once') {
  const { id, why, answers } = incident;
  const given = oneOf(answers, chance)!;
  const parcelId = /pcl_\w+/.exec(why)?.[0];
  const asker = (await casesOf(life)).find(({ state }) => state?.incidents.some((each) => each.id === id))!;
  const answer = await ask(life, how, ['POST', `/v1/incidents/${id}/answer`, { answer: given }]);
  life.log.push(`  (about ${incident.cause}: ${why})`);
  const isApplied = isDone(answer) && answer.body.applied === true;
  if (
    isApplied &&
    parcelId &&
    incident.cause !== 'overdue_return_arrival' &&
    (given === 'refund' || given === 'reship')
  )
    life.givenUp.set(parcelId, given);
  if (isApplied && incident.cause === 'exchange_shortfall' && given === 'skip') {
    const [worth, transferred] = [...why.matchAll(/[\d.]+(?= USD)/g)].map(([amount]) =>
      Math.round(Number(amount) * 100),
    );
    life.borne.set(asker._id, transferred! - worth!);
  }
  if (isApplied && incident.cause === 'refund_failed' && given === 'skip') {
    const { refunds } = life.world.mongo.models;
    for (const { _id } of await refunds.find({ workflowId: asker.workflowId, status: 'failed' }).lean())
      life.unsent.add(_id);
  }
  return isApplied;
}

// ---- What there is ----

/** Of orders, and of what came after them. */
export async function incidentsOf(life: Life): Promise<Incident[]> {
  return (await casesOf(life)).flatMap(({ state }) => state?.incidents ?? []);
}

async function casesOf(life: Life) {
  const { models } = life.world.mongo;
  const orders = await ordersOf(life);
  const ids = { orderId: { $in: orders.map(({ _id }) => _id) } };
  const of = <T extends { _id: string }>(found: T[], workflowId: (id: string) => string) =>
    found.map((each) => ({ ...each, workflowId: workflowId(each._id) }));
  return [
    ...of(orders, workflowIds.order),
    ...of(await models.returns.find(ids).lean<Return[]>(), workflowIds.return),
    ...of(await models.refunds.find(ids).lean<Refund[]>(), workflowIds.refund),
    ...of(await models.disputes.find(ids).lean<Dispute[]>(), workflowIds.dispute),
    ...of(await models.claims.find(ids).lean<Claim[]>(), workflowIds.claim),
  ];
}

export async function returnsOf(life: Life): Promise<Return[]> {
  const orderId = { $in: (await ordersOf(life)).map(({ _id }) => _id) };
  return life.world.mongo.models.returns.find({ orderId }).sort({ _id: 1 }).lean<Return[]>();
}

export async function claimsOf(life: Life): Promise<Claim[]> {
  const orderId = { $in: (await ordersOf(life)).map(({ _id }) => _id) };
  return life.world.mongo.models.claims.find({ orderId }).sort({ _id: 1 }).lean<Claim[]>();
}

export function isOpen({ status }: Return): boolean {
  return !['completed', 'rejected', 'expired', 'cancelled'].includes(status);
}

async function paidOrders(life: Life) {
  return (await ordersOf(life)).filter(({ _id, status }) => life.placed.has(_id) && status !== 'awaiting_payment');
}

/** Something of it is at the door, or on its way. */
async function sentOrders(life: Life) {
  return (await ordersOf(life)).filter(({ lines }) =>
    lines.some(({ allocations }) => allocations.some(({ state }) => state === 'shipped')),
  );
}

/** To the store credit, of those who have an account. */
function to({ customerId }: Order, chance: number): { refundTo?: 'store_credit' } {
  return customerId !== undefined && chance % 3 === 0 ? { refundTo: 'store_credit' } : {};
}
