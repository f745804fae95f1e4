/** What Waybill asks of a carrier, whoever it is. Each provider's own words stay in its file. */
import { z } from 'zod';
import type { Address } from '../../models/address.ts';
import type { Parcel, TrackingStatus } from '../../workflows/messages.ts';

export interface Carrier {
  /** As labels name it: from then on only this carrier is asked about them. */
  readonly id: CarrierId;
  /** What its services cost for a parcel, in no order. None where it does not go there. */
  rates(request: RatesRequest): Promise<Rate[]>;
  /** Buys one label for a key, however often it is asked and whatever became of the answers. */
  buyLabel(request: LabelRequest): Promise<Label>;
  /** Every label that was bought for a reference, also where its answer was lost. */
  findLabels(reference: string): Promise<Label[]>;
  /** Gives a label back. `used`: it has travelled, and is paid for. `pending`: the carrier decides later whether it pays. */
  voidLabel(labelId: string): Promise<VoidOutcome>;
  /** What happened to a parcel, oldest first. */
  track(trackingNumber: string): Promise<CarrierEvent[]>;
  /** Whose driver takes parcels of a service. Each has a paper of their own. */
  driverOf(service: string): string;
  /** Announces parcels that leave together, on one paper for one driver. Asked again with the same key it is the same one. */
  manifest(request: ManifestRequest): Promise<Manifest>;
  verifyAddress(address: Address): Promise<AddressCheck>;
}

/** Of labels, papers and pages about parcels: shown to people as a link. */
export const webAddress = z.url({ protocol: /^https?$/ });

export type CarrierId = 'sandbox' | 'easypost';

type Place = Pick<Address, 'country' | 'region'> & Partial<Pick<Address, 'postalCode' | 'city'>>;

export interface RatesRequest {
  from: Place;
  to: Place;
  parcel: Parcel;
  /** ISO 4217: what the carrier should answer in; one that cannot has none. Without it in the currency of its account. */
  currency?: string | undefined;
}

export interface Rate {
  /** The carrier's own name of it, such as `express` or `UPS/Ground`. */
  service: string;
  /** Minor units. */
  amount: number;
  currency: string;
  /** Working days on the way. Absent where the carrier promises nothing. */
  days?: number | undefined;
}

export interface LabelRequest {
  /** The idempotency key. It is not used up by a refusal: the request may be corrected and sent with it again. */
  key: string;
  /** Our parcel or return; what the carrier shows of it, and finds it by. */
  reference: string;
  from: Address;
  to: Address;
  parcel: Parcel;
  service: string;
  purpose: 'outbound' | 'return';
  /** For the customs, where it crosses a border: a line each, with the weight and the value of all its units together. */
  contents: { description: string; quantity: number; weightGrams: number; value: number; currency: string }[];
}

export interface Label {
  id: string;
  reference: string;
  trackingNumber: string;
  service: string;
  /** Minor units: what it cost. */
  cost: number;
  currency: string;
  /** Where it can be printed from, for whoever holds the link. */
  url: string;
  /** Where whoever holds the link may follow the parcel, if the carrier has a page. */
  trackingUrl?: string | undefined;
  status: 'created' | 'used' | 'voided';
}

export type VoidOutcome = 'voided' | 'pending' | 'used';

export interface CarrierEvent {
  /** The same for the same event, however we hear of it. */
  id: string;
  trackingNumber: string;
  status: TrackingStatus;
  /** ISO 8601, UTC: when it happened, by the carrier's clock. */
  at: string;
  /** Only with `exception`. */
  reason?: ExceptionReason | undefined;
  /** A code of the carrier's or a word of ours; never its free text, which may quote an address. */
  detail: string;
  /** A date, `2026-12-24`: when the carrier now expects to deliver it. */
  expectedOn?: string | undefined;
  /** Only with `delivered`: whether somebody signed, and where it was left. Nobody's name. */
  proof?: { signed: boolean; leftAt?: string | undefined } | undefined;
}

export type ExceptionReason = 'address' | 'damaged' | 'customs' | 'refused' | 'not_home' | 'other';

export interface ManifestRequest {
  key: string;
  from: Address;
  labelIds: readonly string[];
}

export interface Manifest {
  id: string;
  /** The paper for the driver. */
  url: string;
}

export type AddressCheck =
  | { outcome: 'verified' }
  /** As the carrier would write it. */
  | { outcome: 'corrected'; address: Address }
  | { outcome: 'undeliverable'; why: string }
  /** The carrier knows nothing of addresses there. */
  | { outcome: 'unknown' };
