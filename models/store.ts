/** What is set once for the whole store. */
import { type Connection, Schema } from 'mongoose';
import type { ClaimRules } from '../workflows/domain/claims.ts';
import type { TaxRules } from '../workflows/domain/pricing.ts';
import { defaultReturnPolicy, type ReturnPolicies } from '../workflows/domain/return-policy.ts';
import type { RiskRules } from '../workflows/domain/risk.ts';
import type { Address } from './address.ts';

export interface StoreSettings {
  _id: 'store';
  /** Who sells, as invoices have to say. Without it nothing is invoiced. */
  seller?: Seller;
  taxes: Pick<TaxRules, 'inclusiveIn' | 'rounding' | 'shippingClass'> & {
    /** The table of rates, or Stripe Tax. */
    source: 'table' | 'stripe';
  };
  /** Without it, the defaults. */
  payments?: PaymentRules;
  fulfilment?: FulfilmentRules;
  orders?: OrderRules;
  claims?: ClaimRules;
  returns?: ReturnRules;
  /** What customers are told of returns and refunds before they buy: banks ask for it. */
  refundPolicy?: string;
  mail?: MailSettings;
}

/** What is the store's own in mails to customers. */
export interface MailSettings {
  /** Without it the seller's. */
  storeName?: string;
  /** Where answers go. Without it to the address that mails come from. */
  replyTo?: string;
  /** Below every mail: what the law asks for in business letters. */
  footer?: string;
  /** For customers of whom no language is known, or one that there are no mails in. */
  defaultLanguage?: string;
}

export interface PaymentRules {
  /** Each parcel takes its share, where the account and the card can do that. Else the first one takes all. */
  multicapture: boolean;
  /** Whether the shipping is paid back with the last of the goods. */
  refundShipping: 'with_last_goods' | 'never';
  risk: RiskRules;
}

export interface FulfilmentRules {
  /** What becomes of units that a picker did not find and no other warehouse has. */
  shortPick: 'cancel' | 'backorder' | 'ask';
  /** Carriers are asked whether they find the address of an order, before it is packed: some ask for money for it. */
  checkAddresses: boolean;
}

export interface OrderRules {
  /** Until then customers cancel by themselves; afterwards they ask support. */
  customersCancelUntil: 'picked' | 'handed_over';
}

export interface ReturnRules {
  /** By classes of goods. `standard` is for all that have none of their own. */
  policies: ReturnPolicies;
}

export interface Seller {
  name: string;
  address: Address;
  /** `{ name: 'VAT ID', value: 'DE123456789' }`: whatever the law asks for. */
  taxIds: { name: string; value: string }[];
  email: string;
  /** IANA. Its date is the date of an invoice, and its year that of the invoice's number. */
  timeZone: string;
  /** Printed at the foot: register, bank, managing directors. */
  footer?: string;
}

export const defaultPayments: PaymentRules = { multicapture: false, refundShipping: 'with_last_goods', risk: {} };

export const defaultFulfilment: FulfilmentRules = { shortPick: 'cancel', checkAddresses: false };

export const defaultOrders: OrderRules = { customersCancelUntil: 'handed_over' };
export const defaultReturns: ReturnRules = { policies: { standard: defaultReturnPolicy } };

export const defaultSettings: StoreSettings = {
  _id: 'store',
  taxes: { inclusiveIn: [], rounding: 'total', source: 'table' },
};

export function storeSettingsModel(connection: Connection) {
  const schema = new Schema<StoreSettings>({
    _id: { type: String, required: true } as never,
    seller: Schema.Types.Mixed,
    taxes: { type: Schema.Types.Mixed as never, required: true },
    payments: Schema.Types.Mixed,
    fulfilment: Schema.Types.Mixed,
    orders: Schema.Types.Mixed,
    claims: Schema.Types.Mixed,
    returns: Schema.Types.Mixed,
    refundPolicy: String,
    mail: Schema.Types.Mixed,
  });
  return connection.model('StoreSettings', schema, 'store_settings');
}
