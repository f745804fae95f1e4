/** Edits that wait for their customers, on a server that skips the time. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { placeOrder } from '../../workflows/messages.ts';
import { createEditor } from '../support/edits.ts';
import { price } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let editor: Awaited<ReturnType<typeof createEditor>>;
beforeAll(async () => {
  world = await startWorld({ timeSkipping: true });
  editor = await createEditor(world);
});
afterAll(async () => {
  await editor.api.stop();
  await world.stop();
});

const minute = 60_000;

/** One more was asked for, and the bank wants to ask its customer. */
async function waiting(): Promise<{ orderId: string; editId: string }> {
  const written = await world.write({ placeBefore: new Date('2999-01-01') });
  await world.start(written);
  const { orderId } = written;
  await world.orderHandle(orderId).executeUpdate(placeOrder);
  const editId = await editor.previewed(orderId, { items: [{ sku: 'MUG', quantity: 3 }] });
  const asked = await editor.confirm(orderId, editId, { paymentMethod: 'pm_card_authenticationRequired' });
  expect(asked.body.status).toBe('waiting');
  const isShown = async () => (await world.stateOf(orderId)).waitingFor?.event === 'edit_payment';
  await world.inboxIsEmpty();
  await until(isShown, 'it waits for its customer');
  return { orderId, editId };
}

const isDropped = (orderId: string) =>
  until(async () => (await world.paymentOf(orderId)).edit === undefined, 'it is dropped');

test('one that nobody confirms is dropped after its time, and the order goes on as it was', async () => {
  const { orderId } = await waiting();
  await world.pass(29 * minute);
  expect(await world.paymentOf(orderId)).toHaveProperty('edit');
  await world.pass(2 * minute);
  await isDropped(orderId);
  expect(await world.readOrder(orderId)).toMatchObject({ total: 2 * price });
  expect(await world.atStripe(orderId)).toMatchObject({ held: 1 });
  await world.deliver(orderId);
  expect(await world.atStripe(orderId)).toMatchObject({ held: 0, captured: [2 * price] });
});

test('one that was confirmed and not heard of is made at the end of its time', async () => {
  const { orderId } = await waiting();
  await world.webhooks('stripe', 'off');
  const { edit } = await world.paymentOf(orderId);
  const at = `/_sandbox/payment_intents/${edit!.intentId}/authenticate`;
  await world.control(world.stripe.url, 'POST', at, { outcome: 'succeed' });
  await world.pass(31 * minute);
  await world.webhooks('stripe', 'normal');
  await until(async () => (await world.readOrder(orderId)).total === 3 * price, 'it is made');
  await until(async () => (await world.atStripe(orderId)).held === 1, 'one is held');
  await world.cancel(orderId);
});

test('support gives its customer more time, or ends it', async () => {
  const { orderId } = await waiting();
  const deadline = (at: number) =>
    editor.api.ask(
      'PUT',
      `/v1/orders/${orderId}/deadline`,
      { event: 'edit_payment', deadline: new Date(at).toISOString(), reason: 'on the phone' },
      editor.support,
    );
  expect((await deadline(Date.now() + 26 * 3_600_000)).status).toBe(200);
  await world.pass(120 * minute);
  expect(await world.paymentOf(orderId)).toHaveProperty('edit');
  expect((await deadline(Date.now())).status).toBe(200);
  await isDropped(orderId);
  await world.cancel(orderId);
});

test('the auditor finds nothing', async () => {
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
});
