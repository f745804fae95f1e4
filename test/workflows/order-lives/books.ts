/**
 * What the store should have in the end: worked out from what was agreed and what was done, and compared with what there is
 * at the payment provider, in the accounts of customers, and on the shelves.
 */
import { expect } from '@jest/globals';
import { add, ask, type Life, ordersOf, type Placed, shipmentsOf, type Told, type Units } from './life.ts';
import { labelFee, parts, priceOf, restockingPpm, shippingTo } from './shop.ts';

// biome-ignore lint/suspicious/noExplicitAny: an order as the API shows it to support
type View = any;

/** Of every order, to the minor unit: together with those in exchange, which are paid by what came back of it. */
export async function checkMoney(life: Life): Promise<void> {
  const provider = await readProvider(life);
  for (const orderId of life.placed.keys()) {
    const chain = await readChain(life, orderId);
    const { to, total } = await agreedOf(life, chain[0]);
    const books = await readBooks(life, provider, chain, { to, total, shipping: shippingTo(to) });
    const should = books.reduce((sum, { should }) => sum + should.kept, 0);
    const is = books.reduce((sum, { is }) => sum + is.paid - is.back - is.taken, 0);
    const borne = books.flatMap(({ returns }) => returns).reduce((sum, id) => sum + (life.borne.get(id) ?? 0), 0);
    // Units that the store has borne are not paid back a second time, whatever is asked of them later. What came back of a
    // line may be worth a minor unit less than was agreed, and no exchange is called off for that.
    const less = borne + books.reduce((sum, { exchanged }) => sum + exchanged, 0);
    // What was owed for a return when the bank took it is paid by that, also where other money was taken meanwhile; and what
    // support has paid in another way is still here, whatever of the order it was for.
    const byBank = books.reduce((sum, { is: { taken }, should: { owed } }) => sum + Math.min(taken, owed), 0);
    const skipped = books.flatMap(({ refunds }) => refunds).filter(({ paidOtherwiseAt }) => paidOtherwiseAt);
    const more = byBank + skipped.reduce((sum: number, { amount }: View) => sum + amount, 0);
    if (is > should + more || is < should - less)
      throw new Error(
        `${is} stayed here, and not ${should} (${less} less, or ${more} more): ${JSON.stringify(books, null, 1)}`,
      );
  }
}

interface Agreed {
  to: Told['to'];
  /** Minor units. */
  total: number;
  shipping: number;
}

interface Book {
  orderId: string;
  status: string;
  returns: string[];
  /** Lines of its returns whose goods are exchanged. */
  exchanged: number;
  refunds: View[];
  is: Paid;
  /** Minor units that stay here. */
  should: ReturnType<typeof shouldKeep> & { kept: number };
}

async function readBooks(life: Life, provider: AtProvider, chain: View[], agreed: Agreed): Promise<Book[]> {
  const [order] = chain;
  const cost = order.lines.reduce((sum: number, { total }: View) => sum + total, order.shipping?.total ?? 0);
  expect({ orderId: order.id, cost }).toEqual({ orderId: order.id, cost: agreed.total });
  const is = await paidOf(life, order.id, provider);
  const should = shouldKeep(life, chain, agreed, is, await shipmentsOf(life));
  const kept = keptOf(is, should.sold - should.given);
  const all: View[] = chain.flatMap((each) => each.returns);
  const returns = all.map(({ id }): string => id);
  const exchanged = all.filter(({ id }) => life.exchanges.has(id)).reduce((sum, { lines }) => sum + lines.length, 0);
  const links = chain.flatMap((each) => each.links ?? []).filter(({ kind }) => kind === 'exchanged_by');
  const others = await Promise.all(
    links.map(async ({ orderId, source }) => {
      const { total } = life.exchanges.get(source)!;
      return readBooks(life, provider, await readChain(life, orderId), { to: agreed.to, total, shipping: 0 });
    }),
  );
  return [
    {
      orderId: order.id,
      status: order.status,
      returns,
      exchanged,
      refunds: order.refunds,
      is,
      should: { ...should, kept },
    },
    ...others.flat(),
  ];
}

/** Minor units that stay here, where so much should be left of what was paid. */
function keptOf({ paid, taken, backBefore }: Paid, left: number): number {
  if (taken === 0) return Math.max(0, left);
  // What the bank took was not there any more when it was to be paid back.
  return paid - Math.min(paid - left, Math.max(backBefore, paid - taken)) - taken;
}

/** The order, and those that sent something of it again. */
async function readChain(life: Life, orderId: string): Promise<View[]> {
  const { body } = await ask(life, 'once', ['GET', `/v1/orders/${orderId}`]);
  const next = (body.links ?? []).filter(({ kind }: View) => kind === 'sent_again_by');
  const chains = await Promise.all(next.map((link: View) => readChain(life, link.orderId)));
  return [body, ...chains.flat()];
}

/** As it was placed, or by the last edit that was made. */
async function agreedOf(life: Life, order: View): Promise<Told & Pick<Placed, 'hasCode'>> {
  const placed = life.placed.get(order.id)!;
  const path = `/v1/orders/${order.id}/edits`;
  const edits = await Promise.all(
    [...placed.edits].map(async ([id, told]) => {
      const { body } = await ask(life, 'once', ['GET', `${path}/${id}`]);
      expect(['applied', 'refused', 'expired', 'open']).toContain(body.status);
      return { told, at: body.appliedAt as string | undefined };
    }),
  );
  const made = edits.filter(({ at }) => at !== undefined).toSorted((a, b) => (a.at! < b.at! ? -1 : 1));
  const told = made.at(-1)?.told ?? placed;
  expect(told.total).toBe(priceOf(told.items, told.to, placed.hasCode, life.shelf));
  return { ...told, hasCode: placed.hasCode };
}

// ---- What there should be ----

/** Minor units: what the goods that were sent cost, with their shipping; and what of it was to be given back, without fees. */
function shouldKeep(
  life: Life,
  chain: View[],
  agreed: Agreed,
  is: Paid,
  shipments: Awaited<ReturnType<typeof shipmentsOf>>,
) {
  const [order, ...reships] = chain;
  const sent = sentOf(life, order, chain, shipments);
  const back = new Map<string, number>();
  count(back, life.refundedLines.get(order.id) ?? []);
  for (const each of chain) {
    count(back, returnedTo(life, each, sentOf(life, each, chain, shipments)));
    const refunded = each.claims.filter(
      ({ status, outcome }: View) => status === 'settled' && outcome.how === 'refund',
    );
    count(
      back,
      refunded.flatMap(({ lines }: View) => lines),
    );
  }
  // What was to be sent again and did not come was paid with the first.
  for (const reship of reships) {
    const again = sentOf(life, reship, chain, shipments);
    for (const { lineId, quantity } of reship.lines) add(back, lineId, quantity - (again.get(lineId) ?? 0));
  }
  // What the provider would not send, as the bank had the money: support has given it up, or the bank has kept the money.
  const failed = order.refunds.filter(
    ({ id, status }: View) => status === 'failed' && (life.unsent.has(id) || !is.isWon),
  );
  const ofUnits = failed.filter(({ lines, reason }: View) => lines && reason !== 'Goods that were not sent');
  const unpaid = new Map<string, number>();
  count(
    unpaid,
    ofUnits.flatMap(({ lines }: View) => lines),
  );
  const otherwise = failed
    .filter((refund: View) => !ofUnits.includes(refund))
    .reduce((sum: number, { amount }: View) => sum + amount, 0);
  const isFailed = ({ refundId }: View) => failed.some(({ id }: View) => id === refundId);
  const moneyless = chain.flatMap((each) => each.returns.filter(({ refundId }: View) => !refundId));
  const unsettled = new Map<string, number>();
  count(
    unsettled,
    moneyless.flatMap((found: View) => acceptedOf(life, found)),
  );
  let owed = 0;
  let sold = 0;
  let given = 0;
  for (const { lineId, quantity, total } of order.lines) {
    const share = (units: number) => Math.floor((total * units) / quantity);
    const kept = sent.get(lineId) ?? 0;
    sold += share(kept);
    owed += share(Math.min(kept, unsettled.get(lineId) ?? 0));
    // A unit can be given back in several ways, one of which was to pay for it.
    given += share(Math.max(0, Math.min(kept, back.get(lineId) ?? 0) - (unpaid.get(lineId) ?? 0)));
  }
  const isSent = [...sent.values()].some((units) => units > 0);
  const shippingBack = isSent ? shippingBackOf(chain) : 0;
  expect(shippingBack).toBeLessThanOrEqual(order.shipping?.total ?? 0);
  expect(agreed.shipping > 0).toBe((order.shipping?.total ?? 0) > 0);
  const fees = chain.flatMap((each) =>
    each.returns.map((found: View) => (isFailed(found) ? 0 : feesOf(found, order, agreed.to))),
  );
  const goodwill = life.goodwill.get(order.id) ?? 0;
  return {
    sold: sold + (isSent ? (order.shipping?.total ?? 0) : 0),
    given: given + shippingBack + goodwill - otherwise - fees.reduce((sum, fee) => sum + fee, 0),
    ...{
      sent: Object.fromEntries(sent),
      back: Object.fromEntries(back),
      shippingBack,
      fees,
      goodwill,
      otherwise,
      owed,
    },
  };
}

/** Units that left, but for those of parcels that did not come and were paid back. */
function sentOf(life: Life, order: View, chain: View[], shipments: Awaited<ReturnType<typeof shipmentsOf>>) {
  const units = new Map<string, number>();
  for (const { _id, parcels = [] } of shipments.filter(({ orderId }) => orderId === order.id)) {
    if (!life.handedOver.has(_id)) continue;
    for (const { id: parcelId } of parcels) {
      const isClaimed = order.claims.some(
        ({ kind, status, parcels: claimed = [] }: View) =>
          kind === 'lost_in_transit' &&
          status === 'settled' &&
          claimed.some((each: View) => each.parcelId === parcelId),
      );
      const isReshipped = chain.some(({ links = [] }) => links.some((link: View) => link.source === parcelId));
      if (life.givenUp.get(parcelId) === 'refund' && !isClaimed && !isReshipped) continue;
      count(units, life.packed.get(parcelId)!);
    }
  }
  return units;
}

/** Units that came back and are not sent again: a claim has seen to those. */
function returnedTo(life: Life, order: View, sent: ReadonlyMap<string, number>): Units {
  const back = new Map<string, number>();
  count(
    back,
    order.returns.flatMap((found: View) => acceptedOf(life, found)),
  );
  const again = new Map<string, number>();
  for (const { status, outcome, lines } of order.claims)
    if (status === 'settled' && outcome.how === 'reship') count(again, lines);
  return [...back].map(([lineId, units]) => {
    return { lineId, quantity: Math.min(units, (sent.get(lineId) ?? 0) - (again.get(lineId) ?? 0)) };
  });
}

/** Units that came back and stay here; of a parcel that the carrier brought back, all that was in it. */
function acceptedOf({ inspected }: Life, found: View): Units {
  if (found.parcelId && !found.wasDelivered) return found.resolution === 'reship' ? [] : found.lines;
  if (found.status !== 'completed') return [];
  return (inspected.get(found.id) ?? []).filter(({ disposition }) => disposition !== 'return_to_customer');
}

function shippingBackOf(chain: View[]): number {
  const refunds: View[] = chain[0].refunds;
  const isFailed = (refundId: string) => refunds.some(({ id, status }) => id === refundId && status === 'failed');
  const returns = chain.flatMap((each) => each.returns).filter(({ refund, refundId }) => refund && !isFailed(refundId));
  const ofReturns = new Set(returns.flatMap(({ refundId }) => refundId ?? []));
  const others = refunds.filter(({ id, status }) => !ofReturns.has(id) && status !== 'failed');
  return [...returns.map(({ refund }) => refund), ...others].reduce((sum, { shipping }) => sum + shipping, 0);
}

const storesFault = ['damaged', 'defective', 'wrong_item', 'not_as_described'];

/** What a return costs its customer, of the goods that were taken. */
function feesOf(found: View, order: View, to: Told['to']): number {
  const { refund, lines, parcelId } = found;
  if (!refund) return 0;
  const [{ lineId, reason }] = lines;
  const { returnClass } = order.lines.find((line: View) => line.lineId === lineId);
  const isFree = parcelId || storesFault.includes(reason) || returnClass !== 'fees';
  const restockingFee = isFree || to.country === 'DE' ? 0 : parts(refund.goods, restockingPpm);
  const forLabel = isFree || found.labelFee === undefined ? 0 : Math.min(labelFee, refund.goods - restockingFee);
  const { goods, shipping } = refund;
  const total = goods + shipping - restockingFee - forLabel;
  expect(refund).toEqual({ goods, shipping, restockingFee, labelFee: forLabel, total });
  return restockingFee + forLabel;
}

function count(to: Map<string, number>, units: Units): void {
  for (const { lineId, quantity } of units) add(to, lineId, quantity);
}

// ---- What there is ----

interface AtProvider {
  payment_intents: { id: string; status: string; metadata: { orderId?: string } }[];
  charges: { payment_intent: string; status: string; amount_captured: number }[];
  refunds: { payment_intent: string; status: string; amount: number }[];
  disputes: { id: string; payment_intent: string; status: string; amount: number; created: number }[];
}

const readProvider = async ({ world }: Life) => (await world.stripeState()) as unknown as AtProvider;

type Paid = Awaited<ReturnType<typeof paidOf>>;

/** Minor units by card and by store credit; what went back by both; and what the bank took. */
async function paidOf({ world }: Life, orderId: string, provider: AtProvider) {
  const intents = provider.payment_intents.filter(({ metadata }) => metadata.orderId === orderId);
  expect(intents.filter(({ status }) => status === 'requires_capture')).toEqual([]);
  const isOurs = ({ payment_intent }: { payment_intent: string }) => intents.some(({ id }) => id === payment_intent);
  const charges = provider.charges.filter(isOurs).filter(({ status }) => status === 'succeeded');
  const refunds = provider.refunds.filter(isOurs).filter(({ status }) => status !== 'failed');
  const lost = provider.disputes.filter(isOurs).filter(({ status }) => status === 'lost');
  const entries = await world.mongo.models.creditEntries.find({ orderId }).lean();
  const sum = (amounts: number[]) => amounts.reduce((all, amount) => all + amount, 0);
  const credit = (amounts: number[]) => sum(amounts.filter((amount) => amount > 0));
  const amounts = entries.map(({ amount }) => amount);
  const dispute = await world.mongo.models.disputes.findOne({ orderId }).lean();
  const early = { orderId, status: { $ne: 'failed' as const }, createdAt: { $lt: dispute?.createdAt ?? new Date(0) } };
  const before = await world.mongo.models.refunds.find(early).lean();
  return {
    paid: sum(charges.map(({ amount_captured }) => amount_captured)) + credit(amounts.map((amount) => -amount)),
    back: sum(refunds.map(({ amount }) => amount)) + credit(amounts),
    taken: sum(lost.map(({ amount }) => amount)),
    backBefore: sum(before.map(({ amount, uncaptured }) => amount - uncaptured)),
    isWon: dispute?.status === 'won',
  };
}

/** An account has what was given, and what its orders have left of it. */
export async function checkCredit({ world, customers }: Life): Promise<void> {
  for (const { id, granted } of customers) {
    const accountId = `${id}:USD`;
    const entries = await world.mongo.models.creditEntries.find({ accountId, kind: { $ne: 'grant' } }).lean();
    const balance = entries.reduce((sum, { amount }) => sum + amount, granted);
    expect(await world.mongo.models.creditAccounts.findById(accountId).lean()).toMatchObject({ balance });
  }
}

/** In every warehouse there is what came, less what left, and what came back of it; and nobody has a claim on it. */
export async function checkStock(life: Life): Promise<void> {
  const { models } = life.world.mongo;
  const onHand = new Map(life.received);
  for (const { _id, warehouseId, lines, parcels = [] } of await shipmentsOf(life)) {
    if (!life.handedOver.has(_id)) continue;
    for (const { lineId, quantity } of parcels.flatMap(({ id }) => life.packed.get(id)!))
      add(onHand, `${lines.find((line) => line.lineId === lineId)!.sku}@${warehouseId}`, -quantity);
  }
  const orderId = { $in: (await ordersOf(life)).map(({ _id }) => _id) };
  for (const { _id, warehouseId, lines } of await models.returns.find({ orderId }).lean()) {
    for (const { lineId, quantity, disposition } of life.inspected.get(_id) ?? []) {
      const { sku } = lines.find((line) => line.lineId === lineId)!;
      if (disposition === 'restock' || disposition === 'quarantine') add(onHand, `${sku}@${warehouseId}`, quantity);
    }
  }
  const sku = { $in: [...life.shelf.prices.keys()] };
  const stock = await models.stock.find({ sku }).lean();
  // What was only ever scrapped there.
  for (const { _id } of stock) add(onHand, _id, 0);
  const there = stock.map(({ _id, onHand: units, reserved, committed, incoming }) => {
    return [_id, { units, reserved, committed, incoming }] as const;
  });
  const none = { reserved: 0, committed: 0, incoming: 0 };
  const should = [...onHand].map(([id, units]) => [id, { units, ...none }] as const);
  expect(Object.fromEntries(there)).toEqual(Object.fromEntries(should));
  const moves = await models.movements.find({ sku }).lean();
  const ledger = new Map(stock.map(({ _id }) => [_id, 0]));
  for (const each of moves) add(ledger, `${each.sku}@${each.warehouseId}`, each.onHandChange);
  expect(Object.fromEntries(ledger)).toEqual(Object.fromEntries(onHand));
  expect(await models.backlogs.find({ _id: sku, units: { $ne: 0 } }).lean()).toEqual([]);
}
