/** What a failure of Stripe means: an answer for the order, a mistake of ours, or something to try again. */
import { ApplicationFailure } from '@temporalio/common';
import Stripe from 'stripe';
import { failures } from '../../workflows/domain/failures.ts';

type Failed = InstanceType<typeof Stripe.errors.StripeError>;

interface Rule {
  /** HTTP statuses, `5xx` for all that begin so; none where no answer came that could be read. Without this, all. */
  statuses?: readonly (number | '5xx' | 'none')[];
  /** The code or the parameter that the answer names. Without this, any. */
  naming?: readonly string[];
  /** Only for a call with a method that the customer gave. */
  ofMethod?: true;
  means:
    | 'declined'
    /** The customer has to give another. */
    | 'another method'
    /** The state makes the call impossible, or did it already: how the thing stands says what to do. */
    | 'read again'
    /** For good: a person has to look at it. */
    | 'refused'
    | 'try again'
    /** Stripe replays this answer to the same idempotency key. */
    | 'try again with a new key';
}

/** The first that fits. docs/failures-of-stripe.md has the same for people. */
export const rules: readonly Rule[] = [
  { statuses: [402], means: 'declined' },
  {
    statuses: [400, 404],
    naming: [
      ...['payment_method', 'confirmation_token'],
      // What Stripe calls the method where it belongs to a customer and the intent to none.
      'source',
      // A bank is debited by a mandate only.
      ...['payment_intent_mandate_invalid', 'setup_intent_mandate_invalid'],
      ...['payment_method_unexpected_state', 'payment_intent_incompatible_payment_method'],
      // It does not take what Stripe has taken for the intent as it is.
      ...['currency', 'amount', 'capture_method', 'amount_too_small', 'amount_too_large'],
    ],
    ofMethod: true,
    means: 'another method',
  },
  {
    statuses: [400, 404],
    naming: ['payment_intent_unexpected_state', 'setup_intent_unexpected_state'],
    means: 'read again',
  },
  { statuses: [400], naming: ['rate_limit'], means: 'try again' },
  { statuses: [400, 401, 403, 404], means: 'refused' },
  { statuses: ['5xx'], means: 'try again with a new key' },
  // The same request is still on its way, or another one has locked the thing; too many requests.
  { statuses: [409, 429, 'none'], means: 'try again' },
  { means: 'try again' },
];

export function ruleFor(error: Failed, { ofMethod = false } = {}): Rule {
  return rules.find((rule) => (ofMethod || !rule.ofMethod) && fits(rule, error))!;
}

function fits({ statuses, naming }: Rule, { statusCode = 0, code, param }: Failed): boolean {
  const status = statusCode === 0 ? 'none' : statusCode >= 500 ? '5xx' : statusCode;
  if (statuses && !statuses.includes(status)) return false;
  return !naming || naming.includes(code ?? '') || naming.includes(param ?? '');
}

/** The provider answered with an error of its own (5xx). It replays that answer to the same idempotency key. */
export class ProviderError extends Error {}

/** Tells failures apart: a business answer and a wrong state pass, our mistakes stop, all else may be tried again. */
export async function told<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof Stripe.errors.StripeError)) throw error;
    switch (ruleFor(error).means) {
      case 'refused':
        throw refused(error);
      case 'try again with a new key':
        throw new ProviderError(`Stripe answered ${error.statusCode} (request ${error.requestId})`);
      case 'try again':
        throw new Error(['Stripe:', error.type, error.statusCode, error.code].filter(Boolean).join(' '));
      default:
        throw error;
    }
  }
}

/** A declined card, and a call that the state makes impossible: what `read` finds says where the thing stands. */
export async function orAsItIs<T extends { status: string }>(
  call: () => Promise<T>,
  read: () => Promise<T>,
): Promise<T> {
  try {
    return await told(call);
  } catch (error) {
    if (error instanceof MethodRefused) {
      const asItIs = await read();
      if (!takesAnotherMethod.has(asItIs.status)) return asItIs;
      return { ...asItIs, status: 'declined', declineCode: error.code };
    }
    if (error instanceof Stripe.errors.StripeError || error instanceof TriedBefore) return read();
    throw error;
  }
}

/** In every other state a method that is refused now changes nothing. */
const takesAnotherMethod = new Set(['created', 'declined', 'requires_action']);

/** The method given is none, belongs to somebody else, or was used before: the customer has to give another. */
class MethodRefused extends Error {
  readonly code: string;
  constructor(code = 'invalid_payment_method') {
    super(`The payment method was refused: ${code}`);
    this.code = code;
  }
}

/** The token was used by an earlier try of the same call, whose answer was lost. */
class TriedBefore extends Error {}

/** For a call that confirms an intent, of a payment or a setup, with a method that the customer gave. */
export async function withMethod<T>(
  stripe: Stripe,
  { method, intentId }: { method: string; intentId: string },
  call: () => Promise<T>,
): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const isFailed = error instanceof Stripe.errors.StripeError;
    if (!isFailed || ruleFor(error, { ofMethod: true }).means !== 'another method') throw error;
    throw (await isTokenOf(stripe, method, intentId)) ? new TriedBefore() : new MethodRefused(error.code);
  }
}

async function isTokenOf(stripe: Stripe, method: string, intentId: string): Promise<boolean> {
  if (!method.startsWith('ctoken_')) return false;
  try {
    const { payment_intent, setup_intent } = await stripe.confirmationTokens.retrieve(method);
    return payment_intent === intentId || setup_intent === intentId;
  } catch (error) {
    if (error instanceof Stripe.errors.StripeInvalidRequestError) return false;
    throw error;
  }
}

function refused(error: Failed): ApplicationFailure {
  const hint =
    error.statusCode === 401 || error.statusCode === 403 ? '; check STRIPE_SECRET_KEY and its permissions' : '';
  const message = `Stripe refused the request: ${error.code ?? error.type}${error.param ? ` (${error.param})` : ''}${hint}`;
  return ApplicationFailure.nonRetryable(message, failures.paymentRefused, {
    code: error.code,
    requestId: error.requestId,
  });
}
