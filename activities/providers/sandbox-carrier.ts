import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { Address } from '../../models/address.ts';
import {
  type AddressCheck,
  type Carrier,
  type CarrierEvent,
  type Label,
  type LabelRequest,
  type Manifest,
  type ManifestRequest,
  type Rate,
  type RatesRequest,
  type VoidOutcome,
  webAddress,
} from './carrier.ts';
import { failureOf, meaningOf } from './carrier-failures.ts';
import { InvalidWebhook, jsonOf, toleranceSeconds } from './webhook.ts';

const timeoutMs = 15_000;

// Fields that the carrier adds one day are dropped, not refused: an addition on their side must not stop our parcels.
const statuses = [
  'accepted',
  'in_transit',
  'out_for_delivery',
  'delivered',
  'exception',
  'lost',
  'returned_to_sender',
] as const;
const reasons = ['address', 'damaged', 'customs', 'refused', 'not_home', 'other'] as const;

const trackingEventSchema = z.object({
  id: z.string().min(1),
  trackingNumber: z.string().min(1),
  /** One of `statuses`, or one that the carrier has added since. */
  status: z.string().min(1),
  at: z.iso.datetime(),
  detail: z.string(),
  reason: z.string().optional(),
  expectedOn: z.iso.date().optional(),
  proof: z.object({ signed: z.boolean(), leftAt: z.string().optional() }).optional(),
});
const webhookSchema = trackingEventSchema.extend({ type: z.literal('tracking') });
const rateListSchema = z.object({
  rates: z.array(
    z.object({
      service: z.string().min(1),
      amount: z.int().nonnegative(),
      currency: z.string().length(3),
      days: z.int().nonnegative().optional(),
    }),
  ),
});
const labelSchema = z.object({
  id: z.string().min(1),
  reference: z.string().min(1),
  trackingNumber: z.string().min(1),
  service: z.string().min(1),
  costMinor: z.int().nonnegative(),
  currency: z.string().length(3),
  labelUrl: webAddress,
  status: z.enum(['created', 'in_use', 'voided']),
});
const labelListSchema = z.object({ labels: z.array(labelSchema) });
const trackingSchema = z.object({ events: z.array(trackingEventSchema) });
const manifestSchema = z.object({ id: z.string().min(1), url: webAddress });
const addressSchema = z.object({
  name: z.string(),
  line1: z.string(),
  line2: z.string().optional(),
  city: z.string(),
  region: z.string().optional(),
  postalCode: z.string(),
  country: z.string(),
  phone: z.string().optional(),
});
const checkSchema = z.discriminatedUnion('outcome', [
  z.object({ outcome: z.literal('verified') }),
  z.object({ outcome: z.literal('corrected'), address: addressSchema }),
  z.object({ outcome: z.literal('undeliverable'), why: z.string() }),
  z.object({ outcome: z.literal('unknown') }),
]);
const refusalSchema = z.object({ error: z.object({ code: z.string() }) });

/**
 * The client of the sandbox's carrier. What it refuses for good fails as non-retryable `CarrierRefused` with its code in
 * the details; every other failure is a plain Error, to be retried with the same key.
 */
export function createSandboxCarrier(options: {
  url: string;
  apiKey: string;
  /** Hears of a status of tracking that this code does not know. Its event is left out. */
  unknown?: (status: string) => void;
}): Carrier {
  const base = options.url.replace(/\/$/, '');

  async function ask(method: 'GET' | 'POST', path: string, body?: unknown, key?: string): Promise<Answer> {
    const asked = `carrier: ${method} ${path}`;
    try {
      const response = await fetch(`${base}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${options.apiKey}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...(key !== undefined && { 'idempotency-key': key }),
        },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.timeout(timeoutMs),
      });
      return { asked, status: response.status, text: await response.text() };
    } catch (error) {
      throw new Error(`${asked} got no answer: ${reasonOf(error)}`, { cause: error });
    }
  }

  return {
    id: 'sandbox',

    async rates({ from, to, ...about }: RatesRequest): Promise<Rate[]> {
      // Of the addresses only the places are told: a quote needs no names.
      const answer = await ask('POST', '/rates', { ...about, from: placeOf(from), to: placeOf(to) });
      if (meaningOf(failedOf(answer)) === 'not served') return [];
      return read(answer, rateListSchema).rates;
    },

    async buyLabel({ key, ...request }: LabelRequest): Promise<Label> {
      return toLabel(read(await ask('POST', '/labels', request, key), labelSchema));
    },

    async findLabels(reference: string): Promise<Label[]> {
      const answer = await ask('GET', `/labels?${new URLSearchParams({ reference })}`);
      return read(answer, labelListSchema).labels.map(toLabel);
    },

    async voidLabel(labelId: string): Promise<VoidOutcome> {
      const answer = await ask('POST', `/labels/${encodeURIComponent(labelId)}/void`);
      if (meaningOf(failedOf(answer)) === 'used') return 'used';
      read(answer, labelSchema);
      return 'voided';
    },

    async track(trackingNumber: string): Promise<CarrierEvent[]> {
      const answer = await ask('GET', `/tracking/${encodeURIComponent(trackingNumber)}`);
      return read(answer, trackingSchema).events.flatMap((told) => {
        const event = toEvent(told);
        if (!event) options.unknown?.(told.status);
        return event ?? [];
      });
    },

    driverOf: () => 'sandbox',

    async manifest({ key, ...request }: ManifestRequest): Promise<Manifest> {
      return read(await ask('POST', '/manifests', request, key), manifestSchema);
    },

    async verifyAddress(address: Address): Promise<AddressCheck> {
      return read(await ask('POST', '/addresses/verify', { address }), checkSchema);
    },
  };
}

/**
 * Checks a webhook of the carrier and reads its event. Header: `Carrier-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256
 * of "t.body">`. Any of the secrets passes, so that one can be replaced while the other is still in use.
 * The same event may come again within the tolerance: to drop repeats by `id` is the caller's part.
 * None is answered where its status is not known here: nothing can be done about it, nor would a repeat help.
 * @throws InvalidWebhook
 */
export function parseSandboxCarrierWebhook(
  rawBody: Buffer,
  signature: string | undefined,
  secrets: string[],
  now = Date.now(),
): CarrierEvent | undefined {
  if (!signature) throw new InvalidWebhook('no_signature', 'carrier webhook without a Carrier-Signature header');
  const parts = signature.split(',').map((part) => part.trim());
  const time = parts.find((part) => /^t=\d{1,12}$/.test(part))?.slice(2);
  const given = parts.filter((part) => /^v1=[0-9a-f]{64}$/.test(part)).map((part) => Buffer.from(part.slice(3), 'hex'));
  if (time === undefined || given.length === 0) {
    throw new InvalidWebhook(
      'bad_signature',
      'carrier webhook: Carrier-Signature is not of the form t=<seconds>,v1=<64 hex digits>',
    );
  }

  const expected = secrets.map((secret) => createHmac('sha256', secret).update(`${time}.`).update(rawBody).digest());
  if (!expected.some((mac) => given.some((candidate) => timingSafeEqual(mac, candidate)))) {
    throw new InvalidWebhook('bad_signature', 'carrier webhook: the signature fits none of the secrets');
  }

  const age = Math.floor(now / 1000) - Number(time);
  if (Math.abs(age) > toleranceSeconds) {
    const off = age > 0 ? `${age} s old` : `${-age} s in the future`;
    throw new InvalidWebhook(
      age > 0 ? 'old' : 'future',
      `carrier webhook: signed ${off}, at most ${toleranceSeconds} s are accepted`,
    );
  }

  const body = webhookSchema.safeParse(jsonOf(rawBody.toString('utf8')));
  if (!body.success)
    throw new InvalidWebhook('not_an_event', `carrier webhook: unexpected body: ${z.prettifyError(body.error)}`);
  return toEvent(body.data);
}

function toEvent({ status, reason, ...told }: z.infer<typeof trackingEventSchema>): CarrierEvent | undefined {
  const known = statuses.find((one) => one === status);
  if (!known) return undefined;
  const { id, trackingNumber, at, detail, expectedOn, proof } = told;
  return {
    ...{ id, trackingNumber, status: known, at, detail },
    ...(known === 'exception' && { reason: reasons.find((one) => one === reason) ?? 'other' }),
    ...(expectedOn !== undefined && { expectedOn }),
    ...(known === 'delivered' && proof && { proof }),
  };
}

function toLabel({ costMinor, labelUrl, status, ...same }: z.infer<typeof labelSchema>): Label {
  return { ...same, cost: costMinor, url: labelUrl, status: status === 'in_use' ? 'used' : status };
}

/** What is empty is not known. */
function placeOf({ country, region, postalCode, city }: RatesRequest['to']) {
  return { country, region: region || undefined, postalCode: postalCode || undefined, city: city || undefined };
}

interface Answer {
  asked: string;
  status: number;
  text: string;
}

function failedOf({ asked, status, text }: Answer) {
  return { asked, status, code: refusalSchema.safeParse(jsonOf(text)).data?.error.code };
}

/** The checked body of a good answer. */
function read<T>(answer: Answer, schema: z.ZodType<T>): T {
  const { asked, status, text } = answer;
  if (status < 200 || status > 299) throw failureOf(failedOf(answer));
  const body = schema.safeParse(jsonOf(text));
  if (!body.success) {
    throw new Error(`${asked} answered ${status} with an unexpected body: ${z.prettifyError(body.error)}`);
  }
  return body.data;
}

/** fetch says only "fetch failed"; what failed is in its cause. */
function reasonOf(error: unknown): string {
  const { name, message, cause } = error as Error & { cause?: { code?: string; message?: string } };
  if (name === 'TimeoutError') return `none within ${timeoutMs / 1000} s`;
  return `${message} (${cause?.code ?? cause?.message ?? name})`;
}
