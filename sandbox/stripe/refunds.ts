import { checkFraction, money } from './amounts.ts';
import { book } from './balance.ts';
import { invalidRequest, noSuch } from './errors.ts';
import { closeWarnings } from './fraud-warnings.ts';
import { methodOf } from './payment-methods.ts';
import { type Charge, newId, type Refund, type Store } from './store.ts';

/** How long the cards that change a refund afterwards wait, unless a test settles it sooner. */
const SETTLE_SECONDS = 30;

export function createRefund(
  store: Store,
  given: {
    payment_intent?: string;
    charge?: string;
    amount?: number;
    reason?: Refund['reason'];
    metadata?: Record<string, string>;
  },
): Refund {
  const charge = chargeToRefund(store, given);
  const left = charge.amount_captured - charge.amount_refunded;
  const amount = given.amount ?? left;
  refuseUnlessRefundable(store, charge, amount, left);

  const method = methodOf(store, charge.payment_method);
  const behaviour = method.type === 'card' ? method.refund : undefined;
  const id = newId('re');
  const transaction = book(store, {
    type: method.type === 'card' ? 'refund' : 'payment_refund',
    amount: -amount,
    fee: 0,
    currency: charge.currency,
    source: id,
  });
  const refund: Refund = {
    id,
    object: 'refund',
    amount,
    balance_transaction: transaction.id,
    charge: charge.id,
    created: store.now(),
    currency: charge.currency,
    customer: charge.customer,
    customer_account: null,
    destination_details: {
      type: 'card',
      card: { reference_status: 'pending', reference_type: 'acquirer_reference_number', type: 'refund' },
    },
    metadata: given.metadata ?? {},
    payment_intent: charge.payment_intent,
    payment_method: charge.payment_method,
    ...(behaviour === 'pending' ? { pending_reason: 'processing' as const } : {}),
    reason: given.reason ?? null,
    receipt_number: null,
    source_transfer_reversal: null,
    status: behaviour === 'pending' ? 'pending' : 'succeeded',
    transfer_reversal: null,
  };
  store.refunds.put(id, refund);
  if (behaviour) {
    const outcome = behaviour === 'pending' ? 'succeeded' : 'failed';
    store.settlements.put(id, { refund: id, outcome, due: store.now() + SETTLE_SECONDS, done: false });
  }
  const refunded = changeRefunded(store, charge, amount);
  store.emit('charge.refunded', refunded);
  store.emit('refund.created', refund);
  return refund;
}

/** What happens to a refund after it was made. One that fails, which may be after it succeeded, gives its amount back. */
export function settleRefund(store: Store, refund: Refund, outcome: 'succeeded' | 'failed'): Refund {
  const settlement = store.settlements.get(refund.id);
  if (settlement && !settlement.done) store.settlements.put(refund.id, { ...settlement, done: true });
  if (refund.status === outcome) return refund;
  if (refund.status === 'failed') throw invalidRequest(`Refund ${refund.id} has failed and cannot succeed any more.`);
  const { pending_reason: _, ...rest } = refund;

  if (outcome === 'succeeded') {
    const settled = store.refunds.put(refund.id, { ...rest, status: 'succeeded' });
    store.emit('refund.updated', settled);
    return settled;
  }
  const { amount, currency, id } = refund;
  const returned = book(store, { type: 'refund_failure', amount, fee: 0, currency, source: id });
  const failed = store.refunds.put(refund.id, {
    ...rest,
    status: 'failed',
    failure_reason: 'expired_or_canceled_card',
    failure_balance_transaction: returned.id,
  });
  const charge = store.charges.get(refund.charge);
  if (charge) changeRefunded(store, charge, -amount);
  store.emit('refund.updated', failed);
  store.emit('refund.failed', failed);
  return failed;
}

export function settleDueRefunds(store: Store): void {
  for (const { refund: id, outcome, due, done } of [...store.settlements.values()]) {
    const refund = store.refunds.get(id);
    if (!done && due <= store.now() && refund) settleRefund(store, refund, outcome);
  }
}

function chargeToRefund(store: Store, given: { payment_intent?: string; charge?: string }): Charge {
  if (given.charge !== undefined) {
    const charge = store.charges.get(given.charge);
    if (!charge) throw noSuch('charge', given.charge, 'charge');
    if (given.payment_intent !== undefined && charge.payment_intent !== given.payment_intent) {
      throw invalidRequest(`Charge ${charge.id} does not belong to PaymentIntent ${given.payment_intent}.`);
    }
    return charge;
  }
  if (given.payment_intent === undefined) {
    throw invalidRequest('One of the following params should be provided for this request: payment_intent or charge.');
  }
  const intent = store.intents.get(given.payment_intent);
  if (!intent) throw noSuch('payment_intent', given.payment_intent, 'payment_intent');
  const charge = store.charges.get(intent.latest_charge ?? '');
  if (!charge?.amount_captured) {
    throw invalidRequest(`This PaymentIntent (${intent.id}) does not have a successful charge to refund.`);
  }
  return charge;
}

function refuseUnlessRefundable(store: Store, charge: Charge, amount: number, left: number): void {
  if (charge.amount_captured === 0) {
    throw invalidRequest(`Charge ${charge.id} has not been captured.`, { code: 'charge_not_refundable' });
  }
  const disputes = charge.disputed ? [...store.disputes.values()].filter(({ charge: id }) => id === charge.id) : [];
  if (disputes.some(({ is_charge_refundable }) => !is_charge_refundable)) {
    throw invalidRequest(`Charge ${charge.id} has been charged back; cannot issue a refund.`, {
      code: 'charge_disputed',
    });
  }
  if (left === 0) {
    throw invalidRequest(`Charge ${charge.id} has already been refunded.`, { code: 'charge_already_refunded' });
  }
  checkFraction(amount, charge.currency, 'amount');
  if (amount > left) {
    const { currency } = charge;
    throw invalidRequest(
      `Refund amount (${money(amount, currency)}) is greater than unrefunded amount on charge (${money(left, currency)})`,
      { param: 'amount' },
    );
  }
}

function changeRefunded(store: Store, charge: Charge, by: number): Charge {
  const amount_refunded = charge.amount_refunded + by;
  const refunded = charge.captured && amount_refunded === charge.amount_captured;
  const changed = store.charges.put(charge.id, { ...charge, amount_refunded, refunded });
  if (refunded) closeWarnings(store, changed);
  return changed;
}
