import { invalidRequest } from './errors.ts';
import type { FormMap, FormValue } from './form.ts';
import { map, oneOf, type Reader, readParams, type Spec } from './params.ts';
import type { Intent } from './store.ts';
import { CURRENCY_OF, type TestDebit } from './test-debits.ts';

/** Each type of payment method, and what Stripe takes about it on a payment intent. */
const FIELDS: Record<string, string> = {
  acss_debit: 'mandate_options setup_future_usage target_date verification_method',
  affirm: 'capture_method preferred_locale setup_future_usage',
  afterpay_clearpay: 'capture_method reference setup_future_usage',
  alipay: 'setup_future_usage',
  alma: 'capture_method',
  amazon_pay: 'capture_method setup_future_usage',
  au_becs_debit: 'setup_future_usage target_date',
  bacs_debit: 'mandate_options setup_future_usage target_date',
  bancontact: 'preferred_language setup_future_usage',
  billie: 'capture_method company_details reference',
  bizum: '',
  blik: 'code mandate_options setup_future_usage',
  boleto: 'expires_after_days setup_future_usage',
  card:
    'capture_method cvc_token installments mandate_options moto network request_extended_authorization ' +
    'request_incremental_authorization request_multicapture request_overcapture request_three_d_secure ' +
    'require_cvc_recollection setup_credential_usage setup_future_usage statement_descriptor_suffix_kana ' +
    'statement_descriptor_suffix_kanji stored_credential_usage three_d_secure',
  card_present: 'capture_method request_extended_authorization request_incremental_authorization_support routing',
  cashapp: 'capture_method setup_future_usage',
  crypto: 'setup_future_usage',
  customer_balance: 'bank_transfer funding_type setup_future_usage',
  eps: 'setup_future_usage',
  fpx: 'setup_future_usage',
  giropay: 'setup_future_usage',
  grabpay: 'setup_future_usage',
  ideal: 'setup_future_usage',
  interac_present: '',
  kakao_pay: 'capture_method setup_future_usage',
  klarna: 'capture_method on_demand preferred_locale setup_future_usage subscriptions',
  konbini: 'confirmation_number expires_after_days expires_at product_description setup_future_usage',
  kr_card: 'capture_method setup_future_usage',
  link: 'capture_method persistent_token setup_future_usage',
  mb_way: 'setup_future_usage',
  mobilepay: 'capture_method setup_future_usage',
  multibanco: 'setup_future_usage',
  naver_pay: 'capture_method setup_future_usage',
  nz_bank_account: 'setup_future_usage target_date',
  oxxo: 'expires_after_days setup_future_usage',
  p24: 'setup_future_usage tos_shown_and_accepted',
  pay_by_bank: '',
  payco: 'capture_method setup_future_usage',
  paynow: 'setup_future_usage',
  paypal: 'capture_method preferred_locale reference risk_correlation_id setup_future_usage',
  paypay: '',
  payto: 'mandate_options setup_future_usage',
  pix: 'amount_includes_iof expires_after_seconds expires_at mandate_options setup_future_usage',
  promptpay: 'setup_future_usage',
  revolut_pay: 'capture_method setup_future_usage',
  samsung_pay: 'capture_method setup_future_usage',
  satispay: 'capture_method setup_future_usage',
  scalapay: 'capture_method',
  sepa_debit: 'mandate_options setup_future_usage target_date',
  sequra: 'capture_method setup_future_usage',
  sofort: 'preferred_language setup_future_usage',
  sunbit: 'capture_method setup_future_usage',
  swish: 'reference setup_future_usage',
  twint: 'setup_future_usage',
  upi: 'mandate_options setup_future_usage',
  us_bank_account:
    'financial_connections mandate_options networks setup_future_usage target_date transaction_purpose ' +
    'verification_method',
  wechat_pay: 'app_id client setup_future_usage',
  zip: 'setup_future_usage',
};

const anything: Reader<FormValue> = (value) => value;
/** An empty value takes back what was said before. */
const manualOrUnset: Reader<'manual' | ''> = (value, param) => (value === '' ? '' : oneOf('manual')(value, param));
const ifAvailable = oneOf('if_available', 'never');

const READERS: Record<string, Reader<unknown>> = {
  capture_method: manualOrUnset,
  request_multicapture: ifAvailable,
  request_extended_authorization: ifAvailable,
  request_incremental_authorization: ifAvailable,
  request_overcapture: ifAvailable,
  setup_future_usage: oneOf('none', 'off_session', 'on_session'),
};

export type Options = Record<string, Record<string, unknown>>;

export const paymentMethodOptions: Reader<Options> = (value, param) => {
  const given: FormMap = map(value, param);
  const types = Object.fromEntries(Object.keys(FIELDS).map((type) => [type, anything]));
  const name = (inner: string) => `${param}[${inner}]`;
  readParams(given, types, name);
  return Object.fromEntries(
    Object.entries(given).map(([type, options]) => {
      const spec: Spec = Object.fromEntries(
        FIELDS[type]!.split(' ')
          .filter((field) => field !== '')
          .map((field) => [field, READERS[field] ?? anything]),
      );
      return [type, readParams(map(options, name(type)), spec, (field) => `${name(type)}[${field}]`)];
    }),
  );
};

/** What is known about each type after a request has said more. */
export function mergeOptions(known: Intent['payment_method_options'], given: Options | undefined) {
  if (!given) return known;
  const merged: Options = { ...(known as Options | null) };
  for (const [type, options] of Object.entries(given)) {
    const all = { ...(type === 'card' ? CARD_DEFAULTS : {}), ...merged[type], ...options };
    merged[type] = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== '' && value !== undefined));
  }
  return merged as Intent['payment_method_options'];
}

const CARD_DEFAULTS = { installments: null, mandate_options: null, network: null, request_three_d_secure: 'automatic' };

function optionOf(intent: Intent, type: string, field: string): unknown {
  return (intent.payment_method_options as Options | null)?.[type]?.[field];
}

/** Whether a method of this type is held first and captured by hand. */
export function isCapturedByHand(intent: Intent, type: string): boolean {
  return (optionOf(intent, type, 'capture_method') ?? intent.capture_method) === 'manual';
}

export const isRequested = (intent: Intent, feature: 'multicapture' | 'extended_authorization'): boolean =>
  optionOf(intent, 'card', `request_${feature}`) === 'if_available';

/** For what the method is saved, once the payment is authorized. */
export function futureUsageOf(intent: Intent, type: string): 'off_session' | 'on_session' | undefined {
  const usage = optionOf(intent, type, 'setup_future_usage') ?? intent.setup_future_usage;
  return usage === 'off_session' || usage === 'on_session' ? usage : undefined;
}

/** Refuses a type of payment method that cannot pay this intent. */
export function refuseUnofferedMethod(intent: Intent, type: string, payment_intent: Intent | undefined): void {
  const allowed = intent.allowed_payment_method_types;
  if (allowed && !allowed.includes(type)) {
    throw invalidRequest(
      `The PaymentMethod provided (${type}) is not allowed for this PaymentIntent. Please attach a PaymentMethod of one of the following types: ${allowed.join(', ')}. Alternatively, update the allowed payment_method_types for this PaymentIntent to include "${type}".`,
      { param: 'payment_method', payment_intent },
    );
  }
  if (type === 'card') return;
  const currency = CURRENCY_OF[type as TestDebit['type']];
  if (currency !== intent.currency) {
    throw invalidRequest(
      `The currency provided (${intent.currency}) is invalid for the payment method type ${type}, which takes ${currency}.`,
      { code: 'payment_method_currency_mismatch', param: 'currency', payment_intent },
    );
  }
  if (intent.capture_method === 'manual') {
    throw invalidRequest(`The payment method type ${type} does not support \`capture_method=manual\`.`, {
      code: 'payment_intent_invalid_parameter',
      param: 'capture_method',
      payment_intent,
    });
  }
}
