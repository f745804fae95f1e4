/**
 * The kinds of failure that retrying cannot cure. An activity throws them as non-retryable application failures of
 * this `type`; a workflow answers each with an incident. Everything else an activity throws is retried.
 */
export const failures = {
  /** The payment provider refused the request itself (not the card): our bug, a closed account, a bad key. */
  paymentRefused: 'PaymentRefused',
  /** The taxes of an address cannot be told: it says too little, or there is no such place. */
  taxRefused: 'TaxRefused',
  /** The carrier refused the label: an address it cannot serve, a parcel outside its limits. */
  carrierRefused: 'CarrierRefused',
  /** A record that must be there is not, or contradicts what the step was told. */
  recordBroken: 'RecordBroken',
  /** Goods that were promised again are not there: whoever promised them must decide. */
  outOfStock: 'OutOfStock',
  /** A bound of the design was passed: too many lines, shipments or messages. */
  boundExceeded: 'BoundExceeded',
} as const;
