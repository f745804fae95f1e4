/**
 * Every step of an exchange dies at each moment around its call of Stripe and its record. Whatever is tried again then,
 * there is one replacement, and the money goes back once.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Call, createCrashes, type Moment, type Step, type StepInput } from '../support/crashes.ts';
import { createExchanges } from '../support/exchanges.ts';
import { price } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';

const crashes = createCrashes();
let world: World;
let exchanges: ReturnType<typeof createExchanges>;
beforeAll(async () => {
  world = await startWorld({ crashes });
  exchanges = createExchanges(world);
  await exchanges.setPolicies();
});
afterAll(() => world.stop());

const worth = 2 * price;

/** Settled and sent; called off before the goods came; and cancelled after the return was settled. */
type Way = 'sent' | 'called off' | 'cancelled';

interface Ends {
  status: string;
  /** At the card of the first order, the oldest first. */
  refunds: number[];
  transferredOut: number;
  /** Orders in exchange, by their status. */
  replacements: string[];
  reserved: number;
}

// It costs 10 less than what comes back.
const ends: Record<Way, Ends> = {
  sent: {
    ...{ status: 'completed', refunds: [1_000], transferredOut: worth - 1_000 },
    ...{ replacements: ['confirmed'], reserved: 2 },
  },
  'called off': {
    ...{ status: 'completed', refunds: [worth], transferredOut: 0, replacements: ['cancelled'], reserved: 0 },
  },
  cancelled: {
    ...{ status: 'completed', refunds: [1_000, worth - 1_000], transferredOut: 0 },
    ...{ replacements: ['cancelled'], reserved: 0 },
  },
};

const aroundRecord = ['before its work', 'after its record'] as const;
const aroundCall = ['before the call', 'after the call'] as const;

// biome-ignore format: it is read as a table
const rows: [what: string, way: Way, at: { step: Step; call?: Call; passing?: number }, moments: readonly Moment[]][] = [
  ['the order in exchange',       'sent',       { step: 'openExchange' },                                   aroundRecord],
  ['its reservation',             'sent',       { step: 'reserveStock' },                                   aroundRecord],
  ['what came is weighed',        'sent',       { step: 'weighExchange' },                                  aroundRecord],
  ['the settlement',              'sent',       { step: 'settleReturn' },                                   aroundRecord],
  ['the rest at Stripe',          'sent',       { step: 'sendRefund' },                                     aroundRecord],
  ['the call for the rest',       'sent',       { step: 'sendRefund', call: 'createRefund' },               aroundCall],
  ['its goods are owed',          'sent',       { step: 'commitStock' },                                    aroundRecord],
  ['its goods are given back',    'called off', { step: 'releaseStock' },                                   aroundRecord],
  ['its money is given back',     'called off', { step: 'openOrderRefund' },                                aroundRecord],
  ['the refund instead',          'called off', { step: 'settleReturn' },                                   aroundRecord],
  ['the call for that refund',    'called off', { step: 'sendRefund', call: 'createRefund' },               aroundCall],
  ['its money goes back after it', 'cancelled', { step: 'openOrderRefund' },                                aroundRecord],
  ['the refund of the first',     'cancelled',  { step: 'sendRefund', call: 'createRefund', passing: 1 },   aroundCall],
];

describe.each(rows)('%s (%s)', (_what, way, at, moments) => {
  test.each(moments)('dies %s', async (moment) => {
    const { orderId, returnId, other } = await exchanges.asked({ release: 'on_receipt', costs: price - 500 });
    const fired = crashes.arm({ ...at, moment, isMine: isOf(orderId, returnId) });
    await world.follow('return', returnId);
    await exchanges.reaches(returnId, 'accepted');
    const exchangeId = await exchanges.opened(returnId);
    if (way === 'called off') {
      await world.cancel(exchangeId);
      await exchanges.reaches(returnId, 'failed');
    }
    await exchanges.takenBack(returnId);
    await exchanges.completed(returnId);
    if (way !== 'called off') await world.reaches(exchangeId, 'confirmed');
    if (way === 'cancelled') await world.cancel(exchangeId);
    if (way !== 'sent') await world.reaches(exchangeId, 'cancelled');
    const back = ends[way].refunds.reduce((sum, amount) => sum + amount, 0);
    await until(async () => (await exchanges.moneyOf(orderId)).refunded === back, `${back} is paid back`);
    expect(await endsOf(orderId, returnId, other)).toEqual(ends[way]);
    expect(fired()).toBe(1);
  });
});

test('the auditor finds nothing, and every workflow replays', async () => {
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
  expect(await world.replayFailures()).toEqual([]);
});

async function endsOf(orderId: string, returnId: string, other: string): Promise<Ends> {
  const replacements = await world.mongo.models.orders.find({ 'exchangeOf.returnId': returnId }).lean();
  const { reserved, committed } = await world.stock(other, 'wh_east');
  return {
    status: (await exchanges.stored(returnId)).status,
    refunds: (await world.atStripe(orderId)).refunds,
    transferredOut: (await exchanges.moneyOf(orderId)).transferredOut,
    replacements: replacements.map(({ status }) => status),
    reserved: reserved + committed,
  };
}

/** Of the return, of its order in exchange, and of refunds of the first order. */
function isOf(orderId: string, returnId: string): (input: StepInput) => Promise<boolean> {
  return async (input) => {
    const { orders, refunds } = world.mongo.models;
    if (input.returnId === returnId) return true;
    const refund = input.refundId === undefined ? null : await refunds.findById(input.refundId).lean();
    if (refund) return refund.orderId === orderId;
    const order = await orders.findById(input.orderId ?? input.state?.orderId ?? '').lean();
    return order?.exchangeOf?.returnId === returnId;
  };
}
