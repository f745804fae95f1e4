/**
 * Orders of every kind while Stripe's webhooks come shuffled, doubled and in parallel, and half of them never: with the
 * poll of what was missed, each seed comes to the same end.
 */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import Stripe from 'stripe';
import { makeSchedules } from '../../activities/starts.ts';
import { poll } from '../support/poll.ts';
import { price } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
  await makeSchedules(world.client);
});
afterAll(() => world.stop());
afterEach(() => world.webhooks('stripe', 'normal'));

const due = 2 * price;
const control = (path: string, body: object) => world.control(world.stripe.url, 'POST', `/_sandbox/${path}`, body);

/** Events that no webhook had brought when they were polled. */
let missed = 0;

test.each([1, 2, 3, 5, 8, 13])('seed %d', async (seed) => {
  try {
    await control('webhooks', { mode: 'chaos', seed });
    const orders = await playWithLosses();
    // What is still on its way changes nothing any more.
    await world.webhooks('stripe', 'normal');
    await world.inboxIsEmpty();
    expect(await endOf(orders)).toEqual(sameEnd);
    expect(world.failures).toEqual([]);
  } catch (error) {
    console.error(`The seed was ${seed}`);
    throw error;
  }
});

test('there was something to be missed, and the auditor finds nothing', async () => {
  expect(missed).toBeGreaterThan(0);
  expect(await world.violations()).toEqual([]);
});

/** The orders, by what becomes of them. */
type Orders = Record<'secure' | 'declined' | 'disputed' | 'lost' | 'cancelled', string>;

/** After each act the poll fetches what its webhooks did not bring. */
async function playWithLosses(): Promise<Orders> {
  const { models } = world.mongo;
  const [secure, declined, disputed, lost, cancelled] = (await Promise.all(
    [
      'pm_card_authenticationRequired',
      'pm_card_chargeDeclined',
      'pm_card_createDispute',
      'pm_card_createDispute',
      'pm_card_visa',
    ].map(async (paymentMethod) => (await world.place({ paymentMethod })).orderId),
  )) as [string, string, string, string, string];
  await Promise.all([
    world.browser(secure, 'authenticate', { outcome: 'succeed' }),
    world.browser(declined, 'confirm', { payment_method: 'pm_card_visa' }),
    world.cancel(cancelled),
  ]);
  await pollForMissed();
  await Promise.all([secure, declined].map((orderId) => world.reaches(orderId, 'confirmed')));

  await Promise.all([secure, declined, disputed, lost].map(world.deliver));
  await world.refund(secure, 500);
  const stripe = new Stripe('sk_test_dashboard', {
    ...{ host: '127.0.0.1', port: Number(new URL(world.stripe.url).port), protocol: 'http', telemetry: false },
  });
  await stripe.refunds.create({ payment_intent: await world.intentOf(declined), amount: 700 });
  await pollForMissed();
  const areOpen = async () => (await models.disputes.countDocuments({ orderId: { $in: [disputed, lost] } })) === 2;
  await until(areOpen, 'the disputes are heard of');

  for (const [orderId, outcome] of [
    [disputed, 'won'],
    [lost, 'lost'],
  ] as const) {
    const dispute = await models.disputes.findOne({ orderId }).lean().orFail();
    await control(`disputes/${dispute._id}/decide`, { outcome });
  }
  await pollForMissed();
  const orders = { secure, declined, disputed, lost, cancelled };
  const ended = JSON.stringify(sameEnd);
  await until(async () => JSON.stringify(await endOf(orders)) === ended, `all comes to its end: ${ended}`).catch(() => {
    // The test says what differs.
  });
  return orders;
}

async function pollForMissed(): Promise<void> {
  const count = () => world.mongo.models.inbox.countDocuments({ source: 'stripe' });
  const before = await count();
  await poll(world, 'poll-stripe');
  missed += (await count()) - before;
}

async function endOf(orders: Orders): Promise<Record<keyof Orders, unknown>> {
  const { models } = world.mongo;
  const entries = Object.entries(orders).map(async ([kind, orderId]) => {
    const { status, refusals = [] } = await world.readOrder(orderId);
    const payment = await models.payments.findOne({ orderId }).lean().orFail();
    const refunds = await models.refunds.find({ orderId }).sort({ _id: 1 }).lean();
    const dispute = await models.disputes.findOne({ orderId }).lean();
    const booked = payment.ledger.map((entry) => `${entry.kind} ${entry.amount}`).sort();
    const { captured, refunded, refundPending } = payment;
    return [
      kind,
      {
        ...{ status, payment: payment.status, captured, refunded, refundPending, booked, refusals },
        refunds: refunds.map((refund) => `${refund.amount} ${refund.status}`),
        dispute: dispute?.status,
        atStripe: await world.atStripe(orderId),
      },
    ];
  });
  return Object.fromEntries(await Promise.all(entries));
}

const sold = {
  ...{ status: 'completed', payment: 'captured', captured: due, refunded: 0, refundPending: 0 },
  ...{ booked: [`authorize ${due}`, `capture ${due}`], refusals: [] as unknown[], refunds: [] as string[] },
  ...{ dispute: undefined as string | undefined, atStripe: taken([]) },
};
const sameEnd: Record<keyof Orders, unknown> = {
  secure: { ...sold, ...refundedBy(500) },
  declined: { ...sold, ...refundedBy(700) },
  disputed: { ...sold, dispute: 'won', booked: [...sold.booked, `dispute -${due}`, `dispute ${due}`] },
  lost: { ...sold, dispute: 'lost', booked: [...sold.booked, `dispute -${due}`] },
  cancelled: {
    ...{ ...sold, status: 'cancelled', payment: 'voided', captured: 0, booked: [`authorize ${due}`, 'void 0'] },
    atStripe: { authorizations: 1, held: 0, captured: [], refunds: [] },
  },
};

function refundedBy(amount: number) {
  const booked = [...sold.booked, `refund ${amount}`];
  return { refunded: amount, booked, refunds: [`${amount} succeeded`], atStripe: taken([amount]) };
}

function taken(refunds: number[]) {
  return { authorizations: 1, held: 0, captured: [due], refunds };
}
