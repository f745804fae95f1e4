/** What we ask for, in EasyPost's words and units: https://docs.easypost.com/docs/shipments */
import { createHash } from 'node:crypto';
import type { Address } from '../../models/address.ts';
import { minorDigits } from '../../workflows/domain/money.ts';
import type { Parcel } from '../../workflows/messages.ts';
import type { LabelRequest, RatesRequest } from './carrier.ts';
import { refusal } from './carrier-failures.ts';

export function toAddress({ name, line1, line2, city, region, postalCode, country, phone }: Address) {
  return { name, street1: line1, street2: line2, city, state: region, zip: postalCode, country, phone };
}

/** A quote needs no street. */
function toPlace({ city, region, postalCode, country }: RatesRequest['to']) {
  return { city, state: region, zip: postalCode, country };
}

/** Rounded up: a carrier that measures more than it was told asks for more later. */
function toParcel({ weightGrams, lengthMm, widthMm, heightMm }: Parcel) {
  const [length, width, height] = [lengthMm, widthMm, heightMm].map((mm) => upToTenth(mm / 25.4));
  return { length, width, height, weight: upToTenth(weightGrams / gramsPerOunce) };
}

const gramsPerOunce = 28.349523125;

// Half a grain of sand less, so that 25.4 mm are an inch and not 1.1 by the way floats are divided.
const upToTenth = (amount: number) => Math.ceil(amount * 10 - 1e-6) / 10;

export function toRatesShipment({ from, to, parcel, currency }: RatesRequest) {
  const ends = { from_address: toPlace(from), to_address: toPlace(to) };
  return { ...ends, parcel: toParcel(parcel), ...(currency !== undefined && { options: { currency } }) };
}

/** `nth`: which shipment under the reference it is, from 1. */
export function toShipment(request: LabelRequest, nth: number) {
  const { from, to, parcel, purpose, reference } = request;
  const customs = from.country === to.country ? undefined : toCustoms(request);
  // A return is asked for as the shipment that it brings back: EasyPost turns its addresses round.
  const [sender, recipient] = purpose === 'return' ? [to, from] : [from, to];
  return {
    reference: referenceOf(reference, nth),
    from_address: toAddress(sender),
    to_address: toAddress(recipient),
    parcel: toParcel(parcel),
    is_return: purpose === 'return',
    ...(customs && { customs_info: customs }),
    options: {
      label_format: 'PDF',
      label_size: '4x6',
      // More is too much for some carriers. EasyPost's own `reference` has it whole.
      print_custom_1: reference.slice(0, 35),
      print_custom_2: markOf(request),
    },
  };
}

/** Not as it is: ours begin with `shp_` as EasyPost's own ids do, and would be taken for one. */
export function referenceOf(reference: string, nth: number): string {
  return `waybill-${reference}${nth === 1 ? '' : `~${nth}`}`;
}

export function ourReference(reference: string): string {
  return reference.replace(/^waybill-/, '').replace(/~\d+$/, '');
}

/**
 * What is kept with a shipment, and so found again: which key it was made for, and what it was made of. The service is no
 * part of it, for that is chosen when the shipment is bought.
 */
export function markOf({ key, service: _, ...request }: LabelRequest): string {
  return `${digest(key)}-${digest(JSON.stringify(request))}`;
}

export const isOfKey = (mark: string, key: string) => mark.startsWith(`${digest(key)}-`);

const digest = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 10);

function toCustoms({ from, contents, purpose }: LabelRequest) {
  if (contents.length === 0) {
    throw refusal('easypost: a parcel that crosses a border needs its contents, but none are given', 'no_contents');
  }
  return {
    contents_type: purpose === 'return' ? 'returned_goods' : 'merchandise',
    customs_certify: true,
    customs_signer: from.name,
    non_delivery_option: 'return',
    restriction_type: 'none',
    // The exemption for goods of up to 2,500 USD that need no licence.
    ...(from.country === 'US' && { eel_pfc: 'NOEEI 30.37(a)' }),
    customs_items: contents.map(({ description, quantity, weightGrams, value, currency }) => ({
      description,
      quantity,
      // Rounded down: together they may not weigh more than the parcel.
      weight: Math.max(0.1, Math.floor((weightGrams / gramsPerOunce) * 10) / 10),
      value: value / 10 ** minorDigits(currency),
      currency,
      origin_country: from.country,
    })),
  };
}

/** `"33.10"` of USD is 3310 minor units. Half a minor unit is rounded up. */
export function toMinor(decimal: string, currency: string): number {
  const [, whole, fraction = ''] = /^(\d+)(?:\.(\d+))?$/.exec(decimal) ?? [];
  if (whole === undefined) throw new Error(`easypost: "${decimal}" is no amount of ${currency}`);
  const digits = minorDigits(currency);
  const minor = Number(whole + fraction.slice(0, digits).padEnd(digits, '0'));
  return Number(fraction[digits] ?? 0) >= 5 ? minor + 1 : minor;
}
