/** Goods that come back, over the real API and workers: by whom, on which terms, in how many parcels, and for how much. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { createToken } from '../../activities/staff-tokens.ts';
import type { Role } from '../../models/access.ts';
import { newId } from '../../models/id.ts';
import type { Order } from '../../models/order.ts';
import { linkToken } from '../../platform/link-token.ts';
import type { Disposition, Reception } from '../../workflows/domain/states.ts';
import { config } from '../api/support.ts';
import { seller } from '../support/invoices.ts';
import { type Answered, serve } from '../support/serve.ts';
import { price } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { createWarehouse } from '../support/warehouse.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let api: Awaited<ReturnType<typeof serve>>;
let warehouse: ReturnType<typeof createWarehouse>;
const tokens = {} as Record<Role, string>;

const policies = {
  standard: { windowDays: 30, returnShipping: 'store', refundShipping: 'never', approval: 'rule' },
  fees: {
    ...{ windowDays: 30, returnShipping: 'customer', labelFee: { USD: 490 }, refundShipping: 'never' },
    ...{ restockingPercent: 10, approval: 'rule' },
  },
  whole: { windowDays: 30, returnShipping: 'store', refundShipping: 'with_whole_order', approval: 'rule' },
  looked_at: { windowDays: 30, returnShipping: 'store', refundShipping: 'never', approval: 'person' },
  clearance: { windowDays: 30, finalSale: true, returnShipping: 'store', refundShipping: 'never', approval: 'rule' },
};

beforeAll(async () => {
  world = await startWorld();
  api = await serve(world);
  warehouse = createWarehouse(world);
  for (const role of ['warehouse', 'support', 'admin'] as const)
    tokens[role] = (await createToken(world.mongo, role)).token;
  const ways = [
    { _id: 'express', name: 'Express', position: 1, price: 990 },
    { _id: 'post', name: 'Post', position: 2, price: 490 },
  ];
  for (const { price: each, ...way } of ways)
    await world.mongo.models.deliveryMethods.create([
      {
        ...way,
        active: true,
        zones: [{ countries: ['*'], prices: { EUR: [{ price: each }] }, minDays: 1, maxDays: 3 }],
      },
    ]);
  const taxes = { inclusiveIn: ['EUR'], rounding: 'total', source: 'table' };
  const settings = { seller, taxes, returns: { policies } };
  expect(await ask('PUT', '/settings', settings, tokens.admin)).toMatchObject({ status: 200, body: settings });
  expect(await ask('GET', '/settings', undefined, tokens.admin)).toMatchObject({ body: { returns: { policies } } });
});
afterEach(async () => {
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
});
afterAll(async () => {
  expect(await world.replayFailures()).toEqual([]);
  await api.stop();
  await world.stop();
});

// ---- What is asked ----

const ask = (method: string, path: string, body?: unknown, token?: string, key?: string) =>
  api.ask(method, `/v1${path}`, body, token, key);
const ownerOf = (orderId: string) => linkToken(config.WAYBILL_SECRET, orderId);
const shipTo = { name: 'Ada', line1: 'Weg 1', city: 'Bonn', postalCode: '53111', country: 'DE' };

type Asked = [lineId: string, quantity: number, reason?: string];

function wants(orderId: string, asked: Asked[], token = ownerOf(orderId), more: object = {}): Promise<Answered> {
  const lines = asked.map(([lineId, quantity, reason = 'does_not_fit']) => ({ lineId, quantity, reason }));
  return ask('POST', `/orders/${orderId}/returns`, { lines, ...more }, token);
}

/** Approved, and on its way as far as anybody knows. */
async function opened(orderId: string, asked: Asked[], token?: string): Promise<string> {
  const { status, body } = await wants(orderId, asked, token);
  expect({ status, body }).toMatchObject({ status: 201 });
  await world.returnReaches(body.id, 'approved');
  await until(async () => (await shown(body.id)).waitingFor?.event === 'return_arrival', `${body.id} is awaited`);
  return body.id;
}

type Came = [lineId: string, quantity: number, reception?: Reception];

function receive(returnId: string, came: Came[], more: object = {}): Promise<Answered> {
  const lines = came.map(([lineId, quantity, reception = 'received']) => ({ lineId, quantity, reception }));
  return ask('POST', `/returns/${returnId}/receive`, { lines, ...more }, tokens.warehouse);
}

function inspect(returnId: string, fates: [lineId: string, quantity: number, disposition?: Disposition][]) {
  const lines = fates.map(([lineId, quantity, disposition = 'restock']) => ({ lineId, quantity, disposition }));
  return ask('POST', `/returns/${returnId}/inspect`, { lines }, tokens.warehouse);
}

/** From the door to the end, all of it as good as new. */
async function takenBack(returnId: string, came: [lineId: string, quantity: number][], inAll?: number): Promise<void> {
  expect(await receive(returnId, came)).toMatchObject({ status: 200, body: { status: 'received' } });
  const fates = inAll === undefined ? came : came.map(([lineId]): [string, number] => [lineId, inAll]);
  expect(await inspect(returnId, fates)).toMatchObject({ status: 200 });
  expect(await world.returnHandle(returnId).result()).toBe('completed');
}

// biome-ignore lint/suspicious/noExplicitAny: a test looks into answers of every form
async function shown(returnId: string, token = tokens.support): Promise<any> {
  return (await ask('GET', `/returns/${returnId}`, undefined, token)).body;
}

const refundsOf = async (orderId: string) => (await world.atStripe(orderId)).refunds;

async function creditNotesOf(orderId: string): Promise<number[]> {
  const found = await world.mongo.models.invoices.find({ orderId, kind: 'credit_note' }, { pdf: 0 }).lean();
  return found.map(({ content }) => content.gross);
}

async function sold(returnClass: string | undefined, quantity: number, order: Partial<Order> = {}) {
  const sku = await world.newSku({ wh_east: quantity }, returnClass === undefined ? {} : { returnClass });
  const orderId = await world.delivered({ items: [{ sku, quantity }], ...order });
  return { sku, orderId };
}

/** By a dearer way than the cheapest. */
async function sentByExpress(returnClass: string, country: string): Promise<{ orderId: string; sku: string }> {
  const sku = await world.newSku({ wh_east: 2 }, { returnClass });
  const cart = { currency: 'EUR', items: [{ sku, quantity: 2 }], deliveryMethod: 'express' };
  const { body: quoted } = await ask('POST', '/quotes', {
    ...cart,
    destination: { country, postalCode: '53111', city: 'Bonn' },
  });
  const customer = { email: 'ada@example.com', name: 'Ada' };
  const shippingAddress = { ...shipTo, country };
  const order = { quoteId: quoted.id, customer, shippingAddress, paymentMethod: 'pm_card_visa' };
  const placed = await ask('POST', '/orders', order);
  expect(placed).toMatchObject({ status: 201, body: { order: { shipping: { method: 'express', total: 990 } } } });
  return { orderId: placed.body.order.id, sku };
}

// ---- The tests ----

describe('what comes', () => {
  test('in two parcels adds up, and is settled once the last is there', async () => {
    const { sku, orderId } = await sold(undefined, 3);
    const returnId = await opened(orderId, [['line_1', 3]]);
    expect(await receive(returnId, [['line_1', 1]], { more: true })).toMatchObject({ body: { status: 'in_transit' } });
    expect(await shown(returnId)).toMatchObject({
      ...{ status: 'in_transit', waitingFor: { event: 'return_arrival' } },
      lines: [{ quantity: 3, received: 1, reception: 'received' }],
    });
    await takenBack(returnId, [['line_1', 2]], 3);
    expect(await world.stock(sku, 'wh_east')).toMatchObject({ onHand: 3 });
    expect(await refundsOf(orderId)).toEqual([3 * price]);
  });

  test('in a part, and nothing more until the time is up, is settled as it came', async () => {
    const { sku, orderId } = await sold(undefined, 3);
    const returnId = await opened(orderId, [['line_1', 3]]);
    await receive(returnId, [['line_1', 1]], { more: true });
    const now = {
      event: 'return_arrival',
      deadline: new Date().toISOString(),
      reason: 'They have thrown the rest away',
    };
    expect(await ask('PUT', `/returns/${returnId}/deadline`, now, tokens.support)).toMatchObject({ status: 200 });
    await world.returnReaches(returnId, 'received');
    await inspect(returnId, [['line_1', 1]]);
    expect(await world.returnHandle(returnId).result()).toBe('completed');
    expect(await world.stock(sku, 'wh_east')).toMatchObject({ onHand: 1 });
    expect(await refundsOf(orderId)).toEqual([price]);
    const { timeline } = await shown(returnId);
    expect(timeline.map(({ what }: { what: string }) => what)).toEqual(
      expect.arrayContaining(['A part has arrived', 'Nothing more came in time', 'Inspected', 'Return completed']),
    );
    expect(timeline).toContainEqual(expect.objectContaining({ why: now.reason }));
  });

  test('and is written down by two at once counts once, and the last of it is there where nothing more came', async () => {
    const { orderId } = await sold(undefined, 3);
    const returnId = await opened(orderId, [['line_1', 3]]);
    const both = await Promise.all([1, 2].map(() => receive(returnId, [['line_1', 2]], { more: true })));
    expect(both.map(({ status }) => status).toSorted()).toEqual([200, 409]);
    expect(both.find(({ status }) => status === 409)).toMatchObject({
      body: { detail: expect.stringContaining('Somebody else has written down') },
    });
    await takenBack(returnId, [['line_1', 0]], 2);
    expect((await shown(returnId)).lines).toMatchObject([{ received: 2, reception: 'received' }]);
    expect(await refundsOf(orderId)).toEqual([2 * price]);
  });

  test('beyond what was asked for, and lines that nobody asked for, are paid back; what is not of the order is asked about', async () => {
    const [first, second] = [await world.newSku({ wh_east: 3 }), await world.newSku({ wh_east: 2 })];
    const items = [
      { sku: first, quantity: 3 },
      { sku: second, quantity: 2 },
    ];
    const orderId = await world.delivered({ items });
    const returnId = await opened(orderId, [['line_1', 1]]);
    const unexpected = [{ description: 'a used toothbrush', quantity: 1 }];
    const came: Came[] = [
      ['line_1', 2],
      ['line_2', 1],
    ];
    expect(await receive(returnId, came, { unexpected })).toMatchObject({ status: 200 });
    await inspect(returnId, [
      ['line_1', 2],
      ['line_2', 1, 'scrap'],
    ]);
    await world.returnReaches(returnId, 'completed');
    expect(await refundsOf(orderId)).toEqual([3 * price]);
    expect(await world.stock(first, 'wh_east')).toMatchObject({ onHand: 2 });
    expect(await world.stock(second, 'wh_east')).toMatchObject({ onHand: 0, damaged: 0 });
    const seen = await shown(returnId);
    expect(seen).toMatchObject({
      lines: [
        { lineId: 'line_1', quantity: 1, received: 2 },
        { lineId: 'line_2', quantity: 0, received: 1, reason: 'never_asked_for' },
      ],
      unexpected: [{ what: 'a used toothbrush', quantity: 1 }],
      incidents: [{ cause: 'unexpected_goods', why: 'Not of this order: 1 of a used toothbrush' }],
    });
    const { body } = await ask('GET', '/incidents?cause=unexpected_goods', undefined, tokens.support);
    expect(body.incidents).toMatchObject([{ why: 'Not of this order: 1 of a used toothbrush' }]);
    const answer = { answer: 'skip' };
    await ask('POST', `/orders/${orderId}/incidents/${seen.incidents[0].id}/answer`, answer, tokens.support);
    expect(await world.returnHandle(returnId).result()).toBe('completed');
    // What was paid back already cannot come back once more.
    expect(await wants(orderId, [['line_2', 2]])).toMatchObject({ status: 409 });
  });

  test('in place of what was sent is neither stock nor paid for, and needs no inspection', async () => {
    const { sku, orderId } = await sold(undefined, 1);
    const returnId = await opened(orderId, [['line_1', 1]]);
    await receive(returnId, [['line_1', 1, 'wrong_item']]);
    await world.returnReaches(returnId, 'completed');
    const seen = await shown(returnId);
    expect(seen).toMatchObject({ lines: [{ received: 0, wrong: 1, reception: 'wrong_item' }], refund: { total: 0 } });
    await ask('POST', `/incidents/${seen.incidents[0].id}/answer`, { answer: 'skip' }, tokens.support);
    expect(await world.returnHandle(returnId).result()).toBe('completed');
    expect(await world.stock(sku, 'wh_east')).toMatchObject({ onHand: 0, damaged: 0 });
    expect(await refundsOf(orderId)).toEqual([]);
  });

  test('and nobody has announced is opened by the warehouse, without a label', async () => {
    const { sku, orderId } = await sold(undefined, 1);
    const returnId = await opened(orderId, [['line_1', 1]], tokens.warehouse);
    expect(await shown(returnId)).toMatchObject({ openedBy: 'warehouse' });
    await takenBack(returnId, [['line_1', 1]]);
    expect((await shown(returnId)).labelUrl).toBeUndefined();
    expect(await world.stock(sku, 'wh_east')).toMatchObject({ onHand: 1 });
    expect(await refundsOf(orderId)).toEqual([price]);
    expect(await world.mailsOf(orderId)).not.toContain('return_approved');
  });
});

test('what is left of an order comes back to where it was sent from, though its first goods never came', async () => {
  const waited = await world.newSku({}, { backorder: { limit: 5, leadDays: 5 } });
  const sku = await world.newSku({ wh_west: 1 });
  const { orderId } = await world.place({
    acceptsBackorder: true,
    items: [
      { sku: waited, quantity: 1 },
      { sku, quantity: 1 },
    ],
  });
  await until(async () => (await world.paymentOf(orderId)).setup?.status === 'saved', 'its card is saved');
  const body = { reason: 'too long', lines: [{ lineId: 'line_1', quantity: 1 }] };
  expect(await ask('POST', `/orders/${orderId}/cancel`, body, tokens.support)).toMatchObject({ status: 200 });
  await until(
    async () => (await world.shipmentsOf(orderId)).some(({ status }) => status === 'picking'),
    'it is picked',
  );
  const shipment = (await world.shipmentsOf(orderId)).find(({ status }) => status === 'picking')!;
  await world.ship(orderId, shipment.id);
  await world.carrierSays(shipment.id, 'delivered');
  await world.reaches(orderId, 'completed');
  const returnId = await opened(orderId, [['line_2', 1]]);
  expect(await shown(returnId)).toMatchObject({ warehouseId: 'wh_west' });
  await takenBack(returnId, [['line_2', 1]]);
  expect(await world.stock(sku, 'wh_west')).toMatchObject({ onHand: 1 });
});

describe('what is paid back', () => {
  test('is less by the fees that the policy says, and so is the credit note', async () => {
    const { orderId } = await sold('fees', 3);
    const returnId = await opened(orderId, [['line_1', 2]]);
    const owner = await shown(returnId, ownerOf(orderId));
    expect(owner).toMatchObject({
      labelFee: 490,
      labelUrl: expect.any(String),
      waitingFor: { event: 'return_arrival' },
    });
    expect(owner).not.toHaveProperty('timeline');
    await takenBack(returnId, [['line_1', 2]]);
    const refund = { goods: 2 * price, shipping: 0, restockingFee: 400, labelFee: 490, total: 2 * price - 890 };
    expect(await shown(returnId)).toMatchObject({ refund });
    expect(await refundsOf(orderId)).toEqual([refund.total]);
    await until(async () => (await creditNotesOf(orderId)).length === 1, 'the credit note is there');
    expect(await creditNotesOf(orderId)).toEqual([refund.total]);
  });

  test('is all of it where the store was wrong', async () => {
    const { orderId } = await sold('fees', 1);
    const returnId = await opened(orderId, [['line_1', 1, 'not_as_described']]);
    await takenBack(returnId, [['line_1', 1]]);
    expect(await refundsOf(orderId)).toEqual([price]);
  });

  test('is without a label where the policy has none in the currency: the customer is told where to send it', async () => {
    const { orderId } = await sold('fees', 1, { currency: 'EUR', shipTo: { ...shipTo, country: 'CH' } });
    const returnId = await opened(orderId, [['line_1', 1]]);
    const seen = await shown(returnId, ownerOf(orderId));
    expect(seen).toMatchObject({ sendTo: { line1: 'Dock 1' } });
    expect(seen.labelUrl).toBeUndefined();
    await takenBack(returnId, [['line_1', 1]]);
    expect(await refundsOf(orderId)).toEqual([1_899 - 190]);
  });

  test('of a whole order that is withdrawn in the EU has the shipping in it, as the cheapest way would have cost', async () => {
    const { orderId } = await sentByExpress('fees', 'DE');
    await world.deliver(orderId);
    for (const _ of [1, 2]) await takenBack(await opened(orderId, [['line_1', 1]]), [['line_1', 1]]);
    // No restocking fee by law, and no label in this currency.
    expect(await refundsOf(orderId)).toEqual([1_899, 1_899 + 490]);
  });

  test('of a whole order has all of its shipping in it where the policy says so', async () => {
    const { orderId } = await sentByExpress('whole', 'CH');
    await world.deliver(orderId);
    for (const _ of [1, 2]) await takenBack(await opened(orderId, [['line_1', 1]]), [['line_1', 1]]);
    expect(await refundsOf(orderId)).toEqual([1_899, 1_899 + 990]);
  });
});

describe('a parcel that the carrier brings back', () => {
  /** As its order knows it by then. */
  async function broughtBack(orderId: string): Promise<string> {
    const { models } = world.mongo;
    await until(async () => (await models.returns.findOne({ orderId, by: 'carrier' }).lean())?.state !== undefined);
    return (await models.returns.findOne({ orderId, by: 'carrier' }).lean().orFail())._id;
  }

  async function refused(returnClass?: string, quantity = 2) {
    const sku = await world.newSku({ wh_east: quantity }, returnClass === undefined ? {} : { returnClass });
    const { orderId } = await world.place({ items: [{ sku, quantity }], currency: 'EUR', shipTo });
    const [shipment] = await world.shipmentsOf(orderId);
    await world.ship(orderId, shipment!.id);
    await world.carrierSays(shipment!.id, 'returned_to_sender');
    await world.reaches(orderId, 'completed');
    const returnId = await broughtBack(orderId);
    return { sku, orderId, returnId, shipmentId: shipment!.id };
  }

  test('is put on its shelf again, and paid back', async () => {
    const { sku, orderId, returnId, shipmentId } = await refused('whole');
    const { trackingNumber } = (await warehouse.shipmentOf(shipmentId)).parcels![0]!.label!;
    const { body } = await ask('GET', `/returns?trackingNumber=${trackingNumber}`, undefined, tokens.warehouse);
    expect(body.returns).toMatchObject([{ id: returnId, status: 'in_transit', openedBy: 'carrier' }]);
    await takenBack(returnId, [['line_1', 2]]);
    expect(await world.stock(sku, 'wh_east')).toEqual({ onHand: 2, damaged: 0, reserved: 0, committed: 0 });
    expect(await refundsOf(orderId)).toEqual([2 * 1_899 + 490]);
    const { body: order } = await ask('GET', `/orders/${orderId}`, undefined, tokens.support);
    expect(order).toMatchObject({ fulfillmentStatus: 'returned', paymentStatus: 'refunded', incidents: [] });
    expect(await world.mailsOf(orderId)).toEqual(['order_confirmed', 'shipped', 'return_received', 'refunded']);
  });

  test('is paid back in full also where some of it is missing: nobody else has it', async () => {
    const { sku, orderId, returnId } = await refused('fees');
    await takenBack(returnId, [['line_1', 1]]);
    expect(await world.stock(sku, 'wh_east')).toMatchObject({ onHand: 1 });
    expect(await refundsOf(orderId)).toEqual([2 * 1_899]);
  });

  test('is sent again where support says so, and can come back from there', async () => {
    const { sku, orderId, returnId } = await refused();
    const again = { resolution: 'reship', reason: 'They had moved house' };
    expect(await ask('POST', `/returns/${returnId}/resolution`, again, tokens.support)).toMatchObject({ status: 200 });
    await takenBack(returnId, [['line_1', 2]]);
    const seen = await shown(returnId);
    expect(seen).toMatchObject({ resolution: 'reship', reshipOrderId: expect.any(String) });
    expect(seen.timeline).toContainEqual(
      expect.objectContaining({ why: again.reason, before: 'refund', after: 'reship' }),
    );
    expect(await refundsOf(orderId)).toEqual([]);
    const { reshipOrderId } = seen;
    await world.reaches(reshipOrderId, 'confirmed');
    expect(await world.stock(sku, 'wh_east')).toMatchObject({ onHand: 2, committed: 2 });
    await world.deliver(reshipOrderId);
    // It was paid with the first order, so that is what pays it back.
    await takenBack(await opened(reshipOrderId, [['line_1', 1]]), [['line_1', 1]]);
    expect(await refundsOf(orderId)).toEqual([1_899]);
  });

  test('beside one that arrived is no part of what its customer has', async () => {
    const { orderId } = await world.place({ items: [{ sku: 'MUG', quantity: 3 }] });
    const { id } = (await world.shipmentsOf(orderId))[0]!;
    await world.pickAll(id);
    const lineId = 'line_1';
    await warehouse.packInto(id, [[{ lineId, quantity: 1 }], [{ lineId, quantity: 2 }]]);
    await world.handOver(orderId, id);
    await world.carrierSays(id, 'returned_to_sender', { parcel: 0 });
    await world.carrierSays(id, 'delivered', { parcel: 1 });
    await world.reaches(orderId, 'completed');
    const returnId = await broughtBack(orderId);
    expect(await wants(orderId, [[lineId, 3]])).toMatchObject({
      status: 409,
      body: { detail: 'Line line_1: 3 asked, 2 can be returned' },
    });
    await takenBack(returnId, [[lineId, 1]]);
    expect(await refundsOf(orderId)).toEqual([price]);
    const { body } = await ask('GET', `/orders/${orderId}`, undefined, tokens.support);
    expect(body.fulfillmentStatus).toBe('partially_returned');
    await takenBack(await opened(orderId, [[lineId, 2]]), [[lineId, 2]]);
    expect((await refundsOf(orderId)).reduce((sum, amount) => sum + amount)).toBe(3 * price);
  });

  test('after it was called delivered comes back like any other return: what is accepted is paid back', async () => {
    const sku = await world.newSku({ wh_east: 3 });
    const orderId = await world.delivered({ items: [{ sku, quantity: 3 }] });
    const [shipment] = await world.shipmentsOf(orderId);
    // Its customer has sent one of them back before, and was paid for it.
    await takenBack(await opened(orderId, [['line_1', 1]]), [['line_1', 1]]);
    await world.carrierSays(shipment!.id, 'returned_to_sender');
    const returnId = await broughtBack(orderId);
    await world.returnReaches(returnId, 'approved');
    const { trackingNumber } = (await warehouse.shipmentOf(shipment!.id)).parcels![0]!.label!;
    const { body } = await ask('GET', `/returns?trackingNumber=${trackingNumber}`, undefined, tokens.warehouse);
    expect(body.returns).toMatchObject([{ id: returnId, status: 'approved', openedBy: 'carrier', wasDelivered: true }]);
    const again = { resolution: 'reship', reason: 'They had moved house' };
    expect(await ask('POST', `/returns/${returnId}/resolution`, again, tokens.support)).toMatchObject({ status: 409 });
    await takenBack(returnId, [['line_1', 2]]);
    expect(await world.stock(sku, 'wh_east')).toMatchObject({ onHand: 3 });
    expect((await refundsOf(orderId)).sort()).toEqual([price, 2 * price]);
    expect(await world.mailsOf(orderId)).not.toContain('return_expiring');
    expect(await world.mongo.models.returns.countDocuments({ orderId })).toBe(2);
    await world.carrierSays(shipment!.id, 'returned_to_sender');
    await world.inboxIsEmpty();
    expect(await world.mongo.models.returns.countDocuments({ orderId })).toBe(2);
  });

  test('is decided about until it is inspected, and no longer', async () => {
    const { orderId, returnId } = await refused();
    await takenBack(returnId, [['line_1', 2]]);
    const again = { resolution: 'reship', reason: 'Too late' };
    expect(await ask('POST', `/returns/${returnId}/resolution`, again, tokens.support)).toMatchObject({ status: 409 });
    expect(await refundsOf(orderId)).toEqual([2 * 1_899]);
  });
});

describe('what does not go', () => {
  const problem = (status: number, type: string, detail: RegExp) => ({
    status,
    body: { type: expect.stringContaining(type), detail: expect.stringMatching(detail) },
  });

  test('more than was delivered, a final sale, too late, and what is of another order', async () => {
    const { orderId } = await sold(undefined, 2);
    const other = await sold('clearance', 1);
    const path = `/orders/${orderId}/returns`;
    const returns = () => world.mongo.models.returns.countDocuments({ orderId: { $in: [orderId, other.orderId] } });
    expect(await wants(orderId, [['line_1', 3]])).toMatchObject(problem(409, 'return-refused', /3 asked, 2 can be/));
    expect(await wants(orderId, [['line_7', 1]])).toMatchObject(problem(409, 'return-refused', /no line line_7/));
    expect(await wants(orderId, [['line_1', 1, 'too blue']])).toMatchObject({ status: 400 });
    expect(await wants(orderId, [['line_1', 1]], ownerOf(other.orderId))).toMatchObject({ status: 404 });
    expect(await wants(other.orderId, [['line_1', 1]])).toMatchObject(problem(409, 'return-refused', /final sale/));
    const longAgo = new Date(Date.now() - 31 * 86_400_000).toISOString();
    await world.mongo.models.orders.updateOne({ _id: orderId }, { $set: { 'state.shipments.0.deliveredAt': longAgo } });
    expect(await wants(orderId, [['line_1', 1]])).toMatchObject(problem(409, 'return-refused', /31 days ago/));
    expect(await returns()).toBe(0);
    // Support asks for it: then a person decides, once.
    const { body } = await wants(orderId, [['line_1', 1]], tokens.support);
    await until(async () => (await shown(body.id)).waitingFor?.event === 'approval', 'it waits for a person');
    const decide = (approve: boolean) =>
      ask('POST', `/returns/${body.id}/decide`, { approve, reason: 'Goodwill' }, tokens.support);
    expect(await decide(false)).toMatchObject({ status: 200, body: { status: 'rejected' } });
    expect((await decide(true)).status).toBe(409);
    expect(await world.returnHandle(body.id).result()).toBe('rejected');
    expect((await decide(true)).status).toBe(409);
    expect(await shown(body.id)).toMatchObject({ status: 'rejected' });
    expect((await ask('GET', path, undefined, tokens.support)).status).toBe(404);
  });

  test('more than twenty returns of an order, but where support asks for them', async () => {
    const { orderId } = await sold(undefined, 1);
    const reason = { reason: 'I keep it' };
    const returnId = await opened(orderId, [['line_1', 1]]);
    await ask('POST', `/returns/${returnId}/cancel`, reason, ownerOf(orderId));
    await world.returnHandle(returnId).result();
    const { returns } = world.mongo.models;
    const one = await returns.findById(returnId).lean().orFail();
    const copies = Array.from({ length: 19 }, () => ({ ...one, _id: newId('ret') }));
    await returns.insertMany(copies);
    expect(await wants(orderId, [['line_1', 1]])).toMatchObject(problem(409, 'return-refused', /^20 returns/));
    const { status, body } = await wants(orderId, [['line_1', 1]], tokens.support);
    expect(status).toBe(201);
    await returns.deleteMany({ _id: { $in: copies.map(({ _id }) => _id) } });
    await until(async () => (await shown(body.id)).waitingFor?.event === 'approval', 'it waits for a person');
    await ask('POST', `/returns/${body.id}/cancel`, reason, tokens.support);
    await world.returnHandle(body.id).result();
  });

  test('the same units from two tabs: exactly one gets them', async () => {
    const { orderId } = await sold(undefined, 2);
    const answers = await Promise.all([1, 2, 3].map(() => wants(orderId, [['line_1', 2]])));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
    const returnId = answers.find(({ status }) => status === 201)!.body.id;
    await world.returnReaches(returnId, 'approved');
    const both = await Promise.all([receive(returnId, [['line_1', 2]]), receive(returnId, [['line_1', 1]])]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
    const { lines } = await shown(returnId);
    const inspected = await Promise.all([1, 2].map(() => inspect(returnId, [['line_1', lines[0].received]])));
    expect(inspected.map(({ status }) => status).sort()).toEqual([200, 409]);
    expect(await world.returnHandle(returnId).result()).toBe('completed');
    expect(await refundsOf(orderId)).toEqual([lines[0].received * price]);
  });

  test('a decision where nobody is asked, goods that are not of the order, a resolution of an ordinary return', async () => {
    const { orderId } = await sold(undefined, 1);
    const returnId = await opened(orderId, [['line_1', 1]]);
    const decision = { approve: false, reason: 'No' };
    expect((await ask('POST', `/returns/${returnId}/decide`, decision, tokens.support)).status).toBe(409);
    const resolution = { resolution: 'reship', reason: 'No' };
    expect(await ask('POST', `/returns/${returnId}/resolution`, resolution, tokens.support)).toMatchObject(
      problem(409, 'not-allowed-now', /the carrier brings back/),
    );
    expect(await receive(returnId, [['line_2', 1]])).toMatchObject(
      problem(422, 'lines-do-not-fit', /unexpected goods/),
    );
    expect(await receive(returnId, [['line_1', 2]])).toMatchObject(problem(422, 'lines-do-not-fit', /1 were sold/));
    expect(await receive(returnId, [])).toMatchObject({ status: 400 });
    expect(await receive(returnId, [], { unexpected: [{ quantity: 1 }] })).toMatchObject({ status: 400 });
    expect((await inspect(returnId, [['line_1', 1]])).status).toBe(409);
    expect(await shown(returnId)).toMatchObject({ status: 'approved', lines: [{ received: 0 }] });
    const reason = { reason: 'I keep it' };
    expect(await ask('POST', `/returns/${returnId}/cancel`, reason, ownerOf(orderId))).toMatchObject({ status: 200 });
  });

  test('goods of a class that a person decides about wait for that person', async () => {
    const { orderId } = await sold('looked_at', 1);
    const { body } = await wants(orderId, [['line_1', 1]]);
    await until(async () => (await shown(body.id)).waitingFor?.event === 'approval', 'it waits for a person');
    const decision = { approve: true, reason: 'It is fine' };
    const both = await Promise.all(
      [1, 2].map(() => ask('POST', `/returns/${body.id}/decide`, decision, tokens.support)),
    );
    expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
    await world.returnReaches(body.id, 'approved');
    await takenBack(body.id, [['line_1', 1]]);
  });
});

test('staff find returns by order and state, a page at a time', async () => {
  const { orderId } = await sold(undefined, 3);
  const ids: string[] = [];
  for (const _ of [1, 2, 3]) ids.push(await opened(orderId, [['line_1', 1]]));
  const list = (query: string, token = tokens.warehouse) => ask('GET', `/returns?${query}`, undefined, token);
  const first = await list(`orderId=${orderId}&limit=2`);
  const second = await list(`orderId=${orderId}&limit=2&cursor=${first.body.next}`);
  const seen = [...first.body.returns, ...second.body.returns].map(({ id }: { id: string }) => id);
  expect(seen).toEqual([...ids].reverse());
  expect(second.body.next).toBeNull();
  expect((await list(`orderId=${orderId}&status=completed`)).body.returns).toEqual([]);
  expect((await list('status=lost')).status).toBe(400);
  expect((await list(`orderId=${orderId}`, ownerOf(orderId))).status).toBe(403);
});
