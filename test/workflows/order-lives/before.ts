/** What is done with orders before anything of them is picked: placed, paid, changed, cancelled, held. */
import type { Payment } from '../../../models/payment.ts';
import { ask, isDone, type Life, oneOf, ordersOf, receive, type Step } from './life.ts';
import { addresses, type Item, priceOf, warehouses } from './shop.ts';

const cards = [
  ...['pm_card_visa', 'pm_card_visa', 'pm_card_mastercard', 'pm_card_visa', 'pm_card_chargeDeclined'],
  ...['pm_card_threeDSecure2Required', undefined],
];
const customer = { email: 'buyer@example.com', name: 'Buyer' };
const reason = 'they say so';

export async function place(life: Life, { pick, other, how }: Step): Promise<boolean> {
  const items = itemsOf(life, pick, other);
  const to = oneOf(addresses, other)!;
  const hasCode = pick % 2 === 0;
  const account = other % 3 === 0 ? oneOf(life.customers, pick) : undefined;
  const total = priceOf(items, to, hasCode, life.shelf);
  const paymentMethod = oneOf(cards, pick + other);
  const body = {
    ...{ currency: 'USD', items, customer, shippingAddress: to, expectedTotal: total },
    ...(hasCode && { codes: ['ten'] }),
    ...(account && { useStoreCredit: true }),
    ...(other % 5 > 0 && { acceptBackorder: true }),
    ...(paymentMethod && { paymentMethod }),
  };
  const token = account ? life.api.signedIn(account.id) : '';
  const answer = await ask(life, how, ['POST', '/v1/orders', body, token]);
  const { status } = answer;
  if (status === 202) throw new Error('Placing took too long');
  const wasSpent = answer.body.changes?.some(({ what }: { what: string }) => what === 'store_credit');
  if (answer.body.type?.endsWith('price-changed') && !wasSpent)
    throw new Error(`Not the price of the list: ${life.log.at(-1)}`);
  if (status !== 201) return false;
  life.placed.set(answer.body.order.id, { items, to, hasCode, total, edits: new Map() });
  return true;
}

function itemsOf({ shelf }: Life, pick: number, other: number): Item[] {
  const skus = [...shelf.prices.keys()];
  const chosen = Array.from({ length: 1 + (pick % 3) }, (_, index) => skus[(other + 2 * index) % skus.length]!);
  return [...new Set(chosen)].map((sku, index) => ({ sku, quantity: 1 + ((pick + other + index) % 3) }));
}

export async function pay(life: Life, { pick, other, how }: Step): Promise<boolean> {
  const waiting = (await ordersOf(life)).filter(({ status }) => status === 'awaiting_payment');
  const order = oneOf(waiting, pick);
  if (!order) return false;
  if (other % 3 === 0) return confirmInBrowser(life, order._id);
  const paymentMethod = cards[other % 6]!;
  const token = life.api.ownerOf(order._id);
  return isDone(await ask(life, how, ['POST', `/v1/orders/${order._id}/payments`, { paymentMethod }, token]));
}

/** Whatever waits for it: a payment, a method that is saved, an edit. */
export async function confirmInBrowser({ world, log }: Life, orderId: string): Promise<boolean> {
  const payment = await world.mongo.models.payments.findOne({ orderId }).lean<Payment>();
  const intents = [payment?.edit?.intentId, payment?.intentId].flatMap((id) => id ?? []);
  const paths = intents.map((id) => `payment_intents/${id}/authenticate`);
  if (payment?.setup) paths.push(`setup_intents/${payment.setup.id}/authenticate`);
  let isConfirmed = false;
  for (const path of paths)
    isConfirmed ||= await world.control(world.stripe.url, 'POST', `/_sandbox/${path}`, {}).then(
      () => true,
      () => false,
    );
  log.push(`${orderId} confirmed in the browser: ${isConfirmed}`);
  return isConfirmed;
}

export async function cancelLines(life: Life, { pick, other, units, how }: Step): Promise<boolean> {
  const order = oneOf(await openOrders(life), pick);
  const line = oneOf(order?.lines ?? [], other);
  if (!order || !line) return false;
  const lines = [{ lineId: line.lineId, quantity: Math.min(units, line.quantity) }];
  return isDone(
    await ask(life, how, ['POST', `/v1/orders/${order._id}/cancel`, { reason, lines }, by(life, order._id, other)]),
  );
}

export async function cancelOrder(life: Life, { pick, other, how }: Step): Promise<boolean> {
  // Most orders are to come further.
  if (other % 4 > 0) return false;
  const order = oneOf(await openOrders(life), pick);
  if (!order) return false;
  return isDone(
    await ask(life, how, ['POST', `/v1/orders/${order._id}/cancel`, { reason }, by(life, order._id, pick)]),
  );
}

export async function edit(life: Life, { pick, other, units, how }: Step): Promise<boolean> {
  const order = oneOf(
    (await openOrders(life)).filter(({ reshipOf }) => reshipOf === undefined),
    pick,
  );
  const placed = order && life.placed.get(order._id);
  if (!order || !placed) return false;
  const items = changed(life, order.items, other, units);
  const went = addresses.find(({ postalCode }) => postalCode === order.shipTo.postalCode)!;
  const to = other % 3 === 0 ? oneOf(addresses, units)! : went;
  const path = `/v1/orders/${order._id}/edits`;
  const token = by(life, order._id, pick);
  const body = { ...(items.length > 0 && { items }), shippingAddress: to };
  const preview = await ask(life, 'once', ['POST', path, body, token]);
  if (!isDone(preview)) return false;
  const told: Item[] = preview.body.becomes.items;
  const now = { items: told, to, total: priceOf(told, to, placed.hasCode, life.shelf) };
  if (preview.body.after !== now.total)
    throw new Error(`An edit is told to cost ${preview.body.after}, and not ${now.total}: ${life.log.at(-1)}`);
  placed.edits.set(preview.body.id, now);
  const paymentMethod = cards[other % 6]!;
  const confirm = await ask(life, how, ['POST', `${path}/${preview.body.id}/confirm`, { paymentMethod }, token]);
  return isDone(confirm);
}

function changed({ shelf }: Life, items: readonly Item[], other: number, units: number): Item[] {
  const skus = [...shelf.prices.keys()];
  const now = new Map<string, number>();
  for (const { sku, quantity } of items) now.set(sku, (now.get(sku) ?? 0) + quantity);
  const sku = skus[other % skus.length]!;
  if (other % 2 === 0) now.set(sku, units);
  else {
    const known = oneOf([...now.keys()], other)!;
    now.set(known, Math.max(0, now.get(known)! + units - 2));
  }
  return [...now].flatMap(([each, quantity]) => (quantity > 0 ? [{ sku: each, quantity }] : []));
}

export async function hold(life: Life, { pick, other, how }: Step): Promise<boolean> {
  const order = oneOf(await openOrders(life), pick);
  if (!order) return false;
  const until = other % 2 === 0 ? { until: new Date(Date.now() + 1_500).toISOString() } : {};
  return isDone(await ask(life, how, ['POST', `/v1/orders/${order._id}/hold`, { reason, ...until }]));
}

export async function release(life: Life, { pick, how }: Step): Promise<boolean> {
  const order = oneOf(await openOrders(life), pick);
  return order !== undefined && isDone(await ask(life, how, ['POST', `/v1/orders/${order._id}/release`, { reason }]));
}

export async function goodsCome(life: Life, { pick, other, units }: Step): Promise<boolean> {
  const skus = [...life.shelf.prices.keys()].filter((sku) => !life.shelf.bundles.has(sku));
  await receive(life, { sku: oneOf(skus, pick)!, quantity: units }, oneOf(warehouses, other)!);
  return true;
}

export async function openOrders(life: Life) {
  const ended = ['completed', 'cancelled', 'expired', 'rejected'];
  return (await ordersOf(life)).filter(({ status }) => !ended.includes(status));
}

function by({ api, admin }: Life, orderId: string, chance: number): string {
  return chance % 2 === 0 ? api.ownerOf(orderId) : admin;
}
