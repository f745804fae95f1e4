/** Webhooks: checked, stored by their event's id, answered. A worker delivers them; sent again they change nothing. */
import { z } from 'zod';
import { parseEasyPostWebhook } from '../../activities/providers/easypost-tracking.ts';
import { parseSandboxCarrierWebhook } from '../../activities/providers/sandbox-carrier.ts';
import { parseStripeWebhook } from '../../activities/providers/stripe-events.ts';
import { InvalidWebhook } from '../../activities/providers/webhook.ts';
import { receiveStripe } from '../../activities/receive.ts';
import { receiveTracking } from '../../activities/shipping/tracking.ts';
import { endpoint, reply } from '../endpoint.ts';
import { Problem } from '../problem.ts';

const received = z.strictObject({ received: z.literal(true) });

export const stripeWebhook = endpoint({
  summary: 'Events of Stripe',
  raw: true,
  answers: { 200: received },
  problems: ['invalid-signature'],
  async handle({ mongo, config }, { rawBody, header, log }) {
    const event = trusted(() => parseStripeWebhook(rawBody, header('stripe-signature'), config.STRIPE_WEBHOOK_SECRETS));
    const outcome = await receiveStripe(mongo, event);
    log.info({ eventId: event.id, type: event.type, outcome }, 'webhook');
    return reply(200, { received: true as const });
  },
});

export const carrierWebhook = endpoint({
  summary: 'Events of the carrier',
  raw: true,
  answers: { 200: received },
  problems: ['invalid-signature'],
  async handle({ mongo, config }, { rawBody, header, log }) {
    const event = trusted(() =>
      parseSandboxCarrierWebhook(rawBody, header('carrier-signature'), config.CARRIER_WEBHOOK_SECRETS ?? []),
    );
    if (event) {
      const outcome = await receiveTracking(mongo, 'sandbox', event);
      log.info({ eventId: event.id, outcome }, 'webhook');
    } else {
      log.warn('a webhook of the carrier has a status that is not known here');
    }
    return reply(200, { received: true as const });
  },
});

export const easyPostWebhook = endpoint({
  summary: 'Events of EasyPost',
  raw: true,
  answers: { 200: received },
  problems: ['invalid-signature'],
  async handle({ mongo, config }, { rawBody, header, log }) {
    const unknown = (status: string) =>
      log.warn({ status }, 'a webhook of EasyPost has a status that is not known here');
    const secrets = config.EASYPOST_WEBHOOK_SECRETS ?? [];
    for (const event of trusted(() => parseEasyPostWebhook(rawBody, header, secrets, unknown))) {
      const outcome = await receiveTracking(mongo, 'easypost', event);
      log.info({ eventId: event.id, outcome }, 'webhook');
    }
    return reply(200, { received: true as const });
  },
});

function trusted<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof InvalidWebhook)
      throw new Problem('invalid-signature', error.message, { reason: error.reason }, error);
    throw error;
  }
}
