/**
 * Every step that settles a customer's claim dies at each moment around its call of Stripe and its record. Whatever is
 * tried again then, there is one refund or one replacement.
 */

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { WorkflowNotFoundError } from '@temporalio/client';
import { openCustomerClaim } from '../../activities/claims.ts';
import { startClaim } from '../../activities/starts.ts';
import { newId } from '../../models/id.ts';
import { decideClaim, workflowIds } from '../../workflows/messages.ts';
import { type Call, createCrashes, type Moment, type Step, type StepInput } from '../support/crashes.ts';
import { price } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';

const crashes = createCrashes();
let world: World;
beforeAll(async () => {
  world = await startWorld({ crashes });
});
afterAll(() => world.stop());

type How = 'refund' | 'reship';

interface Ends {
  status: string;
  refunds: number[];
  /** Orders that send it again, by the units of their lines. */
  reships: number[][];
  carrierClaims: number[];
  order: string;
  mails: string[];
}

const settled: Omit<Ends, 'refunds' | 'reships' | 'mails'> = {
  ...{ status: 'settled', carrierClaims: [2 * price], order: 'completed' },
};
const mails = ['claim_approved', 'claim_received', 'order_confirmed', 'shipped'];
const ends: Record<How, Ends> = {
  refund: { ...settled, refunds: [2 * price], reships: [], mails: [...mails, 'refunded'].sort() },
  reship: { ...settled, refunds: [], reships: [[2]], mails },
};

const aroundRecord = ['before its work', 'after its record'] as const;

// biome-ignore format: it is read as a table
const rows: [what: string, how: How, at: { step: Step; call?: Call }, moments: readonly Moment[]][] = [
  ['the rule that is asked',   'refund', { step: 'loadClaim' },                          aroundRecord],
  ['the record of a refund',   'refund', { step: 'settleClaim' },                        aroundRecord],
  ['the refund at Stripe',     'refund', { step: 'sendRefund' },                         aroundRecord],
  ['the call for the refund',  'refund', { step: 'sendRefund', call: 'createRefund' },   ['before the call', 'after the call']],
  ['the order sent again',     'reship', { step: 'settleClaim' },                        aroundRecord],
  ['the reservation for it',   'reship', { step: 'reserveStock' },                       aroundRecord],
  ['the claim at the carrier', 'reship', { step: 'openClaim' },                          aroundRecord],
  ['what is known of it',      'reship', { step: 'saveClaim' },                          aroundRecord],
];

describe.each(rows)('%s (%s)', (_what, how, at, moments) => {
  test.each(moments)('dies %s', async (moment) => {
    const { orderId, claimId } = await claimed(how);
    const fired = crashes.arm({ ...at, moment, isMine: isOf(orderId, claimId) });
    await startClaim(world.client, { claimId });
    await approve(claimId);
    expect(await handleOf(claimId).result()).toBe('settled');
    await world.reaches(orderId, 'completed');
    for (const { _id } of await reshipsOf(claimId)) await world.reaches(_id, 'confirmed');
    expect(await endsOf(orderId, claimId)).toEqual(ends[how]);
    expect(fired()).toBe(1);
  });
});

describe('while a worker is dead that was about to', () => {
  test.each([
    ['refund', 'writeOffParcel', 'reship'],
    ['reship', 'openReship', 'refund'],
  ] as const)('%s for the order, the claim is approved: it is the claim that does so', async (answer, step, how) => {
    const { orderId, claimId } = await claimed(how);
    await startClaim(world.client, { claimId });
    const { id } = await world.incident(orderId, 'lost');
    const meanwhile = async () => {
      await approve(claimId);
      const isWritten = async () => (await readClaim(claimId)).settlement !== undefined;
      await until(isWritten, 'the claim has decided');
    };
    const fired = crashes.arm({ step, moment: 'before its work', isMine: isOf(orderId, claimId), meanwhile });
    // The claim can be so much faster that the order is over before it has heard of the answer.
    const over = (error: unknown) => (error instanceof WorkflowNotFoundError ? 'over' : Promise.reject(error));
    expect([true, 'over']).toContain(await world.answer(orderId, id, answer).catch(over));
    await world.reaches(orderId, 'completed');
    expect(await handleOf(claimId).result()).toBe('settled');
    expect(await endsOf(orderId, claimId)).toEqual(ends[how]);
    const [shipment] = await world.shipmentsOf(orderId);
    expect(shipment!.parcels).toMatchObject([{ resolved: how === 'reship' ? 'reshipped' : 'refunded' }]);
    expect(fired()).toBe(1);
  });

  test('settle the claim, its order is answered: it is the order that does so', async () => {
    const { orderId, claimId } = await claimed('reship');
    await startClaim(world.client, { claimId });
    const { id } = await world.incident(orderId, 'lost');
    const meanwhile = async () => {
      await world.answer(orderId, id, 'refund');
      await world.reaches(orderId, 'completed');
    };
    const mine = { isMine: isOf(orderId, claimId), meanwhile };
    const fired = crashes.arm({ step: 'settleClaim', moment: 'before its work', ...mine });
    await approve(claimId);
    expect(await handleOf(claimId).result()).toBe('withdrawn');
    expect(await endsOf(orderId, claimId)).toMatchObject({ refunds: [2 * price], reships: [], carrierClaims: [] });
    expect(fired()).toBe(1);
  });
});

test('the auditor finds nothing, and every workflow replays', async () => {
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
  expect(await world.replayFailures()).toEqual([]);
});

/** A parcel of two that the carrier has lost, and whose order asks what is to become of it. */
async function claimed(wants: How): Promise<{ orderId: string; claimId: string }> {
  const { orderId } = await world.place();
  const [shipment] = await world.shipmentsOf(orderId);
  await world.ship(orderId, shipment!.id);
  await world.carrierSays(shipment!.id, 'lost');
  await world.incident(orderId, 'lost');
  const claimId = newId('cla');
  const opened = await openCustomerClaim(world.mongo, {
    ...{ claimId, orderId, kind: 'lost_in_transit', wants, actor: 'customer', evidence: [] },
    ...{ lines: [{ lineId: 'line_1', quantity: 2 }], description: 'It did not come' },
  });
  expect(opened).toEqual({ ok: true });
  return { orderId, claimId };
}

const handleOf = (claimId: string) => world.client.workflow.getHandle(workflowIds.claim(claimId));
const readClaim = (claimId: string) => world.mongo.models.claims.findById(claimId).lean().orFail();

function approve(claimId: string): Promise<unknown> {
  const input = { approve: true, actor: 'support:test', reason: 'Seen' };
  return handleOf(claimId).executeUpdate(decideClaim, { args: [input] });
}

const reshipsOf = (claimId: string) => world.mongo.models.orders.find({ reshipOf: claimId }).lean();

async function endsOf(orderId: string, claimId: string): Promise<Ends> {
  const { models } = world.mongo;
  const { status } = await readClaim(claimId);
  const carrierClaims = await models.carrierClaims.find({ orderId }).lean();
  const parcels = (await models.shipments.find({ orderId }).lean()).flatMap((each) => each.parcels ?? []);
  const ofParcels = await models.orders.countDocuments({ reshipOf: { $in: parcels.map(({ id }) => id) } });
  expect(ofParcels).toBe(0);
  return {
    status,
    refunds: (await world.atStripe(orderId)).refunds,
    reships: (await reshipsOf(claimId)).map(({ lines }) => lines.map(({ quantity }) => quantity)),
    carrierClaims: carrierClaims.map(({ amount }) => amount),
    order: (await world.readOrder(orderId)).status,
    mails: (await world.mailsOf(orderId)).sort(),
  };
}

function isOf(orderId: string, claimId: string): (input: StepInput) => Promise<boolean> {
  return async (input) => {
    const { refunds, orders } = world.mongo.models;
    if (input.claimId === claimId || input.orderId === orderId) return true;
    const refund = input.refundId === undefined ? null : await refunds.findById(input.refundId).lean();
    const order = await orders.findById(input.state?.orderId ?? '').lean();
    return refund?.orderId === orderId || order?.reshipOf === claimId || input.state?.claimId === claimId;
  };
}
