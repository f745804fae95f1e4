import { createHmac, timingSafeEqual } from 'node:crypto';
import { ApplicationFailure } from '@temporalio/common';
import { z } from 'zod';
import type { Address } from '../../models/address.ts';
import { failures } from '../../workflows/domain/failures.ts';
import { InvalidWebhook } from './webhook.ts';

const timeoutMs = 15_000;
const pageSize = 100;
const toleranceSeconds = 300;

export interface Parcel {
  weightGrams: number;
  lengthMm: number;
  widthMm: number;
  heightMm: number;
}

export interface LabelRequest {
  /** The idempotency key: the carrier sells one label for it, however often it is asked. */
  key: string;
  reference: string;
  from: Address;
  to: Address;
  parcel: Parcel;
  service: 'standard' | 'express';
  purpose: 'outbound' | 'return';
}

type Place = Pick<Address, 'country' | 'region'> & Partial<Pick<Address, 'postalCode' | 'city'>>;

export interface RatesRequest {
  from: Place;
  to: Place;
  parcel: Parcel;
  /** ISO 4217; what the carrier answers in. */
  currency: string;
}

// Fields that the carrier adds one day are dropped, not refused: an addition on their side must not stop our parcels.
const trackingEventSchema = z.object({
  id: z.string().min(1),
  status: z.enum([
    'accepted',
    'in_transit',
    'out_for_delivery',
    'delivered',
    'exception',
    'lost',
    'returned_to_sender',
  ]),
  at: z.iso.datetime(),
  detail: z.string(),
});
const carrierEventSchema = trackingEventSchema.extend({
  trackingNumber: z.string().min(1),
  reference: z.string().min(1),
});
const webhookSchema = carrierEventSchema.extend({ type: z.literal('tracking') });
const rateSchema = z.object({
  service: z.string().min(1),
  /** Minor units. */
  amount: z.int().nonnegative(),
  currency: z.string().length(3),
  /** On the way. */
  days: z.int().nonnegative(),
});
const rateListSchema = z.object({ rates: z.array(rateSchema) });
const labelSchema = z.object({
  id: z.string().min(1),
  trackingNumber: z.string().min(1),
  service: z.enum(['standard', 'express']),
  costMinor: z.int().nonnegative(),
  currency: z.string().length(3),
  labelUrl: z.url(),
  status: z.enum(['created', 'in_use', 'voided']),
});
const labelListSchema = z.object({ labels: z.array(labelSchema) });
const trackingSchema = z.object({ events: z.array(trackingEventSchema) });
const eventPageSchema = z.object({ events: z.array(carrierEventSchema), hasMore: z.boolean() });
const refusalSchema = z.object({ error: z.object({ code: z.string() }) });

/** One movement of a known parcel. */
export type TrackingEvent = z.infer<typeof trackingEventSchema>;
/** One movement, with the parcel it is about and the reference under which its label was bought. */
export type CarrierEvent = z.infer<typeof carrierEventSchema>;
/** What one service costs for a parcel. */
export type Rate = z.infer<typeof rateSchema>;
export type Label = z.infer<typeof labelSchema>;

export type Carrier = ReturnType<typeof createCarrier>;

/**
 * The client of the carrier's API. What the carrier refuses for good fails as non-retryable `CarrierRefused` with its
 * code in the details; every other failure is a plain Error, to be retried with the same key.
 */
export function createCarrier(options: { url: string; apiKey: string }) {
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
    /** What the services cost for a parcel. Of the addresses only the places are told: a quote needs no names. */
    async rates({ from, to, ...about }: RatesRequest): Promise<Rate[]> {
      const request = { ...about, from: placeOf(from), to: placeOf(to) };
      return read(await ask('POST', '/rates', request), rateListSchema).rates;
    },

    /** Buys a label; asked again with the same key and request, it answers with the same label. */
    async buyLabel({ key, ...request }: LabelRequest): Promise<Label> {
      return read(await ask('POST', '/labels', request, key), labelSchema);
    },

    /** The labels bought for a reference: what was bought although its answer was lost is among them. */
    async findLabels(reference: string): Promise<Label[]> {
      return read(await ask('GET', `/labels?${new URLSearchParams({ reference })}`), labelListSchema).labels;
    },

    /** Gives a label back. A label that was scanned in is spent, and stays so. */
    async voidLabel(labelId: string): Promise<'voided' | 'already_used'> {
      const answer = await ask('POST', `/labels/${encodeURIComponent(labelId)}/void`);
      if (answer.status === 409 && codeOf(answer) === 'label_in_use') return 'already_used';
      read(answer, labelSchema);
      return 'voided';
    },

    /** What happened to one parcel, oldest first. */
    async track(trackingNumber: string): Promise<TrackingEvent[]> {
      return read(await ask('GET', `/tracking/${encodeURIComponent(trackingNumber)}`), trackingSchema).events;
    },

    /** The events of all parcels recorded at or after `since`, oldest first. */
    async eventsSince(since: Date): Promise<CarrierEvent[]> {
      const events: CarrierEvent[] = [];
      for (;;) {
        const query = new URLSearchParams({ since: since.toISOString(), limit: String(pageSize) });
        const last = events.at(-1);
        if (last) query.set('after', last.id);
        const page = read(await ask('GET', `/tracking?${query}`), eventPageSchema);
        events.push(...page.events);
        if (!page.hasMore) return events;
        if (page.events.length === 0) throw new Error(`carrier: GET /tracking?${query} says more, but lists nothing`);
      }
    },
  };
}

/**
 * Checks a webhook of the carrier and reads its event. Header: `Carrier-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256
 * of "t.body">`. Any of the secrets passes, so that one can be replaced while the other is still in use.
 * The same event may come again within the tolerance: to drop repeats by `id` is the caller's part.
 * @throws InvalidWebhook
 */
export function parseCarrierWebhook(
  rawBody: Buffer,
  signature: string | undefined,
  secrets: string[],
  now = Date.now(),
): CarrierEvent {
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
  const { type: _, ...event } = body.data;
  return event;
}

function placeOf({ country, region, postalCode, city }: Place): Place {
  return { country, region, postalCode, city };
}

interface Answer {
  asked: string;
  status: number;
  text: string;
}

/** The checked body of a good answer. Failures name the carrier's code but not its words, which may quote an address. */
function read<T>(answer: Answer, schema: z.ZodType<T>): T {
  const { asked, status, text } = answer;
  if (status === 401 || status === 403) {
    const message = `${asked} answered ${status}: check the carrier's API key and what it may do`;
    throw ApplicationFailure.nonRetryable(message, failures.carrierRefused, { code: 'api_key_refused' });
  }
  // Asking the same again cannot cure these. A 409 may pass, and so may everything else.
  if (status === 422 || status === 400 || status === 404) {
    const code = codeOf(answer) ?? `http_${status}`;
    throw ApplicationFailure.nonRetryable(`${asked} was refused: ${code}`, failures.carrierRefused, { code });
  }
  if (status < 200 || status > 299) throw new Error(`${asked} answered ${status}`);
  const body = schema.safeParse(jsonOf(text));
  if (!body.success) {
    throw new Error(`${asked} answered ${status} with an unexpected body: ${z.prettifyError(body.error)}`);
  }
  return body.data;
}

function codeOf(answer: Answer): string | undefined {
  return refusalSchema.safeParse(jsonOf(answer.text)).data?.error.code;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // No schema here takes undefined, so it is reported with the schema's own words.
  }
}

/** fetch says only "fetch failed"; what failed is in its cause. */
function reasonOf(error: unknown): string {
  const { name, message, cause } = error as Error & { cause?: { code?: string; message?: string } };
  if (name === 'TimeoutError') return `none within ${timeoutMs / 1000} s`;
  return `${message} (${cause?.code ?? cause?.message ?? name})`;
}
