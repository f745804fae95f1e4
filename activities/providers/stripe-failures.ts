/** What a failure of Stripe means: an answer for the order, a mistake of ours, or something to try again. */
import { ApplicationFailure } from '@temporalio/common';
import Stripe from 'stripe';
import { failures } from '../../workflows/domain/failures.ts';

/** The provider answered with an error of its own (5xx). It replays that answer to the same idempotency key. */
export class ProviderError extends Error {}

/** Tells failures apart: a business answer and a wrong state pass, our mistakes stop, all else may be tried again. */
export async function told<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof Stripe.errors.StripeCardError) throw error;
    if (error instanceof Stripe.errors.StripeInvalidRequestError) {
      if (isWrongState(error)) throw error;
      throw refused(error);
    }
    if (
      error instanceof Stripe.errors.StripeAuthenticationError ||
      error instanceof Stripe.errors.StripePermissionError ||
      error instanceof Stripe.errors.StripeIdempotencyError
    ) {
      // A key in use is another call on its way: its answer will be ours.
      if (error.statusCode === 409) throw new Error('Stripe is still at work on the same request');
      throw refused(error);
    }
    if (error instanceof Stripe.errors.StripeAPIError && (error.statusCode ?? 0) >= 500) {
      throw new ProviderError(`Stripe answered ${error.statusCode} (request ${error.requestId})`);
    }
    if (error instanceof Stripe.errors.StripeError)
      throw new Error(`Stripe: ${error.type} ${error.statusCode ?? ''}`.trim());
    throw error;
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
    if (!(error instanceof Stripe.errors.StripeCardError || isWrongState(error))) throw error;
    return read();
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

/** For a call with a method that the customer gave. */
export async function withMethod<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw isRefusedMethod(error) ? new MethodRefused(error.code) : error;
  }
}

/** `source` is what Stripe calls the method where it belongs to a customer and the intent to none. */
function isRefusedMethod(error: unknown): error is InstanceType<typeof Stripe.errors.StripeInvalidRequestError> {
  return (
    error instanceof Stripe.errors.StripeInvalidRequestError &&
    (aboutMethods.has(error.param ?? '') || aboutMethods.has(error.code ?? ''))
  );
}

/** What Stripe's refusals of a method name: the parameter, or a code. A bank is debited by a mandate only. */
const aboutMethods = new Set([
  ...['payment_method', 'source', 'confirmation_token'],
  ...['payment_intent_mandate_invalid', 'payment_method_unexpected_state'],
]);

function isWrongState(error: unknown): boolean {
  return (
    error instanceof Stripe.errors.StripeInvalidRequestError &&
    (error.code === 'payment_intent_unexpected_state' || error.code === 'setup_intent_unexpected_state')
  );
}

function refused(error: InstanceType<typeof Stripe.errors.StripeError>): ApplicationFailure {
  const hint =
    error.statusCode === 401 || error.statusCode === 403 ? '; check STRIPE_SECRET_KEY and its permissions' : '';
  const message = `Stripe refused the request: ${error.code ?? error.type}${error.param ? ` (${error.param})` : ''}${hint}`;
  return ApplicationFailure.nonRetryable(message, failures.paymentRefused, {
    code: error.code,
    requestId: error.requestId,
  });
}
