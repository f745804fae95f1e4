/** What happened to parcels, as EasyPost tells it: in its trackers, and by webhook. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { TrackingStatus } from '../../workflows/messages.ts';
import type { CarrierEvent, ExceptionReason } from './carrier.ts';
import { InvalidWebhook, jsonOf, toleranceSeconds } from './webhook.ts';

const trackerSchema = z.object({
  id: z.string().min(1),
  tracking_code: z.string().min(1),
  signed_by: z.string().nullish(),
  est_delivery_date: z.string().nullish(),
  carrier_detail: z.object({ est_delivery_date_local: z.string().nullish() }).nullish(),
  tracking_details: z.array(
    z.object({
      status: z.string().min(1),
      status_detail: z.string().nullish(),
      datetime: z.iso.datetime({ offset: true }),
    }),
  ),
});
export const trackerListSchema = z.object({ trackers: z.array(trackerSchema) });
const eventSchema = z.object({ description: z.string(), result: z.unknown() });

type Tracker = z.infer<typeof trackerSchema>;

/** Oldest first. `unknown` hears of a status that is not known here; its event is left out. */
export function toEvents(tracker: Tracker, unknown?: (status: string) => void): CarrierEvent[] {
  const events = new Map<string, CarrierEvent>();
  for (const { status, status_detail, datetime } of tracker.tracking_details) {
    const meaning = meaningOf(status, status_detail ?? '');
    if (meaning === 'unknown') unknown?.(status);
    if (typeof meaning === 'string') continue;
    const id = idOf(tracker.id, status, status_detail ?? '', datetime);
    const at = new Date(datetime).toISOString();
    const detail = code.test(status_detail ?? '') ? status_detail! : status;
    const proof = meaning.status === 'delivered' && { proof: { signed: Boolean(tracker.signed_by) } };
    events.set(id, { id, trackingNumber: tracker.tracking_code, ...meaning, at, detail, ...proof });
  }
  const sorted = [...events.values()].sort((a, b) => a.at.localeCompare(b.at));
  // The tracker tells one date, the newest: it is news of the newest event.
  const expectedOn = dateOf(tracker.carrier_detail?.est_delivery_date_local ?? tracker.est_delivery_date);
  return sorted.map((event, at) =>
    expectedOn !== undefined && at === sorted.length - 1 ? { ...event, expectedOn } : event,
  );
}

const code = /^[a-z][a-z_]*$/;

/** The same whether the tracker was read or came by webhook, and however often. */
function idOf(...parts: string[]): string {
  return `ep_${createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)}`;
}

function dateOf(text: string | null | undefined): string | undefined {
  return z.iso.date().safeParse(text?.slice(0, 10)).data;
}

interface Meaning {
  status: TrackingStatus;
  reason?: ExceptionReason;
}

/** `nothing`: the label was made or given back, which we know ourselves. */
function meaningOf(status: string, detail: string): Meaning | 'nothing' | 'unknown' {
  switch (status) {
    case 'unknown':
    case 'pre_transit':
    case 'cancelled':
      return 'nothing';
    case 'in_transit':
      if (detail === 'lost') return { status: 'lost' };
      if (detail === 'return') return { status: 'returned_to_sender' };
      if (detail === 'received_at_origin_facility') return { status: 'accepted' };
      return reasons.has(detail) ? { status: 'exception', reason: reasons.get(detail)! } : { status: 'in_transit' };
    case 'out_for_delivery':
      return { status: 'out_for_delivery' };
    case 'delivered':
      return { status: 'delivered' };
    case 'available_for_pickup':
      return { status: 'exception', reason: 'not_home' };
    case 'return_to_sender':
      return { status: 'returned_to_sender' };
    case 'failure':
    case 'error':
      if (detail === 'lost') return { status: 'lost' };
      return { status: 'exception', reason: reasons.get(detail) ?? 'other' };
    default:
      return 'unknown';
  }
}

/** What keeps a parcel from arriving. Delays do not: it is still on its way. */
const reasons = new Map<string, ExceptionReason>([
  ['address_correction', 'address'],
  ['damaged', 'damaged'],
  ['refused', 'refused'],
  ['delivery_exception', 'other'],
  ['awaiting_information', 'other'],
]);

/**
 * Checks a webhook of EasyPost and reads what it says of a parcel: none of its events where it is about something else.
 * There are two signatures. `X-Hmac-Signature` is of the body, and as old as it likes; `X-Hmac-Signature-V2` is of
 * `X-Timestamp`, the method, `X-Path` and the body, and good for 300 s. Either is enough, and any of the secrets. The same
 * event may come again: to drop repeats by `id` is the caller's part. `unknown` hears of a status that is not known here.
 * @throws InvalidWebhook
 */
export function parseEasyPostWebhook(
  rawBody: Buffer,
  header: (name: string) => string | undefined,
  secrets: readonly string[],
  unknown: (status: string) => void,
  now = Date.now(),
): CarrierEvent[] {
  const [first, second] = [header('x-hmac-signature'), header('x-hmac-signature-v2')];
  if (first === undefined && second === undefined) {
    throw new InvalidWebhook('no_signature', 'easypost webhook without an X-Hmac-Signature header');
  }
  const time = header('x-timestamp') ?? '';
  const bodies = [rawBody, withFloats(rawBody)];
  const prefix = `${time}POST${header('x-path') ?? ''}`;
  if (bodies.some((body) => isSigned(second, [Buffer.from(prefix), body], secrets))) refuseOld(time, now);
  else if (!bodies.some((body) => isSigned(first, [body], secrets))) {
    throw new InvalidWebhook('bad_signature', 'easypost webhook: the signature fits none of the secrets');
  }

  const event = eventSchema.safeParse(jsonOf(rawBody.toString('utf8')));
  if (!event.success) throw notAnEvent(event.error);
  if (!event.data.description.startsWith('tracker.')) return [];
  const tracker = trackerSchema.safeParse(event.data.result);
  if (!tracker.success) throw notAnEvent(tracker.error);
  return toEvents(tracker.data, unknown);
}

/** EasyPost has signed `"weight":12.0` where it sends `"weight":12`: https://github.com/EasyPost/easypost-node/issues/467 */
function withFloats(body: Buffer): Buffer {
  return Buffer.from(body.toString('utf8').replace(/("weight":\s*\d+)(?=\s*[,}])/g, '$1.0'));
}

function isSigned(signature: string | undefined, parts: readonly Buffer[], secrets: readonly string[]): boolean {
  const hex = /^hmac-sha256-hex=([0-9a-f]{64})$/i.exec(signature ?? '')?.[1];
  if (hex === undefined) return false;
  const given = Buffer.from(hex, 'hex');
  const fits = secrets.map((secret) => {
    const mac = createHmac('sha256', secret.normalize('NFKD'));
    for (const part of parts) mac.update(part);
    return timingSafeEqual(mac.digest(), given);
  });
  return fits.includes(true);
}

function refuseOld(time: string, now: number): void {
  const age = Math.round((now - Date.parse(time)) / 1000);
  if (Math.abs(age) <= toleranceSeconds) return;
  throw new InvalidWebhook(
    age < 0 ? 'future' : 'old',
    `easypost webhook: signed at "${time}", at most ${toleranceSeconds} s off are accepted`,
  );
}

function notAnEvent(error: z.ZodError): InvalidWebhook {
  return new InvalidWebhook('not_an_event', `easypost webhook: unexpected body: ${z.prettifyError(error)}`);
}
