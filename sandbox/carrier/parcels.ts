import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Journal } from '../journal.ts';
import { Refusal } from '../refusal.ts';
import { expectedOn, priceOf, serviceFor, zoneOf } from './services.ts';
import { isTrackingNumber, newTrackingNumber } from './tracking-number.ts';

export const line = z.string().trim().min(1).max(120);
export const country = z.string().regex(/^[A-Z]{2}$/);
export const address = z.strictObject({
  name: line,
  line1: line,
  line2: line.optional(),
  city: line,
  region: line.optional(),
  postalCode: line,
  country,
  phone: line.optional(),
});
const size = z.int().positive();
export const parcel = z.strictObject({ weightGrams: size, lengthMm: size, widthMm: size, heightMm: size });
export const labelRequest = z.strictObject({
  reference: line,
  from: address,
  to: address,
  parcel,
  service: line,
  purpose: z.enum(['outbound', 'return']),
  contents: z
    .array(
      z.strictObject({
        description: z.string().trim().min(1).max(500),
        quantity: size,
        weightGrams: z.int().nonnegative(),
        value: z.int().nonnegative(),
        currency: z.string().length(3),
      }),
    )
    .max(200)
    .default([]),
});
export const movement = z
  .strictObject({
    status: z.enum([
      'accepted',
      'in_transit',
      'out_for_delivery',
      'delivered',
      'exception',
      'lost',
      'returned_to_sender',
    ]),
    detail: z.string().max(500).default(''),
    reason: z.enum(['address', 'damaged', 'customs', 'refused', 'not_home', 'other']).optional(),
    expectedOn: z.iso.date().optional(),
    proof: z.strictObject({ signed: z.boolean(), leftAt: line.optional() }).optional(),
  })
  .refine(({ status, reason }) => reason === undefined || status === 'exception', '"reason" is for an exception')
  .refine(({ status, proof }) => proof === undefined || status === 'delivered', '"proof" is for a delivery');

type LabelRequest = z.infer<typeof labelRequest>;
type Movement = z.infer<typeof movement>;
export type Parcels = ReturnType<typeof openParcels>;

export interface Label {
  id: string;
  /** The idempotency key it was bought with. */
  key: string;
  trackingNumber: string;
  request: LabelRequest;
  costMinor: number;
  currency: string;
  boughtAt: string;
  /** `in_use` from the first movement on: a parcel that was scanned in has used its label up. */
  status: 'created' | 'in_use' | 'voided';
}

export interface ParcelEvent extends Movement {
  id: string;
  trackingNumber: string;
  reference: string;
  at: string;
  /** Kept with the event, so that what was not delivered before a restart is delivered after it. */
  webhook: 'due' | 'delivered' | 'not_sent';
}

/** The carrier's books: labels sold, and what happened to the parcels under them. */
export function openParcels(journal: Journal) {
  const labels = journal.collection<Label>('labels');
  const events = journal.collection<ParcelEvent>('events');
  const idByKey = new Map<string, string>();
  const idByTrackingNumber = new Map<string, string>();
  const eventIds = new Map<string, string[]>();
  for (const label of labels.values()) index(label);
  for (const event of events.values()) eventIds.get(event.trackingNumber)?.push(event.id);

  function index(label: Label): void {
    idByKey.set(label.key, label.id);
    idByTrackingNumber.set(label.trackingNumber, label.id);
    eventIds.set(label.trackingNumber, []);
  }

  function find(id: string | undefined): Label {
    const label = id === undefined ? undefined : labels.get(id);
    if (!label) throw new Refusal(404, 'not_found', 'there is no such label');
    return label;
  }

  function byNumber(trackingNumber: string): Label {
    const id = idByTrackingNumber.get(trackingNumber);
    if (id === undefined && !isTrackingNumber(trackingNumber)) {
      throw new Refusal(400, 'tracking_number_invalid', 'this is no tracking number: its check digit is wrong');
    }
    return find(id);
  }

  return {
    /** Sells one label a key. A refusal does not use the key up: the request may be mended and tried with it again. */
    buy(key: string, request: LabelRequest): Label {
      const bought = idByKey.get(key);
      if (bought !== undefined) {
        const label = find(bought);
        // Both came out of the same schema, so that equal requests are equal texts.
        if (JSON.stringify(label.request) === JSON.stringify(request)) return label;
        throw new Refusal(422, 'idempotency_key_reused', 'this Idempotency-Key was used for another request');
      }
      const service = serviceFor(request.service, request);
      const id = `lbl_${randomBytes(12).toString('hex')}`;
      const label: Label = {
        id,
        key,
        trackingNumber: newTrackingNumber(),
        request,
        costMinor: priceOf(service, zoneOf(request.from, request.to), request.parcel.weightGrams),
        currency: 'EUR',
        boughtAt: new Date().toISOString(),
        status: 'created',
      };
      labels.put(id, label);
      index(label);
      return label;
    },

    /** Gives a label back. Repeated it changes nothing; after the first scan it is refused. */
    void(id: string): Label {
      const label = find(id);
      if (label.status === 'in_use') throw new Refusal(409, 'label_in_use', 'the parcel was scanned in already');
      return label.status === 'voided' ? label : labels.put(id, { ...label, status: 'voided' });
    },

    label: find,

    has: (id: string) => labels.get(id) !== undefined,

    labels(reference?: string): Label[] {
      return [...labels.values()].filter((label) => reference === undefined || label.request.reference === reference);
    },

    /**
     * Records a movement. Any order goes, as with real parcels; only a voided label moves nothing. When a parcel is
     * accepted the carrier says when it expects to deliver it.
     */
    move(trackingNumber: string, moved: Movement, webhook: 'due' | 'not_sent'): ParcelEvent {
      const label = byNumber(trackingNumber);
      if (label.status === 'voided') throw new Refusal(409, 'label_voided', 'a voided label cannot travel');
      if (label.status === 'created') labels.put(label.id, { ...label, status: 'in_use' });
      const id = `evt_${randomBytes(12).toString('hex')}`;
      eventIds.get(trackingNumber)?.push(id);
      const { reference } = label.request;
      const now = new Date();
      const expected = moved.status === 'accepted' ? expectation(label, now) : {};
      const event = { id, trackingNumber, reference, ...expected, ...moved, at: now.toISOString(), webhook };
      return events.put(id, event);
    },

    delivered(eventId: string): void {
      const event = events.get(eventId);
      if (event) events.put(eventId, { ...event, webhook: 'delivered' });
    },

    due(): ParcelEvent[] {
      return [...events.values()].filter((event) => event.webhook === 'due');
    },

    /** What happened to one parcel, oldest first. */
    eventsOf(trackingNumber: string): ParcelEvent[] {
      byNumber(trackingNumber);
      return (eventIds.get(trackingNumber) ?? []).flatMap((id) => events.get(id) ?? []);
    },
  };
}

function expectation({ request }: Label, now: Date): { expectedOn: string } {
  const { service, from, to } = request;
  return { expectedOn: expectedOn(serviceFor(service, request), zoneOf(from, to), now) };
}
