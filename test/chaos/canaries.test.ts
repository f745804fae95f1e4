/** Marked personal data and secrets go through everything, and are then looked for where they do not belong. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connectMongo, type Mongo } from '../../platform/mongo.ts';
import { createShopClient, type ShopClient, Unexpected } from '../../sandbox/shop/client.ts';
import { openShop } from '../../sandbox/shop/goods.ts';
import { eventually, play } from '../../sandbox/shop/outside.ts';
import { connectTo } from '../../sandbox/shop/temporal.ts';
import { type Stack, startStack } from '../../sandbox/stack.ts';
import { textOf } from '../support/replay.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'waybill-canary-'));
const said: string[] = [];
let stack: Stack;
let shop: ShopClient;
/** What every order of this test costs. */
let total = 0;
let mongo: Mongo;

const personal = {
  email: 'canary.bird@canaries.example',
  name: 'Serinus Canaria',
  phone: '+34928000111',
  line1: 'Calle Pajaro 77',
};
/** Collected on the way: link tokens, client secrets, and the staff's tokens. */
const secrets: string[] = [];

beforeAll(async () => {
  stack = await startStack({ dataDir, ports: 'free', say: (line) => said.push(line) });
  secrets.push(...Object.values(stack.tokens!));
  shop = createShopClient(stack.apiUrl, stack.tokens!);
  mongo = await connectMongo(stack.mongodbUri);
  await openShop(shop);
  total = (await shop.quote(request('pm_card_visa'))).total;
}, 120_000);

afterAll(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

function request(paymentMethod: string) {
  const { email, name, phone, line1 } = personal;
  return {
    currency: 'USD',
    expectedTotal: total,
    items: [{ sku: 'MUG-BLUE', quantity: 1 }],
    customer: { email, name, phone },
    shippingAddress: { name, line1, phone, city: 'New York', region: 'NY', postalCode: '10013', country: 'US' },
    paymentMethod,
  };
}

test('lives of every kind are lived', async () => {
  const paid = await shop.place(request('pm_card_visa'));
  const waiting = await shop.place(request('pm_card_threeDSecure2Required'));
  secrets.push(paid.link.token, waiting.link.token, waiting.payment!.clientSecret!);
  await shop.pay(waiting.order.id, waiting.link.token, 'pm_card_chargeDeclined');
  await shop.cancel(waiting.order.id, waiting.link.token, 'another time');
  const shipmentId = paid.order.shipments[0]!.id;
  await shop.pickAll(shipmentId);
  const parcel = { weightGrams: 900, lengthMm: 300, widthMm: 200, heightMm: 150 };
  const { parcels } = await shop.pack(shipmentId, parcel);
  await shop.handOver(shipmentId);
  await play(stack.carrier.url, 'POST', `/tracking/${parcels[0]!.trackingNumber}`, { status: 'delivered' });
  await eventually('the end', async () =>
    (await shop.order(paid.order.id)).status === 'completed' ? true : undefined,
  );
  await shop.sendBack(paid.order.id, paid.link.token, [
    { lineId: 'line_1', quantity: 1, reason: 'other', comment: 'too blue' },
  ]);
  await eventually('every mail', async () => ((await mongo.models.mails.exists({ sentAt: null })) ? undefined : true));

  // What is refused is not logged either: a wrong token, a wrong body, a request that Stripe or the carrier refuses.
  await expect(shop.pay(paid.order.id, `wb_${personal.phone}`, 'pm_card_visa')).rejects.toThrow(Unexpected);
  await expect(shop.place({ ...request('pm_card_visa'), currency: personal.email })).rejects.toThrow(Unexpected);
  const nowhere = request('pm_card_visa');
  const refused = await shop.place({
    ...nowhere,
    shippingAddress: { ...nowhere.shippingAddress, postalCode: '00000' },
  });
  secrets.push(refused.link.token);
  await shop.pickAll(refused.order.shipments[0]!.id);
  await shop.pack(refused.order.shipments[0]!.id, parcel);
}, 120_000);

test('a chargeback is answered, and an authorization is asked for anew', async () => {
  const disputed = await shop.place(request('pm_card_createDisputeProductNotReceived'));
  const aged = await shop.place(request('pm_card_visa'));
  secrets.push(disputed.link.token, aged.link.token, 'sk_test_sandbox');

  const shipmentId = disputed.order.shipments[0]!.id;
  await shop.pickAll(shipmentId);
  await shop.pack(shipmentId, { weightGrams: 900, lengthMm: 300, widthMm: 200, heightMm: 150 });
  const asked = await eventually('a question about the chargeback', async () =>
    (await shop.dispute(disputed.order.id))?.incidents.find(({ cause }) => cause === 'dispute_opened'),
  );
  await shop.answer(disputed.order.id, asked.id, 'submit');
  await eventually('the answer to the bank', async () => (await shop.dispute(disputed.order.id))?.evidence?.sentAt);

  const { intentId } = await mongo.models.payments.findOne({ orderId: aged.order.id }).lean().orFail();
  await play(stack.stripe!.url, 'POST', `/payment_intents/${intentId}/expire`);
  const renewal = await eventually('another intent', async () => {
    const payment = await mongo.models.payments.findOne({ orderId: aged.order.id }).lean();
    return payment?.renewal;
  });
  secrets.push(renewal.clientSecret!);
  await eventually('every mail', async () => ((await mongo.models.mails.exists({ sentAt: null })) ? undefined : true));
}, 120_000);

test('the database holds a person in their order, on its invoice and in what a bank was told, and no secret but what it needs', async () => {
  const found: string[] = [];
  for (const [name, model] of Object.entries(mongo.models)) {
    for (const document of await (model as typeof mongo.models.orders).find().lean<Record<string, unknown>[]>()) {
      const { customer: _, shipTo: __, clientSecret: ___, renewal: ____, ...rest } = document;
      // What a bank was told is kept as it was told.
      if (name === 'disputes') document.evidence = undefined;
      // An invoice has to say who bought, and is kept as it is.
      if (name === 'invoices') document.content = { ...(document.content as object), buyer: undefined };
      const text = JSON.stringify(name === 'orders' || name === 'payments' ? rest : document);
      found.push(...canariesIn(text).map((canary) => `${name} ${String(document._id)}: ${canary}`));
    }
  }
  expect(await mongo.models.orders.countDocuments({ 'customer.email': personal.email })).toBe(5);
  expect(found).toEqual([]);
});

test('Temporal knows no person and no secret', async () => {
  const temporal = await connectTo(stack.temporalAddress);
  const found: string[] = [];
  let orders = 0;
  for await (const execution of temporal.workflow.list()) {
    const { workflowId, runId } = execution;
    const history = await temporal.workflow.getHandle(workflowId, runId).fetchHistory();
    const text = textOf([execution.searchAttributes, execution.memo, history]);
    if (text.includes('placeBefore')) orders += 1;
    found.push(...canariesIn(text).map((canary) => `${workflowId}: ${canary}`));
  }
  await temporal.connection.close();
  // Their inputs were read, so that what was not found is not there.
  expect(orders).toBe(5);
  expect(found).toEqual([]);
});

test('everything stops by itself, and the logs hold no person and no secret', async () => {
  shop.close();
  await mongo.close();
  await stack.stop();
  expect(said.filter((line) => /killed|by itself/.test(line))).toEqual([]);

  const logs = readdirSync(join(dataDir, 'logs'));
  expect(logs).toEqual(expect.arrayContaining(['api.log', 'worker-1.log', 'temporal.log', 'mongod.log']));
  const found = logs.flatMap((log) =>
    canariesIn(readFileSync(join(dataDir, 'logs', log), 'utf8')).map((canary) => `${log}: ${canary}`),
  );
  expect(found).toEqual([]);
}, 60_000);

function canariesIn(text: string): string[] {
  return [...Object.values(personal), ...secrets].filter((canary) => text.includes(canary));
}
