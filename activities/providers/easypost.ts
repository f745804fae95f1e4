/** EasyPost: many carriers by one API. The only file that calls it. */
import EasyPost from '@easypost/api';
import { z } from 'zod';
import type { Address } from '../../models/address.ts';
import type {
  AddressCheck,
  Carrier,
  CarrierEvent,
  Label,
  LabelRequest,
  Manifest,
  ManifestRequest,
  Rate,
  RatesRequest,
  VoidOutcome,
} from './carrier.ts';
import { type Failed, failureOf, meaningOf, refusal } from './carrier-failures.ts';
import {
  addressSchema,
  behindOf,
  cheapestOf,
  isBought,
  ratesSchema,
  type Shipment,
  scanFormSchema,
  shipmentListSchema,
  shipmentSchema,
  toCheck,
  toLabel,
  toRates,
  voidOutcomeOf,
} from './easypost-answers.ts';
import { toEvents, trackerListSchema } from './easypost-tracking.ts';
import { isOfKey, markOf, referenceOf, toAddress, toRatesShipment, toShipment } from './easypost-words.ts';

// Its types are those of a CommonJS module, whose default export would be one level deeper.
const Client = EasyPost as unknown as typeof EasyPost.default;

const timeoutMs = 15_000;
const pageSize = 100;
/** How many shipments may be made for one reference, those of refused requests included. */
const maxShipments = 20;
/** Two tries that ran at the same time began within this time of each other. */
const overlapMs = 120_000;

/**
 * What EasyPost or a carrier behind it refuses for good fails as non-retryable `CarrierRefused` with its code in the
 * details; every other failure is a plain Error, to be retried with the same key.
 */
export function createEasyPost(options: {
  apiKey: string;
  /** Another address than EasyPost's own, such as `http://127.0.0.1:8000/v2/`: the sandbox. */
  baseUrl?: string | undefined;
  /** Hears of a status of tracking that this code does not know. Its event is left out. */
  unknown?: (status: string) => void;
}): Carrier {
  const client = new Client(options.apiKey, {
    ...(options.baseUrl !== undefined && { baseUrl: options.baseUrl }),
    // The library takes a time-out as an option, but does not pass it on. It retries nothing: Temporal owns the retries.
    requestMiddleware: (request) => request.timeout({ deadline: timeoutMs }),
  });

  async function shipmentBy(idOrReference: string): Promise<Shipment | undefined> {
    const path = pathPart(idOrReference);
    const told = await ask(`GET /shipments/${idOrReference}`, () => client.Shipment.retrieve(path));
    if (told.failed?.status === 404) return undefined;
    return read(told, shipmentSchema);
  }

  async function shipmentOf(labelId: string): Promise<Shipment> {
    const found = await shipmentBy(labelId);
    if (!found) throw refusal(`easypost: there is no shipment ${labelId}`, 'not_found');
    return found;
  }

  /**
   * The shipment that is bought for the key, or will be. EasyPost has no idempotency keys, but finds a shipment by its
   * reference: those of one reference are numbered, and each is marked with what it was made for. One whose request was
   * refused and has been corrected since is passed over; it is never bought.
   */
  async function shipmentFor(request: LabelRequest): Promise<Shipment> {
    const mark = markOf(request);
    for (let nth = 1; nth <= maxShipments; nth += 1) {
      const found = await shipmentBy(referenceOf(request.reference, nth));
      if (!found) {
        const shipment = toShipment(request, nth);
        return read(await ask('POST /shipments', () => client.Shipment.create(shipment)), shipmentSchema);
      }
      const theirs = found.options?.print_custom_2 ?? '';
      if (isBought(found) && isOfKey(theirs, request.key)) return found;
      if (!isBought(found) && theirs === mark) return { ...found, rates: await newRates(found.id) };
    }
    throw refusal(`easypost: ${request.reference} has ${maxShipments} shipments, and no more are made`, 'too_many');
  }

  /** Rates of an earlier try may have lapsed, or there were none because a carrier did not answer. */
  async function newRates(shipmentId: string): Promise<Shipment['rates']> {
    const told = await ask(`POST /shipments/${shipmentId}/rerate`, () => client.Shipment.regenerateRates(shipmentId));
    return read(told, ratesSchema).rates;
  }

  /**
   * A reference is not unique at EasyPost: two tries at the same time, one of them by a worker that had been frozen, may
   * have made two shipments of the same one. If the other was bought, this one must not be.
   */
  async function boughtTwin({ created_at, reference }: Shipment, key: string): Promise<Shipment | undefined> {
    const start_datetime = new Date(Date.parse(created_at) - overlapMs).toISOString();
    let before_id: string | undefined;
    for (;;) {
      const query = { purchased: true, start_datetime, page_size: pageSize, ...(before_id && { before_id }) };
      const page = read(await ask('GET /shipments', () => client.Shipment.all(query)), shipmentListSchema);
      const twin = page.shipments.find(
        (one) => one.reference === reference && isBought(one) && isOfKey(one.options?.print_custom_2 ?? '', key),
      );
      before_id = page.shipments.at(-1)?.id;
      if (twin || !page.has_more || before_id === undefined) return twin;
    }
  }

  return {
    id: 'easypost',

    async rates(request: RatesRequest): Promise<Rate[]> {
      const told = await ask('POST /shipments', () => client.Shipment.create(toRatesShipment(request)));
      if (told.failed && meaningOf(told.failed) === 'not served') return [];
      return toRates(read(told, ratesSchema).rates, request.currency);
    },

    async buyLabel(request: LabelRequest): Promise<Label> {
      const shipment = await shipmentFor(request);
      if (isBought(shipment)) return toLabel(shipment);
      const twin = await boughtTwin(shipment, request.key);
      if (twin) return toLabel(twin);
      const rate = cheapestOf(shipment.rates, request.service);
      if (!rate) throw refusal(`easypost: nobody offers ${request.service} for this parcel`, 'service_unavailable');
      const told = await ask(`POST /shipments/${shipment.id}/buy`, () => client.Shipment.buy(shipment.id, rate.id));
      if (told.failed && meaningOf(told.failed) === 'read again') return toLabel(await shipmentOf(shipment.id));
      return toLabel(read(told, shipmentSchema));
    },

    async findLabels(reference: string): Promise<Label[]> {
      const labels: Label[] = [];
      for (let nth = 1; nth <= maxShipments; nth += 1) {
        const found = await shipmentBy(referenceOf(reference, nth));
        if (!found) break;
        if (isBought(found)) labels.push(toLabel(found));
      }
      return labels;
    },

    async voidLabel(labelId: string): Promise<VoidOutcome> {
      const before = voidOutcomeOf((await shipmentOf(labelId)).refund_status);
      if (before) return before;
      const told = await ask(`POST /shipments/${labelId}/refund`, () => client.Shipment.refund(labelId));
      if (told.failed && meaningOf(told.failed) === 'used') {
        // Also its answer where an earlier try has asked for the refund, and that answer was lost.
        return voidOutcomeOf((await shipmentOf(labelId)).refund_status) ?? 'used';
      }
      const { refund_status } = read(told, shipmentSchema);
      const outcome = voidOutcomeOf(refund_status);
      if (!outcome) throw new Error(`easypost: the refund of ${labelId} is "${refund_status}"`);
      return outcome;
    },

    async track(trackingNumber: string): Promise<CarrierEvent[]> {
      const query = { tracking_code: trackingNumber, page_size: 1 };
      const [tracker] = read(await ask('GET /trackers', () => client.Tracker.all(query)), trackerListSchema).trackers;
      if (!tracker) throw refusal(`easypost: there is no tracker of ${trackingNumber}`, 'not_found');
      return toEvents(tracker, options.unknown);
    },

    driverOf: behindOf,

    /** A shipment is on one scan form for ever, so what one of the labels is on is what an earlier try has made. */
    async manifest({ labelIds }: ManifestRequest): Promise<Manifest> {
      const [first] = labelIds;
      if (first === undefined) throw refusal('easypost: a manifest of no labels', 'no_labels');
      const made = (await shipmentOf(first)).scan_form;
      const shipments = labelIds.map((id) => ({ id }));
      const form =
        made ?? read(await ask('POST /scan_forms', () => client.ScanForm.create({ shipments })), scanFormSchema);
      if (form.status === 'failed') throw refusal(`easypost: scan form ${form.id} has failed`, 'scan_form_failed');
      if (!form.form_url) throw new Error(`easypost: scan form ${form.id} is ${form.status ?? 'not there'} yet`);
      if (form.tracking_codes.length !== new Set(labelIds).size) {
        throw refusal(`easypost: ${first} is on scan form ${form.id} with other parcels`, 'label_manifested');
      }
      return { id: form.id, url: form.form_url };
    },

    async verifyAddress(address: Address): Promise<AddressCheck> {
      const told = await ask('POST /addresses', () => client.Address.create({ ...toAddress(address), verify: true }));
      if (told.failed && meaningOf(told.failed) === 'not checked') return { outcome: 'unknown' };
      return toCheck(address, read(told, addressSchema));
    },
  };
}

type Told = { failed: Failed; answer?: never } | { failed?: never; answer: { asked: string; body: unknown } };

async function ask(what: string, call: () => Promise<unknown>): Promise<Told> {
  const asked = `easypost: ${what}`;
  try {
    return { answer: { asked, body: await call() } };
  } catch (error) {
    // Neither the message nor the error itself goes on: it may quote an address.
    const { statusCode, code } = error as { statusCode?: unknown; code?: unknown };
    return {
      failed: {
        asked,
        status: typeof statusCode === 'number' && statusCode >= 400 ? statusCode : undefined,
        code: typeof code === 'string' && /^[\w.]{1,80}$/.test(code) ? code : undefined,
      },
    };
  }
}

function read<T>({ failed, answer }: Told, schema: z.ZodType<T>): T {
  if (failed) throw failureOf(failed);
  const body = schema.safeParse(answer.body);
  if (!body.success) throw new Error(`${answer.asked}: unexpected answer: ${z.prettifyError(body.error)}`);
  return body.data;
}

/** The library takes a path with "beta" in it for another version of the API. */
function pathPart(text: string): string {
  return encodeURIComponent(text).replaceAll('beta', 'b%65ta');
}
