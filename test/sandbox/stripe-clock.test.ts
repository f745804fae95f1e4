/** What Stripe does by itself as time passes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Stripe } from 'stripe';
import {
  authorization,
  DAY,
  type PlayedStripe,
  playStripe,
  receiveWebhooks,
  until,
} from '../support/stripe-sandbox.ts';

let played: PlayedStripe;
let stripe: Stripe;
beforeAll(async () => {
  played = await playStripe();
  stripe = played.stripe;
});
afterAll(() => played.stop());

describe('the clock', () => {
  test('is what everything is dated by, and survives a restart', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'waybill-stripe-'));
    const journalFile = join(folder, 'stripe.jsonl');
    const before = await playStripe({ journalFile });
    const { now } = (await before.advance(3 * DAY)).body;
    expect(now).toBeGreaterThan((Date.now() + 3 * DAY) / 1000 - 5);
    const intent = await before.stripe.paymentIntents.create(authorization());
    expect(intent.created).toBeGreaterThanOrEqual(now);
    await before.stop();

    const after = await playStripe({ journalFile });
    expect((await after.stripe.customers.create()).created).toBeGreaterThanOrEqual(now);
    await after.stop();
    rmSync(folder, { recursive: true });
  });

  test('only goes forward, by whole milliseconds', async () => {
    for (const advanceMs of [-1, 1.5, '1', undefined]) {
      expect((await played.control('POST', 'clock', { advanceMs })).status).toBe(400);
    }
  });

  test('leaves the signatures of webhooks alone: a receiver refuses what is not of its own time', async () => {
    const endpoint = await receiveWebhooks();
    const sandbox = await playStripe({ webhook: endpoint.webhook });
    await sandbox.advance(30 * DAY);
    await sandbox.stripe.customers.create();
    await until(() => endpoint.received.length === 1, 'the event');
    const { signature, event } = endpoint.received[0]!;
    expect(Math.abs(Number(/t=(\d+)/.exec(signature)![1]) - Date.now() / 1000)).toBeLessThan(30);
    expect(event.created).toBeGreaterThan((Date.now() + 29 * DAY) / 1000);
    await sandbox.stop();
    endpoint.close();
  });
});

describe('as time passes', () => {
  test('an authorization that was not captured expires on its day', async () => {
    const intent = await stripe.paymentIntents.create(authorization());
    await played.advance(7 * DAY - 60_000);
    expect((await stripe.paymentIntents.retrieve(intent.id)).status).toBe('requires_capture');
    await played.advance(61_000);
    expect(await stripe.paymentIntents.retrieve(intent.id)).toMatchObject({
      status: 'canceled',
      cancellation_reason: 'expired',
      amount_capturable: 0,
    });
    expect(await played.eventsAbout(intent.id)).toEqual([
      'payment_intent.amount_capturable_updated',
      'payment_intent.canceled',
    ]);
    expect(await played.eventsAbout(intent.latest_charge as string)).toEqual(['charge.expired']);
  });

  test('a refund that the bank is slow with succeeds, or fails', async () => {
    const refundOf = async (payment_method: string) => {
      const { id } = await stripe.paymentIntents.create(authorization({ payment_method, capture_method: 'automatic' }));
      return stripe.refunds.create({ payment_intent: id });
    };
    const slow = await refundOf('pm_card_pendingRefund');
    const failing = await refundOf('pm_card_refundFail');
    expect([slow.status, failing.status]).toEqual(['pending', 'succeeded']);
    await played.advance(31_000);
    expect((await stripe.refunds.retrieve(slow.id)).status).toBe('succeeded');
    expect((await stripe.refunds.retrieve(failing.id)).status).toBe('failed');
  });
});
