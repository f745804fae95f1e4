/** Warnings of fraud, disputes, and what is shown against them. */
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

const paid = (payment_method = 'pm_card_visa') =>
  stripe.paymentIntents.create(authorization({ payment_method, capture_method: 'automatic' }));
/** Disputed by the bank of a good card, whenever a test wants it. */
async function disputed(more: { reason?: string; inquiry?: boolean; amount?: number } = {}): Promise<Stripe.Dispute> {
  const { id } = await paid();
  return (await played.control<Stripe.Dispute>('POST', 'disputes', { payment_intent: id, ...more })).body;
}
const upload = (data = '%PDF-1.4 an invoice', purpose: Stripe.FileCreateParams.Purpose = 'dispute_evidence') =>
  stripe.files.create({
    purpose,
    file: { data: Buffer.from(data, 'latin1'), name: 'invoice.pdf', type: 'application/pdf' },
  });

describe('an early fraud warning', () => {
  const warningOf = async (payment_intent: string) =>
    (await stripe.radar.earlyFraudWarnings.list({ payment_intent })).data[0]!;

  test('comes with the capture, and asks for something until all is given back', async () => {
    const held = await stripe.paymentIntents.create(
      authorization({ payment_method: 'pm_card_createIssuerFraudRecord' }),
    );
    expect(await warningOf(held.id)).toBeUndefined();
    await stripe.paymentIntents.capture(held.id);
    const warning = await warningOf(held.id);
    expect(warning).toMatchObject({
      actionable: true,
      charge: held.latest_charge,
      object: 'radar.early_fraud_warning',
    });
    await stripe.refunds.create({ payment_intent: held.id, amount: 100 });
    expect((await stripe.radar.earlyFraudWarnings.retrieve(warning.id)).actionable).toBe(true);
    await stripe.refunds.create({ payment_intent: held.id });
    expect((await stripe.radar.earlyFraudWarnings.retrieve(warning.id)).actionable).toBe(false);
    expect(await played.eventsAbout(warning.id)).toEqual([
      'radar.early_fraud_warning.created',
      'radar.early_fraud_warning.updated',
    ]);
  });

  test('is overtaken by a dispute', async () => {
    const { id, latest_charge } = await paid('pm_card_createIssuerFraudRecord');
    await played.control('POST', 'disputes', { payment_intent: id });
    const { data } = await stripe.radar.earlyFraudWarnings.list({ charge: latest_charge as string });
    expect(data).toMatchObject([{ actionable: false }]);
  });
});

describe('a dispute', () => {
  test('comes whenever the bank wants, about a part or as an inquiry', async () => {
    const part = await disputed({ reason: 'product_not_received', amount: 1000 });
    expect(part).toMatchObject({ amount: 1000, reason: 'product_not_received', status: 'needs_response' });
    expect(part.balance_transactions).toMatchObject([{ amount: -1000, fee: 1500, net: -2500 }]);
    expect(await played.eventsAbout(part.id)).toEqual(['charge.dispute.created', 'charge.dispute.funds_withdrawn']);
    expect(await disputed({ inquiry: true })).toMatchObject({
      status: 'warning_needs_response',
      balance_transactions: [],
    });
    const held = await stripe.paymentIntents.create(authorization());
    const whole = await paid();
    for (const body of [
      { payment_intent: held.id },
      { payment_intent: whole.id, amount: 4201 },
      { payment_intent: whole.id, inquiry: 'yes' },
    ]) {
      expect((await played.control('POST', 'disputes', body)).status).toBe(400);
    }
  });

  test('is answered with files and words: staged first, and then submitted, once', async () => {
    const { id } = await disputed();
    const file = await upload();
    const staged = await stripe.disputes.update(id, {
      evidence: { receipt: file.id, uncategorized_text: 'It was delivered.' },
      submit: false,
    });
    expect(staged).toMatchObject({
      status: 'needs_response',
      evidence: { receipt: file.id },
      evidence_details: { has_evidence: true, submission_count: 0 },
    });
    const submitted = await stripe.disputes.update(id, { submit: true });
    expect(submitted).toMatchObject({
      status: 'under_review',
      evidence: { receipt: file.id, uncategorized_text: 'It was delivered.' },
      evidence_details: { submission_count: 1 },
    });
    await refusal(stripe.disputes.update(id, { submit: true }));
    await refusal(stripe.disputes.update(id, { evidence: { uncategorized_text: 'more' }, submit: false }));
    await stripe.disputes.update(id, { metadata: { order: '1' } });
  });

  test('is refused evidence that the bank could not read', async () => {
    const { id } = await disputed();
    const logo = await upload('a logo', 'business_logo');
    for (const [evidence, param] of [
      [{ receipt: 'a receipt' }, 'evidence[receipt]'],
      [{ shipping_documentation: logo.id }, 'evidence[shipping_documentation]'],
      [{ uncategorized_text: 'x'.repeat(20_001) }, 'evidence[uncategorized_text]'],
      [{ colour: 'red' } as object, 'evidence[colour]'],
    ] as const) {
      const error = await refusal(stripe.disputes.update(id, { evidence, submit: false }));
      expect([error.statusCode, error.param]).toEqual([400, param]);
    }
  });

  test('that nobody answers is lost when its time is over; an inquiry stays open', async () => {
    const lost = await disputed();
    const inquiry = await disputed({ inquiry: true });
    const answered = await disputed();
    await stripe.disputes.update(answered.id, { evidence: { uncategorized_text: 'It was delivered.' } });
    await played.advance(9 * DAY + 1000);
    const evidence_details = { past_due: true };
    expect(await stripe.disputes.retrieve(lost.id)).toMatchObject({ status: 'lost', evidence_details });
    expect((await played.eventsAbout(lost.id)).slice(-2)).toEqual([
      'charge.dispute.funds_withdrawn',
      'charge.dispute.closed',
    ]);
    expect(await stripe.disputes.retrieve(inquiry.id)).toMatchObject({
      status: 'warning_needs_response',
      evidence_details,
    });
    expect((await stripe.disputes.retrieve(answered.id)).status).toBe('under_review');
  });
});

describe('a file', () => {
  test('is uploaded byte for byte, and found again', async () => {
    const file = await upload('\x89PNG\r\n\x00\xff--a picture');
    expect(file).toMatchObject({ object: 'file', purpose: 'dispute_evidence', filename: 'invoice.pdf', type: 'png' });
    expect(file.size).toBe(19);
    expect(await stripe.files.retrieve(file.id)).toEqual(expect.objectContaining({ id: file.id, size: 19 }));
  });

  test('is uploaded once under one key', async () => {
    const key = { idempotencyKey: 'k-upload' };
    const params = { purpose: 'dispute_evidence', file: { data: Buffer.from('%PDF-'), name: 'a.pdf' } } as const;
    expect((await stripe.files.create(params, key)).id).toBe((await stripe.files.create(params, key)).id);
  });

  test('is refused where it is no file of a kind that a bank takes', async () => {
    expect((await refusal(upload('plain text'))).param).toBe('file');
    expect((await refusal(upload('%PDF-', 'holiday_photo'))).param).toBe('purpose');
    expect((await refusal(upload(`%PDF-${'x'.repeat(5_000_000)}`))).param).toBe('file');
    const nonsense = await fetch(`${played.url}/v1/files`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk_test_x', 'content-type': 'multipart/form-data; boundary=x' },
      body: 'nonsense',
    });
    expect(nonsense.status).toBe(400);
  });
});
