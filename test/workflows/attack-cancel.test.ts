/** Lines are cancelled while other things happen to their order. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { bookCredit } from '../../activities/payments/credit.ts';
import { newId } from '../../models/id.ts';
import { cancelOrderLines } from '../../workflows/messages.ts';
import { createCrashes } from '../support/crashes.ts';
import { startWorld, type World } from '../support/world.ts';

const crashes = createCrashes();
let world: World;
beforeAll(async () => {
  world = await startWorld({ crashes });
});
afterAll(async () => {
  await world.stop();
});
afterEach(async () => {
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
});

const less = (orderId: string, quantity = 1, lineId = 'line_1', actor = 'customer') =>
  world.orderHandle(orderId).executeUpdate(cancelOrderLines, {
    args: [{ lines: [{ lineId, quantity }], actor, reason: 'note_1' }],
    updateId: newId('req'),
  });

test('the whole order is cancelled while a line is: its store credit comes back', async () => {
  const customerId = 'cus_both';
  const { models } = world.mongo;
  await models.customers.create([{ _id: customerId, email: 'both@example.com', name: 'B', createdAt: new Date() }]);
  const grant = { key: 'both', customerId, currency: 'USD', kind: 'grant', amount: 500 } as const;
  await bookCredit(world.mongo, { ...grant, reason: 'sorry', actor: 'test' });
  const sku = await world.newSku({ wh_east: 9 });
  const paymentMethod = 'pm_card_threeDSecure2Required';
  const { orderId } = await world.place({ items: [{ sku, quantity: 3 }], paymentMethod, customerId, credit: 500 });
  let whole: Promise<unknown> = Promise.resolve();
  // Between the change and the customer's new payment.
  crashes.arm({
    ...{ step: 'issuePayment', moment: 'before its work' },
    isMine: async (input) => input.orderId === orderId,
    meanwhile: async () => {
      whole = world.cancel(orderId);
    },
  });
  await less(orderId).catch(() => {});
  await whole;
  await world.reaches(orderId, 'cancelled');
  await world.orderHandle(orderId).result();
  expect(await models.creditAccounts.findById(`${customerId}:USD`).lean()).toMatchObject({ balance: 500 });
  expect(await world.stateOf(orderId)).toMatchObject({ amountDue: 0 });
  expect(await world.atStripe(orderId)).toMatchObject({ held: 0, captured: [] });
});
