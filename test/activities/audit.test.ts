import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { audit } from '../../activities/audit.ts';
import { issueCreditNote, issueInvoice } from '../../activities/invoices.ts';
import { bookCredit } from '../../activities/payments/credit.ts';
import { reshipOf } from '../../activities/reships.ts';
import type { Claim } from '../../models/claim.ts';
import type { Order } from '../../models/order.ts';
import { seller, setSeller, writeRefund } from '../support/invoices.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let delivered: string;
let open: string;
let cancelled: string;
let aMovement: string;
let sent: string;
let waiting: string;

beforeAll(async () => {
  world = await startWorld();
  delivered = await toTheDoor();
  const grant = { key: 'grant', customerId: 'cus_1', currency: 'USD', kind: 'grant', amount: 1_500 } as const;
  await bookCredit(world.mongo, { ...grant, reason: 'welcome', actor: 'test' });
  const redemptions = [{ promotionId: 'sale', totalLimit: 5, useIds: [] }];
  open = (await world.place({ customerId: 'cus_1', credit: 1_000, redemptions })).orderId;
  cancelled = (await world.place({ paymentMethod: 'pm_card_visa_chargeDeclined' })).orderId;
  await world.cancel(cancelled);
  sent = (await world.shipmentsOf(delivered))[0]!.id;
  waiting = (await world.shipmentsOf(open))[0]!.id;
  aMovement = (await world.mongo.models.movements.findOne({ sku: 'MUG', seq: 2 }).lean().orFail())._id;
});
afterAll(async () => {
  await world.stop();
});

test('nothing is found in a world that was not meddled with', async () => {
  const { violations, checked } = await findings();
  expect(violations).toEqual([]);
  expect(checked).toMatchObject({ orders: 3, payments: 3, intents: 3, workflows: 1 });
});

test.each<[string, string, () => Promise<unknown>]>([
  ['G1', 'salable is -', () => set('stock', 'MUG@wh_east', { committed: 5000 })],
  ['G2', 'the movements add up to', () => set('stock', 'MUG@wh_east', { onHand: 7000 })],
  ['G2', 'the last movement is 2', () => set('stock', 'MUG@wh_east', { seq: 99 })],
  ['G2', 'numbered to 99', () => set('stock_movements', aMovement, { seq: 99 })],
  ['G2', "the orders' lines say", () => set('stock', 'MUG@wh_east', { reserved: 1 })],
  ['G3', 'captured 3998 of 1 authorized', () => setPayment(delivered, { authorized: 1 })],
  ['G3', 'exceed the captured', () => setPayment(delivered, { refundPending: 4000 })],
  ['G3', "took 3998, and is not the order's payment", () => setPayment(delivered, { intentId: 'pi_other' })],
  ['G4', 'the provider says 3998', () => setPayment(delivered, { captured: 3997 })],
  ['G4', 'the ledger says 3998', () => setPayment(delivered, { captured: 3997 })],
  ['G4', 'refunded 1 ', () => setPayment(delivered, { refunded: 1 })],
  ['G4', 'withheld 5, the provider says 0', () => setPayment(delivered, { withheld: 5 })],
  ['G4', 'withheld: the ledger says 0, the payment 5', () => setPayment(delivered, { withheld: 5 })],
  ['G3', '1001 of 1000 in store credit', () => setPayment(open, { creditReturned: 1_001 })],
  ['G4', 'the balance is 501 after 2 entries', () => set('credit_accounts', 'cus_1:USD', { balance: 501 })],
  ['G4', 'the balance is -1', () => set('credit_accounts', 'cus_1:USD', { balance: -1 })],
  ['G4', '-1000 in store credit were booked, the payment says -999', () => setPayment(open, { creditReturned: 1 })],
  ['G4', 'it costs 1, its parts 3998', () => set('orders', open, { total: 1 })],
  ['G5', '2997 is held, and 2998 is due', () => setPayment(open, { amountDue: 2_997 })],
  ['G6', 'used 2 times, 1 orders have it', () => set('promotion_counts', 'sale', { used: 2 })],
  ['G5', 'handed over, 0 is paid', () => setPayment(delivered, { captured: 0 })],
  ['G5', 'the goods cost 0', () => set('orders', delivered, { status: 'cancelled' })],
  ['G6', 'still holds stock', () => set('orders', open, { status: 'cancelled' })],
  ['G6', 'the provider still holds money', () => set('orders', open, { status: 'cancelled' })],
  ['G2', '3 of MUG are picked, 2 were asked for', () => set('shipments', sent, { 'lines.0.picked': 3 })],
  ['G2', '1 of MUG are picked, 2 were scanned', () => set('shipments', sent, { 'lines.0.picked': 1 })],
  [
    'G2',
    '1 of MUG are in the parcels, 2 were picked',
    () => set('shipments', sent, { 'parcels.0.units.0.quantity': 1 }),
  ],
  ['G2', 'picked by another', () => set('shipments', sent, { pickListId: 'pkl_other' })],
  ['G5', 'without a label', () => set('shipments', sent, { 'parcels.0.label': null })],
  ['G5', 'on a label given back', () => set('shipments', sent, { 'parcels.0.label.voided': { outcome: 'voided' } })],
  ['G5', 'handed over unpacked', () => set('shipments', sent, { parcels: [] })],
  ['G7', 'its order has it picking', () => set('shipments', waiting, { cancelledAt: new Date() })],
  ['G7', 'has left, and its order has it picking', () => set('shipments', waiting, { handedOverAt: new Date() })],
  ['G7', 'waits for nothing', () => set('orders', open, { 'state.waitingFor': null })],
  ['G7', 'nobody was told', () => set('orders', open, { 'state.waitingFor.deadline': '2020-01-01T00:00:00Z' })],
  ['G7', 'its workflow is COMPLETED', () => set('orders', cancelled, { status: 'confirmed' })],
])('%s: %s', async (guarantee, what, meddle) => {
  const before = await everything();
  await meddle();
  const { violations } = await findings();
  expect(violations).toContainEqual({ guarantee, where: expect.any(String), what: expect.stringContaining(what) });
  await restore(before);
  expect((await findings()).violations).toEqual([]);
});

describe('claims', () => {
  let parcelId: string;
  let claim: Omit<Claim, '_id'>;
  beforeAll(async () => {
    parcelId = (await world.mongo.models.shipments.findById(sent).lean().orFail()).parcels![0]!.id;
    const lines = [{ lineId: 'line_1', quantity: 1 }];
    claim = {
      ...{ orderId: delivered, paidOrderId: delivered, createdAt: new Date(), openedBy: 'customer' },
      ...{ kind: 'damaged', lines, wants: 'refund' },
      parcels: [{ shipmentId: sent, parcelId, units: lines }],
      ...{ description: 'Broken', evidence: [], worth: 1, currency: 'USD', rev: 1, status: 'settled' },
      settlement: { how: 'refund', at: new Date(), amount: 0 },
    };
  });
  afterAll(() => world.mongo.models.claims.deleteMany({}));

  const three = [{ lineId: 'line_1', quantity: 3 }];
  const again = () => reshipOf(structuredClone(walked), [{ lineId: 'line_1', quantity: 1 }], 'cla_1');
  let walked: Order;
  test.each<[string, string, () => Promise<unknown>]>([
    ['G5', 'it is approved, and nothing was done', () => write({ status: 'approved', settlement: undefined as never })],
    [
      'G5',
      'it is to refund, and has 0 refunds',
      () => write({ settlement: { ...claim.settlement!, refundId: 'ref_1' } }),
    ],
    [
      'G5',
      'it is to reship, and has 0 refunds and 0 orders',
      () => write({ settlement: { how: 'reship', at: new Date() } }),
    ],
    [
      'G5',
      'it is to refund, and has 0 refunds and 1 orders',
      async () => {
        walked = await world.readOrder(delivered);
        await world.mongo.models.orders.create([again()]);
        await write({});
      },
    ],
    ['G5', '3 of line_1 are claimed or returned, 2 were sent', () => write({ lines: three })],
    ['G5', 'are not those of its parcels', () => write({ parcels: [] })],
    ['G5', '3 of line_1 in pcl_', () => write({ parcels: [{ shipmentId: sent, parcelId, units: three }] })],
    ['G7', 'the workflow is not there', () => write({ status: 'open', settlement: undefined as never })],
  ])('%s: %s', async (guarantee, what, meddle) => {
    const { claims, orders } = world.mongo.models;
    await write({});
    expect((await findings()).violations).toEqual([]);
    await claims.deleteMany({});
    await meddle();
    const { violations } = await findings();
    expect(violations).toContainEqual({ guarantee, where: expect.any(String), what: expect.stringContaining(what) });
    await claims.deleteMany({});
    await orders.deleteMany({ reshipOf: { $exists: true } });
  });

  const write = (change: Partial<Claim>) =>
    world.mongo.models.claims.create([{ ...claim, _id: 'cla_1', ...change } as Claim]);
});

describe('documents', () => {
  let paid: string;
  beforeAll(async () => {
    await setSeller(world.mongo, seller);
    const invoice = (orderId: string) => issueInvoice(world.mongo, { orderId, paid: { card: 3998, credit: 0 } });
    await invoice(delivered);
    await invoice(await toTheDoor());
    paid = await toTheDoor();
    await invoice(paid);
    await issueCreditNote(world.mongo, { refundId: await writeRefund(world.mongo, delivered, 3000) });
    await world.mongo.models.refunds.deleteMany({});
  });

  test('of which nothing was meddled with are looked at, and nothing is found', async () => {
    const { violations, checked } = await findings();
    expect(violations).toEqual([]);
    expect(checked.invoices).toBe(4);
  });

  const ofDelivered = (kind: 'invoice' | 'credit_note') => ({ orderId: delivered, kind });
  test.each<[string, () => Promise<unknown>]>([
    ['the number before it is 1', () => invoices().deleteOne({ seq: 2 })],
    ['the last number is 3, the counter says 9', () => counters().updateOne({ last: 3 }, { $set: { last: 9 } })],
    ['the last number is 3, the counter says undefined', () => counters().deleteOne({ last: 3 })],
    ['its lines say 3998', () => invoices().updateOne(ofDelivered('invoice'), { $set: { 'content.gross': 4000 } })],
    ['and 1 was paid', () => invoices().updateOne(ofDelivered('invoice'), { $set: { 'content.paid.card': 1 } })],
    ['it credits 3000, 0 are left', () => invoices().deleteOne(ofDelivered('invoice'))],
    ['it was paid, and has no invoice', () => invoices().deleteOne({ orderId: paid })],
  ])('G4: %s', async (what, meddle) => {
    const before = await Promise.all([invoices().find().toArray(), counters().find().toArray()]);
    await meddle();
    const { violations } = await findings();
    expect(violations).toContainEqual({
      guarantee: 'G4',
      where: expect.any(String),
      what: expect.stringContaining(what),
    });
    await Promise.all([invoices().deleteMany({}), counters().deleteMany({})]);
    await Promise.all([invoices().insertMany(before[0]), counters().insertMany(before[1])]);
    expect((await findings()).violations).toEqual([]);
  });

  const invoices = () => world.mongo.connection.collection('invoices');
  const counters = () => world.mongo.connection.collection('invoice_counters');
});

test('a second live payment of an order at the provider is a violation of G3', async () => {
  const intent = await world.payments.createIntent({ orderId: open, amount: 100, currency: 'USD', key: 'second' });
  await world.payments.confirmIntent(intent.id, { orderId: open, method: 'pm_card_visa', key: 'second:confirm' });
  const { violations } = await findings();
  expect(violations).toEqual([{ guarantee: 'G3', where: open, what: expect.stringContaining('2 live payments') }]);
  await world.payments.cancelIntent(intent.id, { key: 'second:cancel' });
});

test('what a bank took, and we have not heard of, is a violation of G4', async () => {
  await world.inboxIsEmpty();
  await world.webhooks('stripe', 'off');
  const about = { payment_intent: await world.intentOf(delivered) };
  await world.control(world.stripe.url, 'POST', '/_sandbox/disputes', about);
  const { violations } = await findings();
  expect(violations).toEqual([{ guarantee: 'G4', where: delivered, what: 'withheld 0, the provider says 3998' }]);
});

function findings() {
  return audit({ mongo: world.mongo, payments: world.payments, temporal: world.client });
}

function set(collection: (typeof collections)[number], id: string, change: object) {
  return world.mongo.connection.collection<{ _id: string }>(collection).updateOne({ _id: id }, { $set: change });
}

function setPayment(orderId: string, change: object) {
  return world.mongo.connection.collection('payments').updateOne({ orderId }, { $set: change });
}

const collections = [
  ...(['stock', 'orders', 'payments', 'stock_movements', 'credit_accounts', 'promotion_counts', 'shipments'] as const),
];

function everything() {
  return Promise.all(collections.map((name) => world.mongo.connection.collection(name).find().toArray()));
}

async function restore(documents: Awaited<ReturnType<typeof everything>>) {
  for (const [index, name] of collections.entries()) {
    for (const document of documents[index]!) {
      await world.mongo.connection.collection(name).replaceOne({ _id: document._id }, document);
    }
  }
}

async function toTheDoor(): Promise<string> {
  const { orderId } = await world.place();
  const [shipment] = (await world.readOrder(orderId)).state!.shipments;
  await world.pickAll(shipment!.id);
  await world.pack(orderId, shipment!.id);
  await world.handOver(orderId, shipment!.id);
  await world.carrierSays(shipment!.id, 'delivered');
  await until(async () => (await world.readOrder(orderId)).status === 'completed');
  return orderId;
}
