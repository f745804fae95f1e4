/** What Stripe's API puts under `error` in its answer. */
export interface ErrorBody {
  type: 'api_error' | 'card_error' | 'idempotency_error' | 'invalid_request_error';
  message: string;
  code?: string;
  param?: string;
  [field: string]: unknown;
}

/** Thrown by any step of a request; the server answers with its status and `{ error }`. */
export class StripeFailure extends Error {
  readonly status: number;
  readonly error: ErrorBody;

  constructor(status: number, error: ErrorBody) {
    super(error.message);
    this.status = status;
    this.error = error;
  }
}

export const invalidRequest = (
  message: string,
  more: { code?: string; param?: string; payment_intent?: unknown; setup_intent?: unknown } = {},
): StripeFailure => new StripeFailure(400, { type: 'invalid_request_error', message, ...more });

/** An object named in the path is 404; one named in a parameter (pass `param`) is 400, as at Stripe. */
export function noSuch(kind: string, id: string, param?: string): StripeFailure {
  const error = {
    type: 'invalid_request_error',
    code: 'resource_missing',
    message: `No such ${kind}: '${id}'`,
  } as const;
  return param === undefined
    ? new StripeFailure(404, { ...error, param: kind === 'payment_intent' || kind === 'setupintent' ? 'intent' : 'id' })
    : new StripeFailure(400, { ...error, param });
}

/** A request to the control endpoints that is wrong in itself; the message says how. */
export class BadControl extends Error {}
