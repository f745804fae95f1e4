/** A hint can come while the provider is asked for what it tells of. */
import { expect, test } from '@jest/globals';
import { paymentChanged } from '../../workflows/messages.ts';
import { until } from '../support/until.ts';
import { startWorld } from '../support/world.ts';

test('a hint that comes while the payment is read is not lost', async () => {
  const world = await startWorld({ workers: false });
  try {
    const atStripe = (path: string, body: object) =>
      world.control(world.stripe.url, 'POST', `/_sandbox/${path}`, body) as Promise<{ id: string }>;
    const stopOrders = await world.startWorker('orders');
    const stopProviders = await world.startWorker('providers');
    const { id: paymentMethod } = await atStripe('confirmation_tokens', {
      payment_method: 'pm_usBankAccount_processing',
    });
    const { orderId } = await world.place({ paymentMethod });
    await world.inboxIsEmpty();
    const handle = world.orderHandle(orderId);
    const pending = async () => (await handle.describe()).raw.pendingActivities?.length ?? 0;
    await until(async () => (await pending()) === 0, 'the payment was read');
    await stopProviders();
    await handle.signal(paymentChanged);
    await until(async () => (await pending()) === 1, 'the payment is to be read');
    await stopOrders();
    await world.startWorker('providers');
    await until(async () => (await pending()) === 0, 'the payment is read: the bank is still at it');
    await world.webhooks('stripe', 'off');
    await atStripe(`payment_intents/${await world.intentOf(orderId)}/settle`, { outcome: 'succeeded' });
    await handle.signal(paymentChanged);
    await world.startWorker('orders');
    await world.reaches(orderId, 'confirmed');
    expect(await world.stateOf(orderId)).toMatchObject({ payment: { attempt: 'captured' } });
  } finally {
    await world.stop();
  }
}, 60_000);
