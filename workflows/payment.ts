/** The money of an order: authorized before it is confirmed, captured when parcels are ready, settled at its end. */
import { CancellationScope, condition } from '@temporalio/workflow';
import type { CaptureOutcome, PaymentOutcome, SetupOutcome } from './activities.ts';
import { callProvider, local } from './activities.ts';
import { deadlines } from './domain/limits.ts';
import { formatMoney } from './domain/money.ts';
import { isPaid } from './domain/statuses.ts';
import type { Answer } from './messages.ts';
import type { Order } from './order-context.ts';
import { cancel, hold, moveOrder, OrderEnds } from './order-context.ts';
import { StepCancelled, StepOverdue } from './record.ts';
import { payBack } from './refund.ts';

/** Authorizes the amount, with another method after a decline, until it is authorized or the hold ends. */
export async function takePayment(order: Order, when: 'at once' | 'goods that came'): Promise<void> {
  const { record } = order;
  if (dueByCard(order) === 0) return;
  const later = when === 'goods that came';
  const outcome = await untilDone<PaymentOutcome>(order, {
    ms: later ? deadlines.backorderPayment : deadlines.payment,
    tryMethod: (payBy, method) => authorize(order, payBy, method),
    look: (payBy) => readPayment(order, payBy),
    isDone: ({ attempt }) => isPaid(attempt),
    isUnderWay: ({ attempt }) => attempt === 'processing',
    heard: (outcome) => recordPayment(order, outcome),
    why: ({ attempt, declineCode }) => paymentNeeded(attempt, declineCode),
    ask({ attempt }) {
      if (attempt !== 'created') record.mail(later ? 'backorder_payment_needed' : 'payment_needed');
      if (later) askForPayment(order);
    },
  });
  holdIfRisky(order, outcome);
}

/** A person looks at each risk once, also where the money is authorized anew. */
export function holdIfRisky(order: Order, { risks }: PaymentOutcome): void {
  const news = risks.filter((risk) => !order.risks.includes(risk));
  order.risks.push(...news);
  if (news.length > 0) hold(order, { actor: 'system', reason: news.join('; ') });
}

/** Saves a method with the customer's consent: an authorization would not live until the goods are there. */
export async function saveMethod(order: Order): Promise<void> {
  const { record } = order;
  await untilDone<SetupOutcome>(order, {
    ms: deadlines.payment,
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
    isDone: ({ status }) => status === 'saved',
    isUnderWay: () => false,
    heard: () => record.changed(),
    why: ({ status, declineCode }) => paymentNeeded(status, declineCode),
    ask({ status }) {
      if (status !== 'created') record.mail('payment_needed');
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
    seen = order.paymentHints;
    const outcome = await ask(began + deadlines.providerDown);
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
      outcome = await ways.look(Date.now() + deadlines.lastLook);
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

/** Past its time somebody is asked; `retry` has the provider asked, as a hint does. */
async function heardOfSettlement({ record }: Order, heard: () => boolean, answers: Answer[]): Promise<void> {
  if ((await record.waitFor('settlement', deadlines.settlement, heard)) === 'done') return;
  const why = 'Nothing heard of settlement in time';
  const given = await record.incident({ cause: 'overdue_settlement', why, answers }, heard);
  if (given === 'cancel') throw new StepCancelled('settlement');
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

/** Minor units of what is due that store credit does not pay. */
export function dueByCard({ record: { state } }: Order): number {
  return Math.max(0, state.amountDue - state.payment.credit);
}

/** What is due by card is held for us, or was taken. A rest that was not taken in time is neither. */
export function isCovered(order: Order, { attempt, captured }: { attempt: string; captured: number }): boolean {
  return attempt === 'authorized' || captured >= dueByCard(order);
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

/** Captures what is due when a parcel is ready: all of it, or this one's share. Money steps run one at a time. */
export async function capturePayment(order: Order, shipmentId: string): Promise<void> {
  const { state } = order.record;
  // No parcel waits for a refund of another.
  while (!order.captured) {
    const outcome = await moneyTurn(order, () => captureShare(order, shipmentId));
    if (!outcome?.lapsed) return;
    // The bank has let it go before its time: it is authorized anew, and the parcel waits for that.
    order.paymentHints += 1;
    await condition(() => isCovered(order, state.payment));
  }
}

async function captureShare(order: Order, shipmentId: string): Promise<CaptureOutcome | undefined> {
  if (order.captured || order.record.state.amountDue === 0) return undefined;
  const summary = `Capture for ${shipmentId}`;
  const outcome = await order.record.step(
    'capture_payment',
    () =>
      // Once it is on its way its end is waited for: a cancellation then refunds what it took.
      CancellationScope.nonCancellable(() =>
        callProvider('capturePayment', { summary }, { orderId: order.id, shipmentId }),
      ),
    { shipmentId },
  );
  if (outcome === undefined) return undefined;
  recordPayment(order, outcome);
  if (outcome.lapsed) return outcome;
  order.captured = outcome.final;
  order.capturedInPart ||= !outcome.final;
  // Whoever is asked to authorize it anew is asked for the rest.
  if (order.payAsked) order.paymentHints += 1;
  if (order.providerTaxes) order.taxesRecorded ??= recordTaxes(order);
  return outcome;
}

/** No parcel waits for it, only the order's end. */
async function recordTaxes(order: Order): Promise<void> {
  const tell = () => callProvider('recordTaxes', { summary: 'Record the taxes' }, { orderId: order.id });
  await CancellationScope.nonCancellable(() => order.record.step('record_taxes', tell, { answers: ['retry', 'skip'] }));
}

/** Ends with exactly what is due captured, and nothing authorized. */
export async function endPayment(order: Order): Promise<void> {
  const { payment } = order.record.state;
  if (order.paymentAttempts + order.setups > 0 && (!order.captured || payment.attempt === 'processing')) {
    await moneyTurn(order, async () => {
      for (;;) {
        const hints = order.paymentHints;
        const outcome = await order.record.must('void_payment', () =>
          callProvider('voidPayment', { summary: 'Void the payment' }, { orderId: order.id }),
        );
        recordPayment(order, outcome);
        if (outcome.attempt !== 'processing') return;
        // What a bank debit brings is paid back, and only when it is there.
        await heardOfSettlement(order, () => order.paymentHints > hints, ['retry']);
      }
    });
  }
  await settlePayment(order);
}

/** Pays back what was paid for goods that will not be sent. */
export async function settlePayment(order: Order): Promise<void> {
  const { record } = order;
  const { state } = record;
  if (order.paymentAttempts + order.setups === 0 && state.payment.credit === 0) return;
  const opened = await moneyTurn(order, async () => {
    const settled = state.payment.refunded + order.settledOtherwise;
    const excess = state.payment.captured + state.payment.credit - settled - state.amountDue;
    if (excess <= 0 && !order.capturedInPart) return undefined;
    const key = `${order.id}:settle:${settled}${excess > 0 ? '' : ':rest'}`;
    const reason = 'Goods that were not sent';
    const refund = await record.must('open_refund', () =>
      local.openOrderRefund({ orderId: order.id, key, amount: excess, reason }),
    );
    order.settledOtherwise += refund.amount;
    return refund;
  });
  if (!opened || opened.refundId === null) return;
  // Its end can take days: no other parcel's money waits for that.
  const { refundId, amount } = opened;
  const what = `Refund of ${formatMoney(amount, state.currency)}`;
  if (amount > 0) record.changed(`${what} opened`);
  const ended = await payBack(record, refundId, order.refundHints);
  if (ended === 'succeeded') {
    order.settledOtherwise -= amount;
    state.payment.refunded += amount;
  }
  if (amount > 0) record.changed(`${what} ${ended}`);
}

const busy = new WeakSet<Order>();

/** Steps with money run one at a time within an order. */
export async function moneyTurn<T>(order: Order, run: () => Promise<T>): Promise<T> {
  // All who wait are woken together: only the first of them may go.
  while (busy.has(order)) await condition(() => !busy.has(order));
  busy.add(order);
  try {
    return await run();
  } finally {
    busy.delete(order);
  }
}

export function recordPayment(order: Order, outcome: PaymentOutcome): void {
  const { payment } = order.record.state;
  order.captureBefore = outcome.captureBefore;
  const before = `${payment.attempt}${payment.captured}`;
  Object.assign(payment, { attempt: outcome.attempt, authorized: outcome.authorized, captured: outcome.captured });
  if (before !== `${payment.attempt}${payment.captured}`) order.record.changed(`Payment ${outcome.attempt}`);
}

function paymentNeeded(attempt: string, declineCode: string | undefined): string {
  if (attempt === 'declined') return `Payment declined (${declineCode ?? 'no reason given'})`;
  if (attempt === 'requires_action') return 'The customer has to confirm the payment';
  if (attempt === 'processing') return 'The bank has taken the payment on';
  return 'Waiting for the payment';
}
