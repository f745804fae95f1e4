/** Windows that support shortens, extends or ends, and holds that end by themselves: on a server that skips the time. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { Order } from '../../models/order.ts';
import { deadlines } from '../../workflows/domain/limits.ts';
import { holdOrder, placeOrder, setDeadline } from '../../workflows/messages.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld({ timeSkipping: true });
});
afterAll(async () => {
  await world.stop();
});
afterEach(async () => {
  expect(await world.violations()).toEqual([]);
});

const minute = 60_000;
const day = 24 * 60 * minute;

async function place(paymentMethod = 'pm_card_visa'): Promise<{ orderId: string; now: number }> {
  const sku = await world.newSku({ wh_east: 1 });
  const order: Partial<Order> = { items: [{ sku, quantity: 1 }], paymentMethod };
  const written = await world.write({ placeBefore: new Date('2999-01-01'), ...order });
  await world.start(written);
  await world.orderHandle(written.orderId).executeUpdate(placeOrder);
  const { timeline } = await world.stateOf(written.orderId);
  return { orderId: written.orderId, now: Date.parse(timeline.at(-1)!.at) };
}

const move = (orderId: string, event: string, at: number) =>
  world.orderHandle(orderId).executeUpdate(setDeadline, {
    args: [{ event, deadline: new Date(at).toISOString(), actor: 'support:tok_1', reason: 'note_1' }],
  });

// The first of them: its time is counted by the machine's own clock, which the server leaves behind as it skips.
test('a risky order that nobody looks at is cancelled in time, where the store says so', async () => {
  await world.setPayments({ risk: { amountFrom: { USD: 1 }, cancelAfterHours: 24 } });
  const { orderId } = await place();
  await world.reaches(orderId, 'on_hold');
  expect(await world.orderHandle(orderId).result()).toBe('cancelled');
  expect(await world.atStripe(orderId)).toMatchObject({ held: 0, captured: [] });
  const { timeline } = await world.stateOf(orderId);
  const inTime = timeline.find(({ why }) => why === 'Nobody released it in time');
  const heldFor = Date.parse(inTime!.at) - Date.parse(timeline[0]!.at);
  expect(heldFor).toBeGreaterThanOrEqual(day);
  expect(heldFor).toBeLessThan(day + 60 * minute);
  await world.setPayments({});
});

test('an extended payment keeps the stock for as long, and no longer', async () => {
  const { orderId, now } = await place('pm_card_threeDSecure2Required');
  const later = now + 5 * day;
  await move(orderId, 'payment', later);
  expect((await world.stateOf(orderId)).waitingFor).toEqual({
    event: 'payment',
    deadline: new Date(later).toISOString(),
  });
  await world.pass(deadlines.payment + minute);
  // What the customer tries meanwhile does not bring the old deadline back.
  await world.browser(orderId, 'authenticate', { outcome: 'fail' });
  await until(
    async () => (await world.stateOf(orderId)).timeline.some(({ what }) => what.includes('declined')),
    'it is declined',
  );
  await world.pass(3 * day);
  expect((await world.stateOf(orderId)).status).toBe('awaiting_payment');
  expect(await world.orderHandle(orderId).result()).toBe('expired');
  const moved = (await world.stateOf(orderId)).timeline.find(({ what }) => what === 'Deadline of payment moved');
  expect(moved).toMatchObject({ actor: 'support:tok_1', why: 'note_1', after: new Date(later).toISOString() });
});

test('a deadline that has passed ends the waiting at once', async () => {
  const { orderId, now } = await place('pm_card_threeDSecure2Required');
  await move(orderId, 'payment', now - day);
  expect(await world.orderHandle(orderId).result()).toBe('expired');
});

test('a warehouse that is given more time is asked about later', async () => {
  const { orderId, now } = await place();
  await move(orderId, 'picking', now + 30 * day);
  await world.pass(deadlines.picking + day);
  const causes = (await world.stateOf(orderId)).incidents.map(({ cause }) => cause);
  expect(causes).not.toContain('overdue_picking');
  await world.pass(30 * day);
  const { id } = await world.incident(orderId, 'overdue_picking');
  await world.answer(orderId, id, 'cancel');
  expect(await world.orderHandle(orderId).result()).toBe('cancelled');
});

test('what is not waited for has no deadline, and is refused by name', async () => {
  const { orderId, now } = await place();
  const refused = move(orderId, 'payment', now + day);
  await expect(refused).rejects.toMatchObject({
    cause: { message: 'Nothing is waited for as payment: it waits for picking' },
  });
  expect(await world.cancel(orderId)).toBe('cancelled');
});

test('a hold ends at its time, and one that was released before does not end the next', async () => {
  const { orderId, now } = await place();
  const hold = (at: number | undefined) =>
    world.orderHandle(orderId).signal(holdOrder, {
      ...{ actor: 'support:tok_1', reason: 'note_1' },
      ...(at !== undefined && { until: new Date(at).toISOString() }),
    });
  const status = async () => (await world.stateOf(orderId)).status;
  await hold(now + day);
  await world.reaches(orderId, 'on_hold');
  await world.answer(orderId, (await world.incident(orderId, 'hold')).id, 'release');
  await world.reaches(orderId, 'confirmed');
  await hold(now + 20 * day);
  await world.reaches(orderId, 'on_hold');
  await world.pass(2 * day);
  expect(await status()).toBe('on_hold');
  await world.pass(20 * day);
  await world.reaches(orderId, 'confirmed');
  expect((await world.stateOf(orderId)).timeline.map(({ what }) => what)).toContain('The time of the hold is over');
  expect(await world.cancel(orderId)).toBe('cancelled');
});

test('a hold by hand that is to end with a cancellation does', async () => {
  const { orderId, now } = await place();
  const until = new Date(now + day).toISOString();
  const input = { actor: 'support:tok_1', reason: 'note_1', until, afterwards: 'cancel' as const };
  await world.orderHandle(orderId).signal(holdOrder, input);
  expect(await world.orderHandle(orderId).result()).toBe('cancelled');
});
