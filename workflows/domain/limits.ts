/** The bounds and times of an order. Past a bound: an incident, not a failure. */

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

export const limits = {
  /** Lines of an order as it is placed. */
  lines: 200,
  /** Units of one line. */
  quantity: 10_000,
  shipments: 20,
  /** Of one pick list. */
  shipmentsAList: 100,
  /** Signals and updates of one order; with them its history stays below `historyEvents`. */
  messages: 300,
  /** Cards tried for one order: more is somebody testing stolen ones. */
  paymentAttempts: 20,
  /** How often edits of one order are confirmed, whether they are made or not. */
  edits: 20,
  /** How often the customer asks for lines of one order to be cancelled, whether they are or not. */
  lineCancels: 40,
  /** Returns, and as many claims, that the customer may ask for of one order; staff open what is beyond. */
  requests: 20,
  /** So often the provider is asked about one that waits for its customer, by hints; and once at its end. */
  editLooks: 20,
  historyEvents: 4_000,
  /** Parcels of one shipment, or of one return. */
  parcels: 50,
  /** Pictures and papers of one claim. */
  evidence: 20,
  /** So much of one parcel's travel is told to its order, and how it ended. */
  newsAParcel: 100,
  /** Calls of one run of a poll; the next run goes on from there. */
  pollCalls: 100,
} as const;

/** Milliseconds. What an order waits for, and how long before somebody must look at it. */
export const deadlines = {
  /** From the request to the workflow's first step; later, the order ends `expired` with nothing done. */
  place: minute,
  /** From placing to a payment: how long unpaid stock is held. */
  payment: 30 * minute,
  /** How long an order waits, with its stock, for a provider that is down. */
  providerDown: 2 * hour,
  /** From a bank debit that is on its way until somebody looks: https://docs.stripe.com/payments/payment-methods */
  settlement: 14 * day,
  /** So long before an authorization ends, the money is authorized anew. */
  renewBefore: 1 * day,
  /** And no more often than this. */
  renewAtMost: hour,
  /** How long goods that came for a waiting order are held, while its customer has to pay or confirm. */
  backorderPayment: 4 * day,
  /** How long an edit's customer has to confirm what it costs more. */
  editPayment: 30 * minute,
  /** How long the provider is asked for it, while whoever edits looks on. */
  editAuthorization: 30_000,
  /** How long an edit is known that waits for its customer, whatever deadline support gives it. */
  editKept: 30 * day,
  /** Goods that were expected and are late, before somebody is asked: again and again. */
  late: 3 * day,
  /** For goods of a paid order that turned out not to be there. */
  stock: 14 * day,
  /** At its end, how long the provider is asked whether it was paid after all. */
  lastLook: minute,
  /** How long a carrier or Stripe is asked for a price while the customer looks on. */
  quote: 4_000,
  /** How long a carrier is asked whether it finds an address, before the goods are packed all the same. */
  addressCheck: 10 * minute,
  /** The same for a change of the saved methods of payment. */
  wallet: 8_000,
  /** How long a call of a provider is tried again: its idempotency keys live for 24 hours. */
  provider: 20 * hour,
  /** A person looks at a risky order or at one on hold. */
  review: 2 * day,
  picking: 2 * day,
  packing: 1 * day,
  handOver: 2 * day,
  /** From the last that was heard of a parcel, before somebody is asked. */
  delivery: 7 * day,
  /** Without news of a parcel for so long, the carrier is asked. */
  carrierNews: 12 * hour,
  /** From the hand-over, how long carriers are asked about a parcel that does not come to an end. */
  trackingKept: 90 * day,
  /** From approval until the goods are back. */
  returnArrival: 30 * day,
  /** So long before that, whoever was to send them is reminded. */
  returnReminder: 5 * day,
  /** An order in exchange keeps its goods so long for those of its return: these arrive, and are inspected. */
  exchangeGoods: 36 * day,
  returnApproval: 3 * day,
  returnInspection: 5 * day,
  claimApproval: 3 * day,
  refundSettled: 10 * day,
  /** How long before the bank's own date the evidence is sent, where nobody has sent it. */
  evidenceSent: 1 * day,
  /** From that date, or from a dispute that takes no answer, to the bank's decision. */
  disputeClosed: 90 * day,
  /** How long Stripe lists an event, and how long after it happened it may come into the list. */
  eventsKept: 30 * day,
  eventsListed: 10 * minute,
  /** All of a day's money is read from the provider; past it, the next day does not wait for it any more. */
  reading: 6 * hour,
} as const;
