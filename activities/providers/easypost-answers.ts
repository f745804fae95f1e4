/** What EasyPost answers, as far as we read it: what it adds one day is dropped. */
import { z } from 'zod';
import type { Address } from '../../models/address.ts';
import { type AddressCheck, type Label, type Rate, type VoidOutcome, webAddress } from './carrier.ts';
import { ourReference, toMinor } from './easypost-words.ts';

const rateSchema = z.object({
  id: z.string().min(1),
  carrier: z.string().min(1),
  service: z.string().min(1),
  /** Decimal, such as "33.10". */
  rate: z.string(),
  currency: z.string().length(3),
  delivery_days: z.int().nonnegative().nullish(),
  est_delivery_days: z.int().nonnegative().nullish(),
});
export const scanFormSchema = z.object({
  id: z.string().min(1),
  status: z.string().nullish(),
  form_url: webAddress.nullish(),
  tracking_codes: z.array(z.string()),
});
export const shipmentSchema = z.object({
  id: z.string().min(1),
  created_at: z.iso.datetime({ offset: true }),
  reference: z.string().nullish(),
  status: z.string().nullish(),
  tracking_code: z.string().nullish(),
  refund_status: z.string().nullish(),
  options: z.object({ print_custom_2: z.string().nullish() }).nullish(),
  rates: z.array(rateSchema),
  selected_rate: rateSchema.nullish(),
  tracker: z.object({ public_url: webAddress.nullish() }).nullish(),
  postage_label: z.object({ label_url: webAddress, label_pdf_url: webAddress.nullish() }).nullish(),
  scan_form: scanFormSchema.nullish(),
});
export const ratesSchema = shipmentSchema.pick({ rates: true });
export const shipmentListSchema = z.object({ shipments: z.array(shipmentSchema), has_more: z.boolean() });
export const addressSchema = z.object({
  street1: z.string().nullish(),
  street2: z.string().nullish(),
  city: z.string().nullish(),
  state: z.string().nullish(),
  zip: z.string().nullish(),
  country: z.string().nullish(),
  verifications: z
    .object({
      delivery: z.object({
        success: z.boolean(),
        errors: z.array(z.object({ code: z.string().nullish() })).nullish(),
      }),
    })
    .partial()
    .nullish(),
});

export type Shipment = z.infer<typeof shipmentSchema>;
type EasyPostRate = z.infer<typeof rateSchema>;

function serviceOf({ carrier, service }: EasyPostRate): string {
  return `${carrier}/${service}`;
}

/** Which carrier behind EasyPost it is that has a service. */
export function behindOf(service: string): string {
  return service.split('/')[0]!;
}

/** The cheapest of each service in a currency: an account may have several contracts with one carrier. */
export function toRates(rates: readonly EasyPostRate[], asked: string | undefined): Rate[] {
  const cheapest = new Map<string, Rate>();
  for (const rate of rates) {
    const { currency } = rate;
    if (asked !== undefined && currency !== asked) continue;
    const service = serviceOf(rate);
    const amount = toMinor(rate.rate, currency);
    const before = cheapest.get(`${service} ${currency}`);
    const days = rate.delivery_days ?? rate.est_delivery_days ?? undefined;
    if (!before || amount < before.amount) {
      cheapest.set(`${service} ${currency}`, { service, amount, currency, days });
    }
  }
  return [...cheapest.values()];
}

export function cheapestOf(rates: readonly EasyPostRate[], service: string): EasyPostRate | undefined {
  const price = ({ rate, currency }: EasyPostRate) => toMinor(rate, currency);
  return rates.filter((rate) => serviceOf(rate) === service).sort((a, b) => price(a) - price(b))[0];
}

export const isBought = ({ postage_label, tracking_code, selected_rate }: Shipment) =>
  Boolean(postage_label && tracking_code && selected_rate);

/** Of a shipment that was bought. */
export function toLabel(shipment: Shipment): Label {
  const { id, reference, tracking_code, selected_rate, postage_label, tracker } = shipment;
  if (!postage_label || !tracking_code || !selected_rate) throw new Error(`easypost: shipment ${id} has no label`);
  const { rate, currency } = selected_rate;
  return {
    id,
    reference: ourReference(reference ?? ''),
    trackingNumber: tracking_code,
    service: serviceOf(selected_rate),
    cost: toMinor(rate, currency),
    currency,
    url: postage_label.label_pdf_url ?? postage_label.label_url,
    ...(tracker?.public_url && { trackingUrl: tracker.public_url }),
    status: statusOf(shipment),
  };
}

function statusOf({ refund_status, status }: Shipment): Label['status'] {
  const outcome = voidOutcomeOf(refund_status);
  if (outcome === 'voided' || outcome === 'pending') return 'voided';
  return outcome === 'used' || travelled.has(status ?? '') ? 'used' : 'created';
}

const travelled = new Set([
  ...['in_transit', 'out_for_delivery', 'delivered', 'available_for_pickup', 'return_to_sender', 'failure'],
]);

/** None where nobody has asked for a refund, or EasyPost says something new. */
export function voidOutcomeOf(refundStatus: string | null | undefined): VoidOutcome | undefined {
  return voidOutcomes.get(refundStatus ?? '');
}

const voidOutcomes = new Map<string, VoidOutcome>([
  ['submitted', 'pending'],
  ['refunded', 'voided'],
  // Nothing was paid that could come back: some carriers only charge what they scan.
  ['not_applicable', 'voided'],
  ['rejected', 'used'],
]);

/** EasyPost writes in capitals and adds four digits to an American ZIP code: that alone corrects nothing. */
export function toCheck(given: Address, found: z.infer<typeof addressSchema>): AddressCheck {
  const delivery = found.verifications?.delivery;
  if (!delivery) return { outcome: 'unknown' };
  if (!delivery.success) {
    return { outcome: 'undeliverable', why: delivery.errors?.find(({ code }) => code)?.code ?? 'E.ADDRESS.INVALID' };
  }
  const { street1, street2, city, state, zip, country } = found;
  const theirs: Address = {
    name: given.name,
    line1: street1 || given.line1,
    ...(street2 && { line2: street2 }),
    city: city || given.city,
    ...(state && { region: state }),
    postalCode: zip || given.postalCode,
    country: country || given.country,
    ...(given.phone !== undefined && { phone: given.phone }),
  };
  return isSame(given, theirs) ? { outcome: 'verified' } : { outcome: 'corrected', address: theirs };
}

function isSame(ours: Address, theirs: Address): boolean {
  const plain = (text = '') =>
    text
      .toUpperCase()
      .replace(/[\s.,-]+/g, ' ')
      .trim();
  const fields = ['line1', 'line2', 'city', 'region', 'country'] as const;
  const zip = plain(theirs.postalCode);
  return (
    fields.every((field) => plain(ours[field]) === plain(theirs[field])) &&
    (zip === plain(ours.postalCode) || zip.startsWith(`${plain(ours.postalCode)} `))
  );
}
