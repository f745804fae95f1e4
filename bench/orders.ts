/** Orders placed and orders delivered a second, each step over the REST API, beside the rate of an empty workflow. */

import type { Client } from '@temporalio/client';
import { audit } from '../activities/audit.ts';
import { createPayments } from '../activities/providers/stripe.ts';
import { connectMongo, type Mongo } from '../platform/mongo.ts';
import { createShopClient, type ShopClient } from '../sandbox/shop/client.ts';
import { eventually, play } from '../sandbox/shop/outside.ts';
import { connectTo } from '../sandbox/shop/temporal.ts';
import { type Stack, startStack } from '../sandbox/stack.ts';
import { workflowIds } from '../workflows/messages.ts';
import { cpuOf, perTask } from './cpu.ts';
import { type Figures, load, percentile, round } from './load.ts';
import { startYardstick } from './yardstick.ts';

const atATime = 20;
const emptyCount = 300;
const placedCount = 600;
const deliveredCount = 300;
const skus = Array.from({ length: 50 }, (_, index) => `BENCH-${index}`);

export async function orders(): Promise<Figures> {
  const stack = await startStack({ ports: 'free', say: console.log });
  const temporal = await connectTo(stack.temporalAddress);
  const mongo = await connectMongo(stack.mongodbUri);
  const yardstick = await startYardstick(stack.temporalAddress, temporal);
  const shop = createShopClient(stack.apiUrl, stack.tokens!);
  try {
    await openWarehouse(shop);
    console.log('Warming up');
    await yardstick.perSecond(100, atATime);
    await load(100, atATime, async (index) => void (await place(shop, index)));
    await load(40, atATime, async (index) => void (await deliver(shop, stack, index)));

    // The yardstick runs before and after, so that a machine that changes its pace shows.
    console.log('Empty workflows');
    const cpuStart = cpuOf(stack.processes);
    const before = await yardstick.perSecond(emptyCount, atATime);
    console.log(`  ${before.toFixed(1)} a second\nOrders placed`);
    const cpuBefore = cpuOf(stack.processes);
    const placed: string[] = [];
    const placing = await load(placedCount, atATime, async (index) => void placed.push(await place(shop, index)));
    const cpuPlaced = cpuOf(stack.processes);
    console.log(`  ${placing.perSecond.toFixed(1)} a second\nOrders delivered`);
    const delivered: string[] = [];
    const started = performance.now();
    const whole = await load(
      deliveredCount,
      atATime,
      async (index) => void delivered.push(await deliver(shop, stack, index)),
    );
    await eventually('every order is completed', () => allCompleted(mongo, delivered), 60_000);
    const deliveredPerSecond = delivered.length / ((performance.now() - started) / 1000);
    const cpuDelivered = cpuOf(stack.processes);
    console.log(`  ${deliveredPerSecond.toFixed(1)} a second\nEmpty workflows`);
    const after = await yardstick.perSecond(emptyCount, atATime);
    const empty = (before + after) / 2;

    const payments = createPayments({ secretKey: 'sk_test_sandbox', apiBase: stack.stripe!.url });
    const verdict = await audit({ mongo, payments, temporal });
    for (const { guarantee, where, what } of verdict.violations) console.error(`  ${guarantee}  ${where}  ${what}`);
    if (verdict.violations.length > 0) throw new Error(`The auditor found ${verdict.violations.length} violations`);
    await checkAcknowledged(mongo, [...placed, ...delivered]);

    return {
      ratios: {
        placed: { value: round(placing.perSecond / empty), aim: 0.6 },
        delivered: { value: round(deliveredPerSecond / empty), aim: 0.2 },
      },
      atATime,
      emptyPerSecond: [round(before), round(after)],
      placedPerSecond: round(placing.perSecond),
      deliveredPerSecond: round(deliveredPerSecond),
      placingMs: {
        p50: Math.round(percentile(placing.milliseconds, 0.5)),
        p95: Math.round(percentile(placing.milliseconds, 0.95)),
        p99: Math.round(percentile(placing.milliseconds, 0.99)),
      },
      wholeOrderMs: { p50: Math.round(percentile(whole.milliseconds, 0.5)) },
      cpuMs: {
        empty: perTask(cpuStart, cpuBefore, emptyCount),
        placed: perTask(cpuBefore, cpuPlaced, placed.length),
        delivered: perTask(cpuPlaced, cpuDelivered, delivered.length),
      },
      history: await historyOf(temporal, delivered.slice(0, 20)),
      audited: verdict.checked,
    };
  } finally {
    shop.close();
    await yardstick.stop();
    await temporal.connection.close();
    await mongo.close();
    await stack.stop();
  }
}

async function openWarehouse(shop: ShopClient): Promise<void> {
  const address = { name: 'Bench', line1: 'Dock 1', city: 'Newark', region: 'NJ', postalCode: '07101', country: 'US' };
  await shop.putWarehouse('wh-bench', { name: 'Bench', address, priority: 1, active: true });
  for (const sku of skus) {
    await shop.putProduct(sku, { name: sku, weightGrams: 400, prices: { USD: 1990 }, active: true });
    await shop.receiveStock(sku, 'wh-bench', 10_000);
  }
}

async function place(shop: ShopClient, index: number): Promise<string> {
  return (await placeOrder(shop, index)).order.id;
}

function placeOrder(shop: ShopClient, index: number) {
  return shop.place({
    currency: 'USD',
    expectedTotal: 3 * 1990,
    items: [
      { sku: skus[index % skus.length]!, quantity: 1 },
      { sku: skus[(index * 7 + 3) % skus.length]!, quantity: 2 },
    ],
    customer: { email: 'bench@example.com', name: 'Bench' },
    shippingAddress: {
      name: 'Bench',
      line1: '1 Road',
      city: 'New York',
      region: 'NY',
      postalCode: '10013',
      country: 'US',
    },
    paymentMethod: 'pm_card_visa',
  });
}

/** What a warehouse and a carrier do: take a list, scan each line, pack, hand over, deliver. */
async function deliver(shop: ShopClient, stack: Stack, index: number): Promise<string> {
  const { order } = await placeOrder(shop, index);
  const shipmentId = order.shipments[0]!.id;
  const list = await shop.pickList(shipmentId);
  for (const { sku, quantity } of order.lines) await shop.scan(list.id, sku, quantity);
  const packed = await shop.pack(shipmentId, { weightGrams: 900, lengthMm: 300, widthMm: 200, heightMm: 150 });
  await shop.handOver(shipmentId);
  await play(stack.carrier.url, 'POST', `/tracking/${packed.parcels[0]!.trackingNumber}`, { status: 'delivered' });
  return order.id;
}

async function allCompleted({ models }: Mongo, ids: string[]): Promise<true | undefined> {
  const completed = await models.orders.countDocuments({ _id: { $in: ids }, status: 'completed' });
  return completed === ids.length ? true : undefined;
}

/** G9: what was answered 2xx is there. */
async function checkAcknowledged({ models }: Mongo, ids: string[]): Promise<void> {
  const found = await models.orders.countDocuments({ _id: { $in: ids }, rev: { $gt: 0 } });
  if (found !== ids.length) throw new Error(`${ids.length} orders were acknowledged, ${found} are there`);
}

/** What Temporal Cloud counts as one action each: https://docs.temporal.io/cloud/pricing#action */
const actionEvents = [
  'workflowExecutionStartedEventAttributes',
  'workflowExecutionSignaledEventAttributes',
  'workflowExecutionUpdateAcceptedEventAttributes',
  'activityTaskScheduledEventAttributes',
  'timerStartedEventAttributes',
  'upsertWorkflowSearchAttributesEventAttributes',
] as const;

/** Medians of some whole orders. */
async function historyOf(temporal: Client, orderIds: string[]) {
  const seen = await Promise.all(
    orderIds.map(async (orderId) => {
      const handle = temporal.workflow.getHandle(workflowIds.order(orderId));
      const [{ events }, { historySize }] = await Promise.all([handle.fetchHistory(), handle.describe()]);
      const all = events ?? [];
      // The local activities of one workflow task are one action together: its markers follow its completion.
      const tasksWithLocal = new Set(
        all.flatMap(
          ({ markerRecordedEventAttributes: marker }) => marker?.workflowTaskCompletedEventId?.toString() ?? [],
        ),
      );
      const actions = all.filter((event) => actionEvents.some((name) => event[name])).length + tasksWithLocal.size;
      return { events: all.length, bytes: historySize ?? 0, actions };
    }),
  );
  const median = (key: 'events' | 'bytes' | 'actions') =>
    percentile(
      seen.map((each) => each[key]),
      0.5,
    );
  return { events: median('events'), bytes: median('bytes'), actions: median('actions') };
}
