/** Errors as problem details (RFC 9457). Each kind has one stable `type`, one status and one title; never a stack. */

/** What can go wrong, for a program to tell apart by its `type`, `https://waybill.dev/problems/<kind>`. */
export const problems = {
  // 400: the request is not of the form that the documentation says.
  'invalid-json': [400, 'The body is not JSON'],
  'invalid-request': [400, 'The request is not valid'],
  'idempotency-key-missing': [400, 'This request needs an Idempotency-Key'],
  'invalid-signature': [400, 'The webhook cannot be trusted'],
  unauthenticated: [401, 'A valid token is needed'],
  forbidden: [403, 'This token may not do that'],
  'not-found': [404, 'There is no such thing'],
  // 409: the request is fine, but not as things stand.
  'out-of-stock': [409, 'Not enough in stock'],
  'price-changed': [409, 'It costs something else now'],
  'quote-placed': [409, 'An order was placed by this quote already'],
  'email-taken': [409, 'This address is taken'],
  'credit-refused': [409, 'The store credit is not enough'],
  'order-expired': [409, 'The order came too late and was not placed'],
  'order-ended': [409, 'The order or case has ended'],
  'not-allowed-now': [409, 'Not possible in the current state'],
  'edit-refused': [409, 'The order cannot be changed like that'],
  'payment-method-in-use': [409, 'An open order needs this method of payment'],
  'picking-refused': [409, 'The scan does not fit the pick list'],
  'packing-refused': [409, 'The parcels do not fit what was picked'],
  'barcode-taken': [409, 'Another product has this barcode'],
  'stock-refused': [409, 'The stock cannot be changed like that'],
  'not-a-bundle': [409, 'This cannot be a bundle'],
  'refund-refused': [409, 'That much cannot be refunded'],
  'claim-refused': [409, 'These lines cannot be claimed'],
  'exchange-refused': [409, 'These goods cannot be exchanged for those'],
  'return-refused': [409, 'These lines cannot be returned'],
  'code-taken': [409, 'Another promotion has this code'],
  'rates-overlap': [409, 'Two rates of one name would hold at one time'],
  'too-large': [413, 'The body is too large'],
  'unsupported-media-type': [415, 'The body is of another type than this route takes'],
  // 422: well formed, but it names what cannot be.
  'unknown-sku': [422, 'Unknown product'],
  'unknown-warehouse': [422, 'Unknown warehouse'],
  'not-sold-in-currency': [422, 'Not sold in this currency'],
  'amount-too-large': [422, 'The total is more than one payment can take'],
  'amount-too-small': [422, 'The total is less than one payment can take'],
  'not-deliverable': [422, 'Not delivered there, or not like that'],
  'not-taxable': [422, 'The taxes of this destination cannot be worked out'],
  'unknown-quote': [422, 'There is no such quote'],
  'unknown-customer': [422, 'There is no such customer'],
  'unknown-payment-method': [422, 'There is no such saved method of payment'],
  'lines-do-not-fit': [422, 'The lines do not fit what was asked or received'],
  'import-refused': [422, 'The file has rows that are wrong, and nothing was imported'],
  'idempotency-key-reused': [422, 'This Idempotency-Key was used for another request'],
  internal: [500, 'Something went wrong here'],
  unavailable: [503, 'Not available for the moment'],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ProblemKind = keyof typeof problems;

/** Thrown anywhere below a route; answered as problem details. */
export class Problem extends Error {
  override name = 'Problem';
  readonly kind: ProblemKind;
  /** Members beyond the standard ones, such as `errors` or `shortages`. */
  readonly extra: Readonly<Record<string, unknown>>;
  constructor(kind: ProblemKind, detail: string, extra: Readonly<Record<string, unknown>> = {}, cause?: unknown) {
    super(detail, { cause });
    this.kind = kind;
    this.extra = extra;
  }
}

export interface ProblemBody {
  type: string;
  title: string;
  status: number;
  detail: string;
  /** Names this occurrence: the request's id, as in the logs. */
  instance: string;
  [extra: string]: unknown;
}

export function problemBody({ kind, message, extra }: Problem, requestId: string): ProblemBody {
  const [status, title] = problems[kind];
  return {
    ...extra,
    type: `https://waybill.dev/problems/${kind}`,
    title,
    status,
    detail: message,
    instance: `urn:waybill:request:${requestId}`,
  };
}

export function statusOf(kind: ProblemKind): number {
  return problems[kind][0];
}

/** Any error as a problem. What we do not know becomes `internal`, whose cause is for the log only. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (isUnreachable(error))
    return new Problem('unavailable', 'A server behind this one does not answer; try again', {}, error);
  return fromExpress(error) ?? new Problem('internal', 'The request could not be finished', {}, error);
}

/** Errors of Express and its body parser carry a status and a type: https://github.com/expressjs/body-parser#errors */
function fromExpress(error: unknown): Problem | undefined {
  const { type, status } = error as { type?: string; status?: number };
  if (type === 'entity.too.large') return new Problem('too-large', 'The body is larger than this route takes');
  if (type === 'entity.parse.failed') return new Problem('invalid-json', 'The body cannot be parsed as JSON');
  if (status === 415) return new Problem('unsupported-media-type', 'The encoding of the body is not supported');
  if (status !== undefined && status >= 400 && status < 500)
    return new Problem('invalid-request', 'The request cannot be read');
  return undefined;
}

const unreachableNames = new Set([
  'MongoNetworkError',
  'MongoNetworkTimeoutError',
  'MongoNotConnectedError',
  'MongoPoolClearedError',
  'MongoServerSelectionError',
  'MongooseServerSelectionError',
  'MongoWaitQueueTimeoutError',
  'TransactionTimedOut',
]);
const grpcUnreachable = new Set([1, 4, 8, 14]); // cancelled, deadline exceeded, resource exhausted, unavailable

/** MongoDB or Temporal cannot be reached, is overloaded, or a write conflict outlived its retries. */
function isUnreachable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (unreachableNames.has(error.name) || error.name === 'WorkflowUpdateRPCTimeoutOrCancelledError') return true;
  const labels = 'errorLabelSet' in error ? error.errorLabelSet : undefined;
  if (labels instanceof Set && (labels.has('TransientTransactionError') || labels.has('RetryableWriteError')))
    return true;
  // The client wraps what gRPC says, its raw service does not.
  const grpc = (error.name === 'ServiceError' ? error.cause : error) as { code?: unknown; details?: unknown };
  return typeof grpc?.code === 'number' && typeof grpc.details === 'string' && grpcUnreachable.has(grpc.code);
}
