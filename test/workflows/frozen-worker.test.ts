/** Workers that freeze in the middle of a step and thaw when its order is long undone, and workers that die there. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openCustomerClaim } from '../../activities/claims.ts';
import { bookCredit } from '../../activities/payments/credit.ts';
import { orderStart, startClaim } from '../../activities/starts.ts';
import { newId } from '../../models/id.ts';
import type { Order } from '../../models/order.ts';
import { defaultSettings } from '../../models/store.ts';
import { type OwnedProcess, startNode } from '../../sandbox/processes.ts';
import { cancelSignal, holdOrder, releaseOrder, withdrawClaim, workflowIds } from '../../workflows/messages.ts';
import { price } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let folder: string;
const children: OwnedProcess[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'waybill-frozen-'));
  world = await startWorld({ workers: false });
});
afterAll(async () => {
  for (const child of children) await child.stop(0);
  await world.stop();
  rmSync(folder, { recursive: true });
});

const idle = { damaged: 0, reserved: 0, committed: 0 };
const nothingTaken = { held: 0, captured: [], refunds: [] };

test('frozen while it reserves: it reserves nothing for an order that was undone meanwhile', async () => {
  const sku = await world.newSku({ wh_east: 5 });
  const child = await startChild('orders', 'reserveStock:before');
  const [never, again] = [await begin(sku), await begin(sku)];
  await child.says('frozen', 'reserveStock:before');
  // The one is cancelled before anybody has reserved for it, the other is reserved by another worker, and cancelled then.
  const cancelling = world.cancel(never);
  const stop = await startWorkers();
  expect(await cancelling).toBe('cancelled');
  await world.reaches(again, 'confirmed');
  expect(await world.cancel(again)).toBe('cancelled');
  expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 5 });

  child.process.kill('SIGCONT');
  await child.says('ends', 'reserveStock');
  await child.process.stop();
  expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 5 });
  for (const orderId of [never, again]) {
    expect((await world.readOrder(orderId)).status).toBe('cancelled');
    expect(await world.atStripe(orderId)).toMatchObject(nothingTaken);
  }
  await stop();
});

test.each(['before', 'after'])('killed %s it has reserved: the order is placed once', async (moment) => {
  const sku = await world.newSku({ wh_east: 5 });
  const child = await startChild('orders', `reserveStock:${moment}`);
  const orderId = await begin(sku);
  await child.says('frozen', `reserveStock:${moment}`);
  child.process.kill('SIGKILL');
  const stop = await startWorkers();
  await world.reaches(orderId, 'confirmed');
  expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 5, committed: 1 });
  expect(await world.atStripe(orderId)).toMatchObject({ authorizations: 1, held: 1 });
  await stop();
});

test('killed after it has reserved, and cancelled before anybody hears of it: the store credit is back', async () => {
  const customerId = await customerWith(1_500);
  const balance = async () => (await world.mongo.models.creditAccounts.findOne({ customerId }).lean().orFail()).balance;
  const sku = await world.newSku({ wh_east: 5 });
  const child = await startChild('orders', 'reserveStock:after');
  const orderId = await begin(sku, { customerId, credit: 1_500 });
  await child.says('frozen', 'reserveStock:after');
  expect(await balance()).toBe(0);
  const cancelling = world.cancel(orderId);
  child.process.kill('SIGKILL');
  const stop = await startWorkers();
  expect(await cancelling).toBe('cancelled');
  expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 5 });
  expect(await balance()).toBe(1_500);
  await stop();
});

test('killed after it has committed: what is packed meanwhile is heard once the order has come there again', async () => {
  const sku = await world.newSku({ wh_east: 5 });
  const child = await startChild('orders', 'commitStock:after');
  const orderId = await begin(sku, { customerId: await customerWith(price), credit: price });
  await child.says('frozen', 'commitStock:after');
  child.process.kill('SIGKILL');
  expect((await world.readOrder(orderId)).status).toBe('confirmed');
  const [shipment] = await world.shipmentsOf(orderId);
  await world.pickAll(shipment!.id);
  // The task is still the dead worker's. Whoever takes it next hears of the parcels before it has placed the order again.
  const packing = world.pack(orderId, shipment!.id);
  const stop = await startWorkers();
  expect(await packing).toBe('ready');
  await stop();
});

test.each(['support', 'the time'])(
  'killed after it has released what %s cancelled: a release comes too late',
  async (by) => {
    const sku = await world.newSku({ wh_east: 5 });
    const child = await startChild('orders', 'releaseShipment:after');
    const orderId = await begin(sku, { customerId: await customerWith(price), credit: price });
    await world.reaches(orderId, 'confirmed');
    const workflow = world.client.workflow.getHandle(workflowIds.order(orderId));
    const until = new Date(Date.now() + 1_000).toISOString();
    const hold = {
      actor: 'test',
      reason: 'Is it true?',
      ...(by === 'the time' && { until, afterwards: 'cancel' as const }),
    };
    await workflow.signal(holdOrder, hold);
    const { id } = await world.incident(orderId, 'hold');
    const answering = by === 'support' ? world.answer(orderId, id, 'cancel') : undefined;
    await child.says('frozen', 'releaseShipment:after');
    await workflow.signal(releaseOrder, { actor: 'test', reason: 'It is' });
    child.process.kill('SIGKILL');
    const stop = await startWorkers();
    if (answering) expect(await answering).toBe(true);
    await world.reaches(orderId, 'cancelled');
    expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 5 });
    await stop();
  },
);

test('killed after the goods have left its building: a cancellation that comes meanwhile comes after it', async () => {
  const sku = await world.newSku({ wh_east: 5 });
  const child = await startChild('orders', 'shipStock:after');
  const stopProviders = await world.startWorker('providers');
  const orderId = await begin(sku);
  await world.reaches(orderId, 'confirmed');
  const [shipment] = await world.shipmentsOf(orderId);
  await world.makeReady(orderId, shipment!.id);
  const handingOver = world.handOver(orderId, shipment!.id);
  await child.says('frozen', 'shipStock:after');
  const input = { actor: 'test', reason: 'changed my mind' };
  await world.client.workflow.getHandle(workflowIds.order(orderId)).signal(cancelSignal, input);
  child.process.kill('SIGKILL');
  const stopOrders = await world.startWorker('orders');
  expect(await handingOver).toBe('shipped');
  await world.carrierSays(shipment!.id, 'delivered');
  await world.reaches(orderId, 'completed');
  expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 4 });
  expect(await world.atStripe(orderId)).toMatchObject({ held: 0, captured: [price], refunds: [] });
  await stopOrders();
  await stopProviders();
});

test('killed after a claim was approved by rule: it cannot be withdrawn any more', async () => {
  const settings = { ...defaultSettings, claims: { autoApproveUpTo: { USD: price } } };
  await world.mongo.models.settings.replaceOne({ _id: 'store' }, settings, { upsert: true });
  const stop = await startWorkers();
  const orderId = await world.delivered({ items: [{ sku: 'MUG', quantity: 1 }] });
  await stop();
  const child = await startChild('orders', 'settleClaim:after');
  const claimId = newId('cla');
  const lines = [{ lineId: 'line_1', quantity: 1 }];
  const words = { description: 'Its handle is off', evidence: [], actor: 'customer' };
  await openCustomerClaim(world.mongo, { claimId, orderId, kind: 'damaged', lines, wants: 'refund', ...words });
  await startClaim(world.client, { claimId });
  await child.says('frozen', 'settleClaim:after');
  const claim = world.client.workflow.getHandle(workflowIds.claim(claimId));
  const withdrawing = claim.executeUpdate(withdrawClaim, { args: [{ actor: 'customer', reason: 'It works' }] });
  child.process.kill('SIGKILL');
  const end = await startWorkers();
  await expect(withdrawing).rejects.toThrow();
  expect(await claim.result()).toBe('settled');
  expect((await world.atStripe(orderId)).refunds).toEqual([price]);
  await end();
}, 60_000);

/** Placed when the worker that authorized it died; its end is looked at last, as that step is tried again after 45 s. */
let orphan: string;
test('killed after it has authorized: the order is not forgotten', async () => {
  const stopOrders = await world.startWorker('orders');
  const child = await startChild('providers', 'authorizePayment:after');
  orphan = await begin('MUG');
  await child.says('frozen', 'authorizePayment:after');
  child.process.kill('SIGKILL');
  await stopOrders();
  expect(await world.atStripe(orphan)).toMatchObject({ authorizations: 1, held: 1 });
});

test.each(['create', 'confirm'])(
  'frozen in the call that should %s the payment: nobody pays for an order that was undone meanwhile',
  async (call) => {
    const stopOrders = await world.startWorker('orders');
    const child = await startChild('providers');
    const sku = await world.newSku({ wh_east: 5 });
    const fired = await world.fault('stripe', { operation: `payment_intents.${call}`, kind: 'slow', ms: 1500 });
    const orderId = await begin(sku);
    await until(fired, 'the call is on its way');
    child.process.kill('SIGSTOP');
    // Stripe does what it was asked for only after the order is undone.
    const stopProviders = await world.startWorker('providers');
    expect(await world.cancel(orderId)).toBe('cancelled');

    const key = `${orderId}:${call === 'create' ? 'intent' : 'confirm'}:`;
    const acted = async () => (await world.stripeState()).idempotency_keys.some((one) => one.key.startsWith(key));
    await until(acted, 'Stripe has acted on the call');
    child.process.kill('SIGCONT');
    await child.says('ends', 'authorizePayment');
    await child.process.stop();
    expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 5 });
    expect(await world.atStripe(orderId)).toMatchObject(nothingTaken);
    const { payment_intents } = await world.stripeState();
    const open = payment_intents.filter(({ metadata }) => metadata.orderId === orderId);
    expect(open.map(({ status }) => status)).toEqual(['canceled']);
    expect((await world.readOrder(orderId)).status).toBe('cancelled');
    await stopOrders();
    await stopProviders();
  },
);

test('an order whose worker died gets its end, with one charge', async () => {
  await startWorkers();
  await until(async () => (await world.readOrder(orphan)).status === 'confirmed', 'the orphan is confirmed', 50_000);
  await world.deliver(orphan);
  expect(await world.atStripe(orphan)).toMatchObject({ authorizations: 1, held: 0, captured: [price] });
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
});

async function customerWith(credit: number): Promise<string> {
  const customerId = newId('cus');
  const grant = { key: newId('crd'), kind: 'grant' as const, reason: 'welcome', actor: 'test' };
  await bookCredit(world.mongo, { ...grant, customerId, currency: 'USD', amount: credit });
  return customerId;
}

async function startWorkers(): Promise<() => Promise<void>> {
  const stops = await Promise.all([world.startWorker('orders'), world.startWorker('providers')]);
  return async () => {
    await Promise.all(stops.map((stop) => stop()));
  };
}

/** Starts an order for one unit. A lost worker is noticed after two seconds, not after ten. */
async function begin(sku: string, more: Partial<Order> = {}): Promise<string> {
  const { orderId, placeBefore } = await world.write({ items: [{ sku, quantity: 1 }], ...more });
  const start = orderStart({ orderId, placeBefore: placeBefore.toISOString() });
  await world.client.workflow.start('order', { ...start, workflowTaskTimeout: '2s' });
  return orderId;
}

async function startChild(queue: 'orders' | 'providers', freezeAt = '') {
  const name = `worker-${children.length}`;
  const env = { ...process.env, ...world.childEnvironment, TASK_QUEUE: queue, FREEZE_AT: freezeAt };
  const child = await startNode({ name, file: 'test/support/child-worker.ts', env, dataDir: folder });
  children.push(child);
  return {
    process: child,
    says: (msg: string, step: string) =>
      until(
        async () => readFileSync(child.logFile, 'utf8').includes(JSON.stringify({ msg, step })),
        `${name} says ${msg} ${step}`,
      ),
  };
}
