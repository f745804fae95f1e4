/**
 * Everything that is said to a workflow or asked of it: signals, updates and queries with their types, workflow ids,
 * task queues and search attributes. API, workers and workflows share these definitions, so that no name is a loose string.
 */
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { RefusedEdit } from './domain/edits.ts';
import type { ExchangeRelease } from './domain/return-policy.ts';
import type {
  CustomerClaimStatus,
  Disposition,
  DisputeKind,
  DisputeStatus,
  OrderStatus,
  ParcelStatus,
  Reception,
  ReturnStatus,
  ShipmentStatus,
} from './domain/states.ts';
import type { FulfillmentStatus, PaymentFacts, PaymentStatus } from './domain/statuses.ts';

export const taskQueues = { orders: 'orders', providers: 'providers' } as const;

export const workflowIds = {
  order: (orderId: string) => `order-${orderId}`,
  return: (returnId: string) => `return-${returnId}`,
  refund: (refundId: string) => `refund-${refundId}`,
  dispute: (disputeId: string) => `dispute-${disputeId}`,
  claim: (claimId: string) => `claim-${claimId}`,
  quote: (quoteId: string) => `quote-${quoteId}`,
  wallet: (customerId: string) => `wallet-${customerId}`,
  /** One for each thing that may be asked: whoever asks for the same at the same time joins it. */
  walletAsk: ({ customerId, step, about }: WalletAsk) => `wallet-${customerId}-${step}-${about}`,
  manifest: (handOverId: string) => `manifest-${handOverId}`,
  reconcile: (day: string) => `reconcile-${day}`,
};

export const searchAttributes = {
  orderStatus: defineSearchAttributeKey('OrderStatus', SearchAttributeType.KEYWORD),
  paymentStatus: defineSearchAttributeKey('PaymentStatus', SearchAttributeType.KEYWORD),
  fulfillmentStatus: defineSearchAttributeKey('FulfillmentStatus', SearchAttributeType.KEYWORD),
  customerId: defineSearchAttributeKey('CustomerId', SearchAttributeType.KEYWORD),
  warehouseIds: defineSearchAttributeKey('WarehouseIds', SearchAttributeType.KEYWORD_LIST),
  needsAttention: defineSearchAttributeKey('NeedsAttention', SearchAttributeType.BOOL),
};

// ---- What a workflow shows of itself ----

/** Who did it: `customer`, `system`, or a staff token's role and id such as `support:tok_01H...`. Never a name. */
export type Actor = string;

export interface WaitingFor {
  event: string;
  /** ISO 8601, UTC. */
  deadline: string;
}

export type Answer =
  | 'retry'
  | 'skip'
  | 'cancel'
  | 'amend'
  | 'reship'
  | 'refund'
  | 'release'
  | 'submit'
  | 'accept'
  | 'repair'
  | 'wait'
  | 'claim'
  | 'backorder';

export interface Incident {
  id: string;
  /** The step that is parked, the same word for every order: incidents of one cause are answered together. */
  cause: string;
  shipmentId?: string | undefined;
  /** Of a workflow that has to do with many orders: the one that this is about. */
  orderId?: string | undefined;
  why: string;
  /** ISO 8601, UTC. */
  since: string;
  answers: Answer[];
}

export interface ShipmentState {
  id: string;
  /** Empty while it waits for goods. */
  warehouseId: string;
  status: ShipmentStatus;
  /** Once they are labelled. */
  parcels?: ParcelState[] | undefined;
  /** ISO 8601, UTC: when the last of them was. */
  deliveredAt?: string | undefined;
}

export interface ParcelState {
  id: string;
  trackingNumber: string;
  status: ParcelStatus;
  /** By the carrier's clock: what is older says nothing new. ISO 8601, UTC. */
  heardAt?: string | undefined;
  /** What somebody decided about one that did not arrive. */
  resolved?: 'reshipped' | 'refunded' | undefined;
}

export interface TimelineEntry extends ChangeDetails {
  /** ISO 8601, UTC. */
  at: string;
  what: string;
  actor: Actor;
}

export interface ChangeDetails {
  /** Words of ours, or the id of the note that holds somebody's own. */
  why?: string | undefined;
  before?: string | undefined;
  after?: string | undefined;
}

export interface OrderState {
  orderId: string;
  /** Counts the workflow's changes; the stored copy only ever moves to a higher one. */
  rev: number;
  status: OrderStatus;
  currency: string;
  /** Minor units: what the goods that are still meant to be sent cost. */
  amountDue: number;
  payment: PaymentFacts;
  paymentStatus: PaymentStatus;
  fulfillmentStatus: FulfillmentStatus;
  shipments: ShipmentState[];
  incidents: Incident[];
  waitingFor?: WaitingFor | undefined;
  timeline: TimelineEntry[];
}

// ---- Order ----

export interface OrderInput {
  orderId: string;
  /** ISO 8601, UTC: a first step later than this ends the order `expired`, with nothing reserved or charged. */
  placeBefore: string;
  /** It sends again what another order was paid for. */
  reship?: true;
  /** It is in exchange for goods that come back. */
  exchange?: { returnId: string; release: ExchangeRelease };
}

export interface PlaceOutcome {
  status: OrderStatus;
}

export interface PayInput {
  /** The provider's id of a payment method, or of a confirmation token; never card data. */
  paymentMethod: string;
}

export interface CancelInput {
  actor: Actor;
  /** Words of ours, or the id of the note that holds somebody's own: histories are read by all. */
  reason: string;
  /** Whoever asks may not stop what is picked already. */
  unpickedOnly?: true | undefined;
}

export interface CancelLinesInput extends CancelInput {
  lines: { lineId: string; quantity: number }[];
}

export interface CancelLinesOutcome {
  status: OrderStatus;
  /** Minor units: what the goods that are still meant to be sent cost. */
  amountDue: number;
  currency: string;
}

/** A change of the order that was previewed. */
export interface EditInput {
  editId: string;
  actor: Actor;
  /** As in `PayInput`: for what it costs more. */
  paymentMethod?: string | undefined;
  /** As in `CancelInput`. */
  reason?: string | undefined;
}

/** `requires_action`: the customer has to confirm what it costs more; the order is as it was until then. */
export type EditOutcome =
  | { outcome: 'applied' }
  | { outcome: 'requires_action' }
  | (RefusedEdit & { declineCode?: string | undefined });

export interface HoldInput {
  actor: Actor;
  /** As in `CancelInput`. */
  reason: string;
  /** ISO 8601, UTC: then it is over by itself, and the order goes on or is cancelled. */
  until?: string | undefined;
  afterwards?: 'release' | 'cancel' | undefined;
}

/** Support moves the time until which something is waited for; a time that has passed is now. */
export interface DeadlineInput {
  event: string;
  /** ISO 8601, UTC. */
  deadline: string;
  actor: Actor;
  /** As in `CancelInput`. */
  reason: string;
}

export interface OrderDispute {
  disputeId: string;
  kind: DisputeKind;
  status: DisputeStatus;
}

/** Grams and millimetres. */
export interface Parcel {
  weightGrams: number;
  lengthMm: number;
  widthMm: number;
  heightMm: number;
}

export interface PackInput {
  shipmentId: string;
  /** How the picking ended, as the pick list says: whoever packs at once may be faster than `pickingClosed`. */
  short: boolean;
  /** How often units of it had been cancelled when it was packed: what is in the parcels must be what is sent. */
  changes: number;
  actor: Actor;
}

export interface HandOverInput {
  shipmentId: string;
  actor: Actor;
}

export interface TrackingInput {
  shipmentId: string;
  parcelId: string;
  status: TrackingStatus;
  /** ISO 8601, UTC. */
  at: string;
  /** Of an exception: what is wrong. */
  reason?: string | undefined;
}

/** What a customer's claim has decided of a parcel. */
export interface ParcelClaim {
  claimId: string;
  how: 'reshipped' | 'refunded';
}

export type TrackingStatus =
  | 'accepted'
  | 'in_transit'
  | 'out_for_delivery'
  | 'delivered'
  | 'exception'
  | 'lost'
  | 'returned_to_sender';

export interface AnswerInput {
  incidentId: string;
  answer: Answer;
  actor: Actor;
}

/** `applied` is false when the incident was answered before: a repeat does nothing. */
export interface AnswerOutcome {
  applied: boolean;
}

export const placeOrder = defineUpdate<PlaceOutcome>('place');
export const payOrder = defineUpdate<PlaceOutcome, [PayInput]>('pay');
export const cancelOrder = defineUpdate<{ status: OrderStatus }, [CancelInput]>('cancel');
export const cancelOrderLines = defineUpdate<CancelLinesOutcome, [CancelLinesInput]>('cancelLines');
export const editOrder = defineUpdate<EditOutcome, [EditInput]>('edit');
export const packShipment = defineUpdate<{ status: ShipmentStatus }, [PackInput]>('pack');
export const handOverShipment = defineUpdate<{ status: ShipmentStatus }, [HandOverInput]>('handOver');
/** Of an order, a return or a claim. */
export const setDeadline = defineUpdate<{ status: string }, [DeadlineInput]>('setDeadline');
export const answerIncident = defineUpdate<AnswerOutcome, [AnswerInput]>('answer');

/** The payment may have changed at the provider: a hint to go and read it. */
export const paymentChanged = defineSignal('paymentChanged');
/** What the order holds or waits for was changed from outside: a hint to go and read it. */
export const stockChanged = defineSignal('stockChanged');
export const pickingClosed = defineSignal<[{ shipmentId: string; short: boolean }]>('pickingClosed');
export const trackingChanged = defineSignal<[TrackingInput]>('trackingChanged');
/** A customer's claim has settled what becomes of a parcel that did not arrive. */
export const parcelClaimed = defineSignal<[ParcelClaim & { parcelId: string }]>('parcelClaimed');
export const holdOrder = defineSignal<[HoldInput]>('hold');
export const releaseOrder = defineSignal<[HoldInput]>('release');
/** The same, where somebody wants to know whether it was possible. */
export const tryToHold = defineUpdate<{ status: OrderStatus }, [HoldInput]>('tryToHold');
export const tryToRelease = defineUpdate<{ status: OrderStatus }, [HoldInput]>('tryToRelease');
/** The bank disputes its payment, or has decided. */
export const orderDisputed = defineSignal<[OrderDispute]>('disputed');
/** The same as the update `cancel`, where nobody waits for the outcome. */
export const cancelSignal = defineSignal<[CancelInput]>('cancelOrder');
/** The same as the update `answer`, for the Temporal UI and for whole batches. */
export const answerSignal = defineSignal<[AnswerInput]>('answerIncident');

/** To an order in exchange: the goods of its return are accepted; or nothing comes of the return. */
export const releaseExchange = defineSignal('releaseExchange');
export const endExchange = defineSignal<[CancelInput]>('endExchange');

export const orderState = defineQuery<OrderState>('state');

/** Parcels that left together, and want the carriers' papers. */
export interface ManifestInput {
  handOverId: string;
}

// ---- Return ----

export interface ReturnInput {
  returnId: string;
}

export interface ReturnState {
  returnId: string;
  orderId: string;
  rev: number;
  status: ReturnStatus;
  refundId?: string | undefined;
  /** Of a parcel that the carrier brings back: whether its money goes back, or its goods are sent again. */
  resolution?: ReturnResolution | undefined;
  /** The order that sends them again. */
  reshipOrderId?: string | undefined;
  /** The order in exchange for its goods, once it is approved. */
  exchange?: { orderId: string; status: ExchangeStatus } | undefined;
  incidents: Incident[];
  waitingFor?: WaitingFor | undefined;
  timeline: TimelineEntry[];
}

/**
 * open: it is to be reserved, and paid as far as it costs more; accepted: its goods wait for those of the return; confirmed:
 * it is paid, and sent; failed: nothing comes of it, and the return goes on as a refund.
 */
export type ExchangeStatus = 'open' | 'accepted' | 'confirmed' | 'failed';

/** What an order in exchange tells its return. `left`: it was to be called off, and some of it has left. */
export interface ExchangeNews {
  stage: 'accepted' | 'confirmed' | 'left' | 'ended';
  status: OrderStatus;
}

export type ReturnResolution = 'refund' | 'reship';

export interface DecideReturnInput {
  approve: boolean;
  actor: Actor;
  reason: string;
}

export interface ReceiveReturnInput {
  lines: { lineId: string; quantity: number; reception: Exclude<Reception, 'awaiting'> }[];
  /** Goods that are not of the order: a SKU, or the id of the note that describes them. */
  unexpected?: { what: string; quantity: number }[] | undefined;
  /** Another parcel of it is expected. */
  more?: boolean | undefined;
  /** How many parcels of it were written down when this one was looked at. */
  after?: number | undefined;
  actor: Actor;
}

export interface InspectReturnInput {
  lines: { lineId: string; quantity: number; disposition: Disposition }[];
  actor: Actor;
}

export interface ResolveReturnInput {
  resolution: ReturnResolution;
  actor: Actor;
  /** As in `CancelInput`. */
  reason: string;
}

export const decideReturn = defineUpdate<{ status: ReturnStatus }, [DecideReturnInput]>('decide');
export const receiveReturn = defineUpdate<{ status: ReturnStatus }, [ReceiveReturnInput]>('receive');
export const inspectReturn = defineUpdate<{ status: ReturnStatus }, [InspectReturnInput]>('inspect');
export const resolveReturn = defineUpdate<{ status: ReturnStatus }, [ResolveReturnInput]>('resolve');
export const cancelReturn = defineUpdate<{ status: ReturnStatus }, [CancelInput]>('cancelReturn');
export const exchangeMoved = defineSignal<[ExchangeNews]>('exchangeMoved');
export const returnMoved = defineSignal<[{ status: TrackingStatus }]>('returnMoved');
export const returnState = defineQuery<ReturnState>('returnState');

// ---- Claim of a customer ----

export interface ClaimInput {
  claimId: string;
}

export interface ClaimState {
  claimId: string;
  orderId: string;
  rev: number;
  status: CustomerClaimStatus;
  /** Who decided, and how it was settled: `why` as in `CancelInput`. */
  decision?: { actor: Actor; how?: 'refund' | 'reship' | undefined; why: string } | undefined;
  refundId?: string | undefined;
  reshipOrderId?: string | undefined;
  /** What carriers are asked to pay for it. */
  carrierClaimIds?: string[] | undefined;
  incidents: Incident[];
  waitingFor?: WaitingFor | undefined;
  timeline: TimelineEntry[];
}

export interface DecideClaimInput {
  approve: boolean;
  /** Without one, as the customer wants it. */
  how?: 'refund' | 'reship' | undefined;
  actor: Actor;
  /** As in `CancelInput`. */
  reason: string;
}

export const decideClaim = defineUpdate<{ status: CustomerClaimStatus }, [DecideClaimInput]>('decideClaim');
export const withdrawClaim = defineUpdate<{ status: CustomerClaimStatus }, [CancelInput]>('withdrawClaim');
export const claimState = defineQuery<ClaimState>('claimState');

// ---- Refund and dispute ----

export interface RefundInput {
  refundId: string;
}

export interface DisputeInput {
  disputeId: string;
}

/** What of a quote's price only a provider knows. */
export interface QuoteInput {
  quoteId: string;
  rates: boolean;
  taxes: boolean;
}

/** A customer's saved methods of payment. */
export interface WalletInput {
  customerId: string;
}

/** What its customer wants changed of them. */
export interface WalletAsk extends WalletInput {
  step: 'openMethodSetup' | 'setDefaultMethod' | 'removeMethod';
  /** The setup's id, or the provider's of a method. */
  about: string;
}

/** The provider may have saved something else for the customer by now: a hint to go and read it. */
export const walletChanged = defineSignal('walletChanged');

/** What a refund, a dispute or a reconciliation shows of itself. */
export interface CaseState {
  id: string;
  orderId: string;
  rev: number;
  status: string;
  incidents: Incident[];
  waitingFor?: WaitingFor | undefined;
  timeline: TimelineEntry[];
}

/** The provider says that a refund or a dispute moved: a hint to go and read it. */
export const refundChanged = defineSignal('refundChanged');
export const disputeChanged = defineSignal('disputeChanged');
/** What the bank would be told has changed: the parcel arrived, or support has added something. */
export const evidenceChanged = defineSignal('evidenceChanged');
export const caseState = defineQuery<CaseState>('caseState');

// ---- Reconciliation ----

export interface ReconcileInput {
  /** UTC, such as `2026-11-24`. */
  day: string;
}

/** All of a day was read and compared: the next one may begin. */
export const dayCompared = defineSignal<[ReconcileInput]>('dayCompared');
