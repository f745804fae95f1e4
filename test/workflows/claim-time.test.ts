/** Claims that nobody decides about, on a server that skips the time. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openCustomerClaim } from '../../activities/claims.ts';
import { startClaim } from '../../activities/starts.ts';
import { newId } from '../../models/id.ts';
import { deadlines } from '../../workflows/domain/limits.ts';
import { answerIncident, claimState, decideClaim, placeOrder, setDeadline } from '../../workflows/messages.ts';
import { price } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld({ timeSkipping: true });
});
afterAll(() => world.stop());

const minute = 60_000;
const actor = 'support:test';

async function claimed(): Promise<{ orderId: string; claimId: string }> {
  const written = await world.write({ placeBefore: new Date('2999-01-01') });
  const { orderId } = written;
  await world.start(written);
  await world.orderHandle(orderId).executeUpdate(placeOrder);
  await world.deliver(orderId);
  const claimId = newId('cla');
  await openCustomerClaim(world.mongo, {
    ...{ claimId, orderId, kind: 'damaged', wants: 'refund', actor: 'customer', evidence: [] },
    ...{ lines: [{ lineId: 'line_1', quantity: 1 }], description: 'Broken' },
  });
  await startClaim(world.client, { claimId });
  const waits = async () => (await handleOf(claimId).query(claimState)).waitingFor?.event === 'approval';
  await until(waits, 'it waits for a person');
  return { orderId, claimId };
}

const handleOf = (claimId: string) => world.client.workflow.getHandle(`claim-${claimId}`);

async function overdue(claimId: string, besides = ''): Promise<string> {
  const find = async () =>
    (await handleOf(claimId).query(claimState)).incidents.find(
      ({ id, cause }) => cause === 'overdue_approval' && id !== besides,
    );
  await until(async () => (await find()) !== undefined, `${claimId} is overdue`);
  return (await find())!.id;
}

test('what nobody decides about in time is asked about, again and again, until somebody does', async () => {
  const { orderId, claimId } = await claimed();
  await world.pass(deadlines.claimApproval + minute);
  const first = await overdue(claimId);
  await handleOf(claimId).executeUpdate(answerIncident, { args: [{ incidentId: first, answer: 'retry', actor }] });
  await world.pass(deadlines.claimApproval + minute);
  await overdue(claimId, first);
  await handleOf(claimId).executeUpdate(decideClaim, { args: [{ approve: true, actor, reason: 'Seen' }] });
  expect(await handleOf(claimId).result()).toBe('settled');
  expect((await world.atStripe(orderId)).refunds).toEqual([price]);
  const { state } = await world.mongo.models.claims.findById(claimId).lean().orFail();
  expect(state).toMatchObject({ incidents: [], status: 'settled' });
});

test('support moves the deadline: later it is quiet until then, and a time that has passed is now', async () => {
  const { claimId } = await claimed();
  const { waitingFor } = await handleOf(claimId).query(claimState);
  const before = Date.parse(waitingFor!.deadline);
  const move = (deadline: string) =>
    handleOf(claimId).executeUpdate(setDeadline, {
      args: [{ event: 'approval', deadline, actor, reason: 'The customer is away' }],
    });
  const later = new Date(before + 7 * 24 * 60 * minute).toISOString();
  await move(later);
  await world.pass(deadlines.claimApproval + minute);
  expect(await handleOf(claimId).query(claimState)).toMatchObject({ incidents: [], waitingFor: { deadline: later } });
  await move(new Date(before - 30 * 24 * 60 * minute).toISOString());
  await overdue(claimId);
  await handleOf(claimId).executeUpdate(decideClaim, { args: [{ approve: false, actor, reason: 'Seen' }] });
  expect(await handleOf(claimId).result()).toBe('rejected');
  const { timeline } = (await world.mongo.models.claims.findById(claimId).lean().orFail()).state!;
  expect(timeline).toContainEqual(expect.objectContaining({ what: 'Deadline of approval moved', after: later }));
});
