/**
 * The activity contracts, and the one table of time-outs and retries. What the steps do stands in activities/.
 *
 * Local activities touch MongoDB only: at most 3 s, retried for seconds, then an incident. The first one after a decision
 * is a regular activity on the workflow's own queue: see `commitDecision`. Calls of providers are regular activities on
 * the `providers` queue; their retries end before the provider's idempotency keys do (24 h).
 */
import {
  type ActivityFunctionWithOptions,
  CancellationScope,
  proxyActivities,
  proxyLocalActivities,
} from '@temporalio/workflow';
import type { Shortage } from './domain/allocation.ts';
import type { EditMoney, RefusedEdit } from './domain/edits.ts';
import { failures } from './domain/failures.ts';
import { deadlines } from './domain/limits.ts';
import type { LineCancellation, LineQuantity } from './domain/line-cancels.ts';
import type {
  AttemptStatus,
  ClaimKind,
  DisputeKind,
  DisputeStatus,
  RefundStatus,
  SetupStatus,
} from './domain/states.ts';
import type {
  Answer,
  CaseState,
  ClaimState,
  InspectReturnInput,
  OrderInput,
  OrderState,
  ParcelClaim,
  ReceiveReturnInput,
  ReturnState,
} from './messages.ts';
import { taskQueues } from './messages.ts';

export interface NewShipment {
  shipmentId: string;
  /** Empty while it waits for goods. */
  warehouseId: string;
}

/** What an order holds and waits for. A shipment without a warehouse waits for goods. */
export interface Holdings {
  shipments: NewShipment[];
}

export type Reservation =
  | {
      outcome: 'reserved';
      currency: string;
      amountDue: number;
      /** Store credit that was spent: a card pays the rest of what is due. */
      credit: number;
      /** The provider works out its taxes, and has to hear when they are due. */
      providerTaxes: boolean;
      /** A carrier is asked whether it finds the address. */
      checksAddress: boolean;
      shipments: NewShipment[];
      /** Some of it is not there yet, or must not be sent yet: it is paid when it is. */
      comesLater: boolean;
      /** ISO 8601, UTC. */
      expectedAt?: string | undefined;
      notBefore?: string | undefined;
    }
  | { outcome: 'out_of_stock'; shortages: Shortage[] }
  /** A promotion that it was priced with, or the store credit, was gone. Nothing was reserved. */
  | { outcome: 'price_changed' }
  /** The order's undo ran before this step did: nothing was reserved, and nothing will be. */
  | { outcome: 'undone' };

/** The order as its workflow knows it, and the mails that go with it. */
export interface Saved {
  state: OrderState;
  mails: Mail[];
}

/** What the provider says of an order's payment, as it was recorded. */
export interface PaymentOutcome {
  attempt: AttemptStatus;
  /** Minor units. */
  authorized: number;
  captured: number;
  declineCode?: string | undefined;
  /** ISO 8601, UTC: when the provider lets go of what is authorized. */
  captureBefore?: string | undefined;
  /** Why a person has to look at the order first, in words of ours; ISO 8601, UTC: until when, or it is cancelled. */
  risks: string[];
  lookBy?: string | undefined;
}

export interface CaptureOutcome extends PaymentOutcome {
  /** Nothing more is to be captured. */
  final: boolean;
  /** Nothing was: the bank had let go of what was held. */
  lapsed?: true;
}

/** What the provider says of a method that is saved, to be charged later. */
export interface SetupOutcome {
  status: SetupStatus;
  declineCode?: string | undefined;
}

/** Everything until the time `through` is received; `more` of what follows is there already. */
export interface Polled {
  /** ISO 8601, UTC. */
  through: string;
  more: boolean;
}

/** How a dispute stands, as it was recorded. */
export interface DisputeOutcome {
  kind: DisputeKind;
  status: DisputeStatus;
  /** The provider's word. */
  reason: string;
  /** Minor units. */
  amount: number;
  currency: string;
  /** ISO 8601, UTC: until when the bank takes an answer. Without one it takes none. */
  dueBy?: string | undefined;
  /** It waits for an answer. */
  isAsked: boolean;
  /** It is won, and the money is not back yet. */
  isMissing: boolean;
}

export interface SettledShortPick {
  outcome: 'settled';
  /** Units that could not be picked; of these `waits` for goods, and `given` up. */
  short: number;
  waits: number;
  given: number;
  moved: NewShipment[];
  /** Minor units: what the goods that are still meant to be sent cost. */
  amountDue: number;
  /** Nothing at all was picked: there is nothing to send. */
  empty: boolean;
}

export interface ParcelIds {
  orderId: string;
  shipmentId: string;
  parcelId: string;
}

/** A customer's claim was faster, and has decided about the parcel. */
export interface Claimed {
  claimed: ParcelClaim;
}

export type SettledClaim =
  /** `refundId` is null where nothing was left to pay back; `amount` in minor units. */
  | { how: 'refund'; refundId: string | null; amount: number; currency: string }
  | { how: 'reship'; order: OrderInput }
  /** It was settled in another way before. Nothing was changed. */
  | { how: 'otherwise'; because: string };

export interface AppliedEdit extends Holdings {
  outcome: 'applied';
  amountDue: number;
  /** What is different, in words of ours; and minor units of what was and is to be sent. */
  what: string;
  before: number;
  after: number;
  /** The goods are owed: their shipments are replaced. Else they are only held. */
  isCommitted: boolean;
  /** It goes to another address. */
  isAddressed: boolean;
  providerTaxes: boolean;
  /** ISO 8601, UTC. */
  expectedAt?: string | undefined;
  notBefore?: string | undefined;
  payment: PaymentOutcome;
}

export interface Mail {
  /** One mail a key, ever. */
  key: string;
  template: MailTemplate;
}

export type MailTemplate =
  | 'order_confirmed'
  | 'order_backordered'
  | 'backorder_late'
  | 'goods_missing'
  | 'payment_needed'
  | 'payment_processing'
  | 'renewal_needed'
  | 'order_changed'
  | 'edit_payment_needed'
  | 'backorder_payment_needed'
  | 'shipped'
  | 'out_for_delivery'
  | 'delivered'
  | 'delayed'
  | 'order_cancelled'
  | 'items_cancelled'
  | 'order_expired'
  | 'return_approved'
  | 'return_rejected'
  | 'claim_received'
  | 'claim_approved'
  | 'claim_rejected'
  | 'exchange_confirmed'
  | 'exchange_payment_needed'
  | 'exchange_failed'
  | 'return_expiring'
  | 'return_received'
  | 'refunded';

export type CaseKind = 'refund' | 'dispute' | 'reconciliation';

export interface OpenDifference {
  key: string;
  orderId: string;
  why: string;
  answers: Answer[];
}

/** What a return's workflow has to know of it. */
export interface LoadedReturn {
  orderId: string;
  decision: 'approve' | 'ask';
  because: string;
  /** A label is to be bought. */
  label: boolean;
  /** Somebody has announced it, and is told how to send it. */
  announced: boolean;
  /** Other goods are wanted in place of the money. */
  exchange: boolean;
  /** The parcel that the carrier brings back; or whether it had called that delivered. */
  parcel?: ParcelIds;
  late: boolean;
}

export interface LocalSteps {
  /** This one and the next, and `shipStock`, write the order as well, as `saveOrder` does. */
  reserveStock(input: Saved): Promise<Reservation>;
  commitStock(input: Saved): Promise<Holdings>;
  readHoldings(input: { orderId: string }): Promise<Holdings>;
  /**
   * Gives back what is reserved or committed for the order, but not what was shipped. Repeats do nothing. Answers with the
   * store credit that was spent for it, also where nobody has heard of the reservation.
   */
  releaseStock(input: { orderId: string }): Promise<{ credit: number }>;
  /** Gives back what one shipment holds and closes its pick list; of one that has left, writes the goods off. */
  releaseShipment(input: { orderId: string; shipmentId: string }): Promise<Holdings & { amountDue: number }>;
  /** Takes units out of an order, from the shipments that are named, the first ones first. */
  cancelLines(input: {
    orderId: string;
    cancelId: string;
    lines: LineQuantity[];
    from: string[];
    actor: string;
    reason: string;
  }): Promise<LineCancellation>;
  /**
   * Moves what could not be picked to other warehouses as new shipments. What none of them has is given up or waited for:
   * as `rest` says, else by the store's rule, which may be to ask. Then nothing is changed.
   */
  settleShortPick(input: {
    orderId: string;
    shipmentId: string;
    rest?: 'released' | 'backordered' | undefined;
  }): Promise<SettledShortPick | { outcome: 'asks'; missing: number }>;
  /** How it stands with an edit that was previewed, and how its money is to follow. Changes nothing. */
  readEdit(input: {
    orderId: string;
    editId: string;
  }): Promise<{ outcome: 'applied' } | { outcome: 'ready'; way: EditMoney } | RefusedEdit>;
  /** Makes all of it, or nothing. */
  applyEdit(input: { orderId: string; editId: string }): Promise<AppliedEdit | RefusedEdit>;
  /** Writes off the goods of a parcel that did not arrive. */
  writeOffParcel(input: ParcelIds): Promise<{ amountDue: number } | Claimed>;
  /** What the carrier owes for a parcel; for a customer's claim, for the units that it is about. */
  openClaim(
    input: ParcelIds & {
      why: string;
      claimed?: { claimId: string; units: { lineId: string; quantity: number }[] };
    },
  ): Promise<{ claimId: string }>;
  shipStock(input: Saved & { shipmentId: string; actor: string }): Promise<void>;
  /** Writes the order as its workflow knows it, where the stored rev is lower, together with the mails that are due. */
  saveOrder(input: Saved): Promise<void>;
  /**
   * Writes a refund of what was paid and will not be sent, as far as it was not refunded otherwise, with what was sold and
   * never captured. `refundId` is null where there is neither; `amount` is the money.
   */
  openOrderRefund(input: {
    orderId: string;
    key: string;
    amount: number;
    reason: string;
  }): Promise<{ refundId: string | null; amount: number }>;
  /** Writes a refund of what was to be sent again and was not, of the order that was paid. */
  openReshipRefund(input: { orderId: string }): Promise<{ refundId: string | null; amount: number }>;
  /** Writes a refund of everything that is left of a disputed payment, or of what is owed since it was disputed. */
  openDisputeRefund(input: {
    disputeId: string;
    what: 'left' | 'owed';
  }): Promise<{ refundId: string | null; amount: number }>;
  /** A new order that sends a parcel's goods again at no charge. */
  openReship(input: ParcelIds): Promise<OrderInput | Claimed>;

  /** A return of the parcel that its carrier brings back, which nobody has to approve. Asked again it is the same one. */
  openParcelReturn(input: ParcelIds): Promise<{ returnId: string } | Claimed>;
  loadReturn(input: { returnId: string }): Promise<LoadedReturn>;
  /** One parcel of it, by its number: repeats do nothing. Answers with the units that are there to be inspected by now. */
  recordReception(input: { returnId: string; number: number } & ReceiveReturnInput): Promise<{ units: number }>;
  /** Posts the stock movements by disposition. */
  recordInspection(input: { returnId: string } & InspectReturnInput): Promise<void>;
  /** The order in exchange for a return's goods. Asked again it is the same one. */
  openExchange(input: { returnId: string }): Promise<OrderInput>;
  /** Minor units: what of a return was accepted, and what of it pays for the order in exchange. Changes nothing. */
  /** Orders that goods of this order pay for, and those that these pay for, and so on: as far as they have not ended. */
  readExchanges(input: { orderId: string }): Promise<{ orderIds: string[] }>;
  /** What of the return's worth its exchange has, in minor units; and whether too little came for that. */
  weighExchange(input: { returnId: string }): Promise<{ transferred: number; isShort: boolean }>;
  /**
   * Writes the refund of what was accepted. `refundId` is null where there is nothing to pay back, or nothing left of it.
   * Where less was accepted than pays for the order in exchange, nothing is written, unless the store is to `bear` it.
   */
  settleReturn(input: {
    returnId: string;
    actor: string;
    bear?: boolean;
  }): Promise<{ refundId: string | null } | { shortfall: { worth: number; transferred: number; currency: string } }>;
  saveReturn(input: { state: ReturnState; mails: Mail[] }): Promise<void>;

  /** Of a customer's claim; the decision is the store's rule. */
  loadClaim(input: { claimId: string }): Promise<{
    orderId: string;
    openedBy: string;
    kind: ClaimKind;
    wants: 'refund' | 'reship';
    decision: 'approve' | 'ask';
    because: string;
    parcels: { shipmentId: string; parcelId: string; units: { lineId: string; quantity: number }[] }[];
  }>;
  /** Writes the refund, or the order that sends again; and that its parcels are given up, where they did not arrive. */
  settleClaim(input: { claimId: string; how: 'refund' | 'reship'; actor: string }): Promise<SettledClaim>;
  saveClaim(input: { state: ClaimState; mails: Mail[] }): Promise<void>;

  loadCase(input: { kind: CaseKind; id: string }): Promise<{ orderId: string; rev: number; status: string }>;
  saveCase(input: { kind: CaseKind; state: CaseState; mails: Mail[] }): Promise<void>;

  /** Its customer was paid in another way. */
  skipRefund(input: { refundId: string }): Promise<void>;

  /** The days that are to be reconciled, the oldest first. `now`: ISO 8601. */
  findDaysDue(input: { now: string }): Promise<string[]>;
  skipDifference(input: { day: string; key: string }): Promise<void>;
}

export interface ProviderSteps {
  /** Saves a method for later, with the customer's consent; without one, the customer gives it in the browser. */
  savePaymentMethod(input: {
    orderId: string;
    attempt: number;
    paymentMethod?: string | undefined;
  }): Promise<SetupOutcome>;
  readSetup(input: { orderId: string }): Promise<SetupOutcome>;
  /** Authorizes the order's amount, with the saved method where there is one. A declined card is an outcome, not an error. */
  authorizePayment(input: {
    orderId: string;
    attempt: number;
    paymentMethod?: string | undefined;
  }): Promise<PaymentOutcome>;
  /** Reads the payment from the provider and records what it says. */
  readPayment(input: { orderId: string }): Promise<PaymentOutcome>;
  /**
   * Captures what the goods that are still meant to be sent cost by then, once for the whole order, or what has been ready
   * so far where the card takes several captures. The first one invoices it.
   */
  capturePayment(input: { orderId: string; shipmentId: string }): Promise<CaptureOutcome>;
  /**
   * Authorizes what is still to be captured anew, with the method that is given, or the saved one. Only then the present
   * authorization is let go.
   */
  renewPayment(input: {
    orderId: string;
    renewal: number;
    attempt?: number | undefined;
    paymentMethod?: string | undefined;
  }): Promise<PaymentOutcome>;
  /**
   * Authorizes all that an edited order will cost, beside what is held, with the method that is given, or the saved one.
   * Without an `attempt` it is only asked how that stands.
   */
  authorizeEdit(input: {
    orderId: string;
    editId: string;
    attempt?: number | undefined;
    paymentMethod?: string | undefined;
  }): Promise<PaymentOutcome>;
  /**
   * Lets go of what an edit has left: the authorization before it where it was made, else that for it. No attempt up to
   * this one authorizes anything afterwards.
   */
  releaseEdit(input: { orderId: string; editId: string; attempt: number }): Promise<void>;
  /**
   * Before an order that is not paid comes to cost something else: its customer cannot pay the old amount any more. What is
   * paid, or on its way, stays, and is the outcome.
   */
  withdrawPayment(input: { orderId: string; withdrawal: number }): Promise<PaymentOutcome>;
  /** After it: what it costs now can be paid. */
  issuePayment(input: { orderId: string }): Promise<PaymentOutcome>;
  /** Ends the payment: nothing can be authorized afterwards. What was captured already stays, to be refunded. */
  voidPayment(input: { orderId: string }): Promise<PaymentOutcome>;
  /** `why` is absent where a carrier finds the order's address, or none can say. */
  checkAddress(input: { orderId: string }): Promise<{ why?: string }>;
  /** One for each parcel, of the service that its order's rule chooses. */
  buyLabels(input: {
    orderId: string;
    shipmentId: string;
  }): Promise<{ parcels: { id: string; trackingNumber: string }[] }>;
  /** Of a shipment or a return: every label that was bought for it. Answers with the parcels that travel on theirs. */
  voidLabels(input: { reference: string }): Promise<{ used: string[] }>;
  /** One paper a carrier, of parcels that left together. */
  makeManifests(input: { handOverId: string }): Promise<void>;
  buyReturnLabel(input: { returnId: string }): Promise<{ trackingNumber: string }>;
  /** `attempt` above the recorded one sends a failed refund anew; the same one only reads. */
  sendRefund(input: { refundId: string; attempt: number }): Promise<{
    status: RefundStatus;
    attempt: number;
    why?: string | undefined;
    /** It failed because the charge is disputed, and nobody has to do anything about it. */
    withheld?: true;
    /** The provider has recorded the order's taxes, and has to hear of it. */
    providerTaxes?: boolean;
    /** There was nothing to pay back: it is about what was never captured. */
    moneyless?: boolean;
    /** Another refund that it has brought about, to be followed by itself. */
    sequel?: string;
  }>;
  /** Asks a carrier about parcels of which it has said nothing for a while. Known events change nothing. */
  pollTracking(input: { carrier: string }): Promise<{ more: boolean; unknown: string[] }>;
  /** Receive what happened since a time, the oldest first, as its webhooks would. Known events change nothing. */
  pollEvents(input: { since: string }): Promise<Polled>;
  /** Reads a dispute, or a warning of fraud, and records what it says with the money that it moved. */
  readDispute(input: { disputeId: string }): Promise<DisputeOutcome>;
  /** Shows in the provider's dashboard what the bank would get. `delivered`: everything sent has arrived. */
  stageEvidence(input: { disputeId: string }): Promise<DisputeOutcome & { delivered: boolean }>;
  /** Sends it to the bank, once. */
  submitEvidence(input: { disputeId: string }): Promise<DisputeOutcome>;
  /** Gives in: the dispute is lost. */
  acceptDispute(input: { disputeId: string }): Promise<DisputeOutcome>;
  /** Tells the provider that the taxes of what is sold are due; and that those of a refund are not. */
  recordTaxes(input: { orderId: string }): Promise<void>;
  reverseTaxes(input: { refundId: string }): Promise<void>;
  /** What only a provider knows of a quote's price; the answers are written to it. */
  askRates(input: { quoteId: string }): Promise<void>;
  askTaxes(input: { quoteId: string }): Promise<void>;
  /** Copies what the provider has saved for a customer; the next three do so after they have changed it. */
  readMethods(input: { customerId: string }): Promise<void>;
  openMethodSetup(input: { customerId: string; setupId: string }): Promise<void>;
  setDefaultMethod(input: { customerId: string; paymentMethod: string }): Promise<void>;
  removeMethod(input: { customerId: string; paymentMethod: string }): Promise<void>;
  /** Reads and compares the next page of a day, of the provider's balance and of our ledger. */
  reconcilePage(input: { day: string }): Promise<{ done: boolean }>;
  /** Sums a day up, once all of it is read, and answers with differences that are still there and open. */
  sumUpDay(input: { day: string }): Promise<OpenDifference[]>;
  /** Reads what is different from the provider anew, and books it. */
  repairDifference(input: { day: string; key: string }): Promise<void>;
}

const localStepNames = [
  'reserveStock',
  'commitStock',
  'readHoldings',
  'releaseStock',
  'releaseShipment',
  'cancelLines',
  'settleShortPick',
  'readEdit',
  'applyEdit',
  'writeOffParcel',
  'openClaim',
  'shipStock',
  'saveOrder',
  'openOrderRefund',
  'openDisputeRefund',
  'openReship',
  'openReshipRefund',
  'openParcelReturn',
  'loadReturn',
  'recordReception',
  'recordInspection',
  'openExchange',
  'readExchanges',
  'weighExchange',
  'settleReturn',
  'saveReturn',
  'loadClaim',
  'settleClaim',
  'saveClaim',
  'loadCase',
  'saveCase',
  'skipRefund',
  'findDaysDue',
  'skipDifference',
] as const satisfies (keyof LocalSteps)[];

const nonRetryableErrorTypes = Object.values(failures);

const mongoOnly = {
  startToCloseTimeout: '3s',
  retry: {
    initialInterval: '50ms',
    backoffCoefficient: 2,
    maximumInterval: '2s',
    maximumAttempts: 12,
    nonRetryableErrorTypes,
  },
} as const;
const localSteps = proxyLocalActivities<LocalSteps>({
  ...mongoOnly,
  scheduleToCloseTimeout: '30s',
  localRetryThreshold: '10s',
});
/** Where no worker is left at that moment, the step waits for one. */
const committingSteps = proxyActivities<LocalSteps>({ ...mongoOnly, scheduleToCloseTimeout: '10m' });

/**
 * Local activities run one at a time within a workflow. Two at once would end in two activations when they run and in
 * one when they are replayed; whoever waits for either by a condition would then go on in another order.
 */
export const local = Object.fromEntries(
  localStepNames.map((name) => {
    const run = (input: unknown) => {
      const steps = isDecided ? committingSteps : localSteps;
      isDecided = false;
      return (steps[name] as (input: unknown) => Promise<unknown>)(input);
    };
    return [name, (input: unknown) => orLeave(() => inTurn(() => run(input)))];
  }),
) as unknown as LocalSteps;

/** Each workflow has its modules, and so this, for itself. */
let isDecided = false;

/**
 * Called where something is decided that others can still say otherwise: by the handler of an update, or by a rule or a time.
 * It is in the history only once its workflow task has completed. A task that is lost before that (its worker dies, or the
 * workflow would have ended beside a message that it has not seen) is gone through again, and messages that came meanwhile
 * come first: what local activities have written would belong to a decision that was never taken. So the next of them is
 * a regular one: it begins when the task has completed.
 */
export function commitDecision(): void {
  isDecided = true;
}

/**
 * A scope that is cancelled leaves its activity alone, and goes on in the same moment. To cancel the activity itself would
 * have its end come in one order with others when it runs, and in another when it is replayed. What it still does finds
 * the tombstone of its undo.
 */
export function orLeave<T>(run: () => Promise<T>): Promise<T> {
  const scope = CancellationScope.current();
  if (!scope.cancellable) return run();
  if (scope.consideredCancelled) return scope.cancelRequested;
  return Promise.race([CancellationScope.nonCancellable(run), scope.cancelRequested]);
}

let last: Promise<unknown> | undefined;

function inTurn<T>(run: () => Promise<T>): Promise<T> {
  const mine = last === undefined ? run() : last.then(run, run);
  last = mine;
  const forget = () => {
    if (last === mine) last = undefined;
  };
  mine.then(forget, forget);
  return mine;
}

const providerSteps = proxyActivities<ProviderSteps>({
  taskQueue: taskQueues.providers,
  startToCloseTimeout: '45s',
  scheduleToCloseTimeout: deadlines.provider,
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '2m', nonRetryableErrorTypes },
});

/** Calls a provider; the options hold a summary for the Temporal UI, and a time that differs from the table's. */
export function callProvider<N extends keyof ProviderSteps>(
  name: N,
  options: { summary: string; scheduleToCloseTimeout?: number },
  input: Parameters<ProviderSteps[N]>[0],
): ReturnType<ProviderSteps[N]> {
  const step = providerSteps[name] as unknown as ActivityFunctionWithOptions<(input: unknown) => Promise<unknown>>;
  return orLeave(() => step.executeWithOptions(options, [input])) as ReturnType<ProviderSteps[N]>;
}
