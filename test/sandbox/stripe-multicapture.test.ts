/** One authorization, captured in several parts. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Stripe } from 'stripe';
import { authorization, DAY, type PlayedStripe, playStripe, refusal } from '../support/stripe-sandbox.ts';

let played: PlayedStripe;
let stripe: Stripe;
beforeAll(async () => {
  played = await playStripe();
  stripe = played.stripe;
});
afterAll(() => played.stop());

const hold = (payment_method = 'pm_card_visa') =>
  stripe.paymentIntents.create(
    authorization({ payment_method, payment_method_options: { card: { request_multicapture: 'if_available' } } }),
  );
const part = (id: string, amount_to_capture: number) =>
  stripe.paymentIntents.capture(id, { amount_to_capture, final_capture: false });
const chargeOf = (intent: Stripe.PaymentIntent) => stripe.charges.retrieve(intent.latest_charge as string);

describe('multicapture', () => {
  test('takes part after part, each with its own movement and fee, until the final one releases the rest', async () => {
    const intent = await hold();
    expect((await chargeOf(intent)).payment_method_details?.card?.multicapture).toEqual({ status: 'available' });
    expect(await part(intent.id, 1000)).toMatchObject({
      status: 'requires_capture',
      amount_capturable: 3200,
      amount_received: 1000,
    });
    expect(await part(intent.id, 2000)).toMatchObject({ amount_capturable: 1200, amount_received: 3000 });
    expect(await chargeOf(intent)).toMatchObject({ captured: false, amount_captured: 3000 });
    const tooMuch = await refusal(part(intent.id, 1201));
    expect(tooMuch).toMatchObject({ param: 'amount_to_capture', code: 'amount_too_large' });
    expect(await stripe.paymentIntents.capture(intent.id, { amount_to_capture: 200 })).toMatchObject({
      status: 'succeeded',
      amount_capturable: 0,
      amount_received: 3200,
    });
    const { data } = await stripe.balanceTransactions.list({ source: intent.latest_charge as string });
    expect(data.map(({ amount, fee }) => [amount, fee])).toEqual([
      [200, 36],
      [2000, 88],
      [1000, 59],
    ]);
    const capturable = 'payment_intent.amount_capturable_updated';
    expect(await played.eventsAbout(intent.id)).toEqual([
      ...[capturable, capturable, capturable, capturable],
      'payment_intent.succeeded',
    ]);
    expect(await played.eventsAbout(intent.latest_charge as string)).toEqual([
      ...['charge.updated', 'charge.updated', 'charge.updated'],
      'charge.captured',
    ]);
  });

  test('refunds what was captured, while the rest is still held', async () => {
    const intent = await hold();
    await refusal(stripe.refunds.create({ payment_intent: intent.id }));
    await part(intent.id, 1000);
    await refusal(stripe.refunds.create({ payment_intent: intent.id, amount: 1001 }));
    expect((await stripe.refunds.create({ payment_intent: intent.id })).amount).toBe(1000);
    expect((await chargeOf(intent)).refunded).toBe(false);
    expect((await part(intent.id, 500)).amount_received).toBe(1500);
    expect((await stripe.refunds.create({ payment_intent: intent.id })).amount).toBe(500);
  });

  test('releases the rest by a capture of nothing, by cancelling and by expiring, all as succeeded', async () => {
    const [released, canceled, expired, untouched] = [await hold(), await hold(), await hold(), await hold()];
    for (const { id } of [released, canceled, expired]) await part(id, 700);
    await stripe.paymentIntents.capture(released.id, { amount_to_capture: 0, final_capture: true });
    await stripe.paymentIntents.cancel(canceled.id);
    await refusal(stripe.paymentIntents.capture(untouched.id, { amount_to_capture: 0 }));
    await played.advance(7 * DAY + 1000);
    for (const intent of [released, canceled, expired]) {
      const ended = await stripe.paymentIntents.retrieve(intent.id);
      expect(ended).toMatchObject({ status: 'succeeded', amount_received: 700, amount_capturable: 0 });
      expect(await chargeOf(intent)).toMatchObject({ captured: true, amount_captured: 700 });
    }
    expect((await stripe.paymentIntents.retrieve(untouched.id)).status).toBe('canceled');
  });

  test('ends after fifty captures', async () => {
    const { id } = await hold();
    for (let count = 0; count < 50; count += 1) await part(id, 50);
    await refusal(part(id, 50));
    expect((await stripe.paymentIntents.cancel(id)).amount_received).toBe(2500);
  });

  test('is refused where it was not asked for, the card cannot do it, or the account may not', async () => {
    const unasked = await stripe.paymentIntents.create(authorization());
    const cannot = await hold('pm_card_credit_disableEnterpriseCardFeatures');
    const unknown = await hold('pm_card_jcb');
    await played.control('POST', 'multicapture', { available: false });
    const mayNot = await hold();
    await played.control('POST', 'multicapture', { available: true });
    for (const intent of [unasked, cannot, unknown, mayNot]) {
      expect((await chargeOf(intent)).payment_method_details?.card?.multicapture?.status).toBe('unavailable');
      const error = await refusal(part(intent.id, 100));
      expect(error).toMatchObject({ statusCode: 400, param: 'final_capture' });
      expect((await stripe.paymentIntents.capture(intent.id, { amount_to_capture: 100 })).status).toBe('succeeded');
    }
  });
});
