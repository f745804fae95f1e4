/** The money of an order before it is confirmed: authorized, or a method saved for later, with another one after a decline. */
import { CancellationScope, condition } from '@temporalio/workflow';
import type { PaymentOutcome, SetupOutcome } from './activities.ts';
import { callProvider } from './activities.ts';
import { deadlines } from './domain/limits.ts';
import { formatMoney } from './domain/money.ts';
import { isPaid } from './domain/statuses.ts';
import { holdIfRisky } from './hold.ts';
import type { Order } from './order-context.ts';
import { cancel, moveOrder, OrderEnds } from './order-context.ts';
import { dueByCard, heardOfSettlement, moneyTurn, recordPayment } from './payment-state.ts';
import { StepOverdue } from './record.ts';

/** Authorizes the amount, with another method after a decline, until it is authorized or the hold ends. */
export async function takePayment(order: Order, when: 'at once' | 'goods that came'): Promise<void> {
  const { record } = order;
  if (dueByCard(order) === 0) return;
  const later = when === 'goods that came';
  const outcome = await untilDone<PaymentOutcome>(order, {
    ms: later || order.exchange ? deadlines.backorderPayment : deadlines.payment,
    tryMethod: (payBy, method) => authorize(order, payBy, method),
    look: (payBy) => readPayment(order, payBy),
    // A change can leave nothing for a card to pay.
    isDone: ({ attempt }) => isPaid(attempt) || dueByCard(order) === 0,
    isUnderWay: ({ attempt }) => attempt === 'processing',
    heard: (outcome) => recordPayment(order, outcome),
    why: ({ attempt, declineCode }) => paymentNeeded(attempt, declineCode),
    ask({ attempt }) {
      if (order.exchange) record.mail('exchange_payment_needed', later ? 'later' : '');
      else if (attempt !== 'created') record.mail(later ? 'backorder_payment_needed' : 'payment_needed');
      if (later) askForPayment(order);
    },
  });
  holdIfRisky(order, outcome);
}

/** Saves a method with the customer's consent: an authorization would not live until the goods are there. */
export async function saveMethod(order: Order): Promise<void> {
  const { record } = order;
  await untilDone<SetupOutcome>(order, {
    // Who asks for an exchange is not there any more when it is approved.
    ms: order.exchange ? deadlines.backorderPayment : deadlines.payment,
    tryMethod: (payBy, paymentMethod) => {
      order.setups += 1;
      const input = { orderId: order.id, attempt: order.setups, paymentMethod };
      return payInTime(order, payBy, 'save_method', (scheduleToCloseTimeout) =>
        callProvider('savePaymentMethod', { summary: 'Save the method of payment', scheduleToCloseTimeout }, input),
      );
    },
    look: (payBy) =>
      payInTime(order, payBy, 'save_method', (scheduleToCloseTimeout) =>
        callProvider('readSetup', { summary: 'Read the saved method', scheduleToCloseTimeout }, { orderId: order.id }),
      ),
    isDone: ({ status }) => status === 'saved' || dueByCard(order) === 0,
    isUnderWay: () => false,
    heard: () => record.changed(),
    why: ({ status, declineCode }) => paymentNeeded(status, declineCode),
    ask({ status }) {
      if (order.exchange) record.mail('exchange_payment_needed');
      else if (status !== 'created') record.mail('payment_needed');
    },
  });
}

interface Ways<T> {
  /** How long the stock is held for it. */
  ms: number;
  tryMethod(payBy: number, method?: string): Promise<T>;
  look(payBy: number): Promise<T>;
  isDone(outcome: T): boolean;
  /** The bank has it: the customer can do nothing, and the stock is held until it is heard of. */
  isUnderWay(outcome: T): boolean;
  heard(outcome: T): void;
  /** What the customer is needed for. */
  why(outcome: T): string;
  /** Called when the customer is needed for the first time. */
  ask(outcome: T): void;
}

/** Tries until it is done, or until the time is up. Between the tries the customer has to do something. */
async function untilDone<T>(order: Order, ways: Ways<T>): Promise<T> {
  const { record } = order;
  let payBy = Date.now() + ways.ms;
  let seen = order.paymentHints;
  const heard = () => order.paymentHints > seen;
  // What the provider takes is not the customer's time. A hint that comes meanwhile may tell of something newer.
  const asking = async (ask: (until: number) => Promise<T>) => {
    const began = Date.now();
    const outcome = await moneyTurn(order, () => {
      seen = order.paymentHints;
      return ask(Date.now() + deadlines.providerDown);
    });
    payBy += Date.now() - began;
    return outcome;
  };
  let outcome = await asking((until) => ways.tryMethod(until));
  let asked = false;
  for (;;) {
    ways.heard(outcome);
    if (ways.isDone(outcome)) return outcome;
    record.changed(ways.why(outcome));
    moveOrder(order, 'awaiting_payment');
    if (ways.isUnderWay(outcome)) {
      record.mail('payment_processing');
      await heardOfSettlement(order, heard, ['retry', 'cancel']);
      outcome = await asking((until) => ways.look(until));
      // If the bank has refused, the customer has the whole time to pay in another way.
      payBy = Date.now() + ways.ms;
      continue;
    }
    if (!asked) {
      ways.ask(outcome);
      asked = true;
    }
    const waited = await record.waitFor(
      'payment',
      payBy - Date.now(),
      () => heard() || order.nextMethod !== undefined || order.payAgain,
    );
    if (waited === 'overdue') {
      // Whatever was not heard, the provider has the last word.
      outcome = await moneyTurn(order, () => ways.look(Date.now() + deadlines.lastLook));
      if (!ways.isDone(outcome) && !ways.isUnderWay(outcome)) throw new OrderEnds('expired');
    } else if (order.nextMethod !== undefined || order.payAgain) {
      order.payAgain = false;
      const method = order.nextMethod;
      outcome = await asking((until) => ways.tryMethod(until, method)).finally(() => {
        // One that was offered meanwhile has its turn.
        if (order.nextMethod === method) order.nextMethod = undefined;
      });
    } else {
      outcome = await asking((until) => ways.look(until));
    }
  }
}

/** Goods are held for an order whose saved method cannot be charged without its customer: support knows of it as well. */
function askForPayment(order: Order): void {
  const { record } = order;
  const isOver = () => record.state.status !== 'awaiting_payment';
  const why = 'The saved method of payment was not charged: the customer has a mail with the link';
  void CancellationScope.nonCancellable(async () => {
    while (!isOver()) {
      const given = await record.incident({ cause: 'backorder_payment', why, answers: ['retry', 'cancel'] }, isOver);
      if (given === 'cancel') return cancel(order, { actor: 'support', reason: 'Cancelled for want of a payment' });
      if (given !== 'retry') return;
      order.payAgain = true;
      await condition(() => !order.payAgain || isOver());
    }
  });
}

function authorize(order: Order, payBy: number, paymentMethod?: string): Promise<PaymentOutcome> {
  const { currency } = order.record.state;
  order.paymentAttempts += 1;
  const attempt = order.paymentAttempts;
  const summary = `Authorize ${formatMoney(dueByCard(order), currency)}`;
  return payInTime(order, payBy, 'authorize_payment', (scheduleToCloseTimeout) =>
    callProvider(
      'authorizePayment',
      { summary, scheduleToCloseTimeout },
      { orderId: order.id, attempt, paymentMethod },
    ),
  );
}

function readPayment(order: Order, payBy: number): Promise<PaymentOutcome> {
  return payInTime(order, payBy, 'read_payment', (scheduleToCloseTimeout) =>
    callProvider('readPayment', { summary: 'Read the payment', scheduleToCloseTimeout }, { orderId: order.id }),
  );
}

/** A provider that stays down does not hold stock for ever: at the deadline its call, or its incident, is given up. */
async function payInTime<T>(order: Order, payBy: number, cause: string, call: (ms: number) => Promise<T>): Promise<T> {
  try {
    const outcome = await order.record.step(cause, () => call(Math.max(1, payBy - Date.now())), { until: payBy });
    if (outcome !== undefined) return outcome;
  } catch (error) {
    if (error instanceof StepOverdue) throw new OrderEnds('expired');
    throw error;
  }
  throw new OrderEnds('cancelled');
}

function paymentNeeded(attempt: string, declineCode: string | undefined): string {
  if (attempt === 'declined') return `Payment declined (${declineCode ?? 'no reason given'})`;
  if (attempt === 'requires_action') return 'The customer has to confirm the payment';
  if (attempt === 'processing') return 'The bank has taken the payment on';
  return 'Waiting for the payment';
}
