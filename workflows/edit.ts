/**
 * What was ordered is changed before anybody picks it: goods, address, delivery, and with them the money. An edit is made as
 * a whole or not at all; whatever refuses it leaves the order as it was.
 */
import { CancellationScope, condition, log, rootCause, TemporalFailure } from '@temporalio/workflow';
import type { PaymentOutcome } from './activities.ts';
import { callProvider, local } from './activities.ts';
import { checkAddress } from './address.ts';
import type { EditRefusal, RefusedEdit } from './domain/edits.ts';
import { deadlines, limits } from './domain/limits.ts';
import { formatMoney } from './domain/money.ts';
import { hasEnded, orderStates, shipmentUnpicked } from './domain/states.ts';
import { isPaid } from './domain/statuses.ts';
import { holdIfRisky } from './hold.ts';
import type { EditInput, EditOutcome } from './messages.ts';
import type { Order } from './order-context.ts';
import { changeTurn, takeOver } from './order-context.ts';
import { dueByCard, moneyTurn, recordPayment } from './payment-state.ts';
import { changeUnpaid } from './reissue.ts';

/**
 * Whoever confirms an edit that is being made, or waits for its customer, is told what became of the first; by another method
 * than it waits for, it is tried anew.
 */
export function edit(order: Order, input: EditInput): Promise<EditOutcome> {
  const running = order.edits.get(input.editId);
  if (running) return isWaitingForAnother(order, input) ? begin(order, input) : running;
  // A hint that comes while the provider is asked may tell of something newer.
  const seen = order.paymentHints;
  const first = CancellationScope.nonCancellable(() => begin(order, input));
  order.edits.set(input.editId, first);
  void CancellationScope.nonCancellable(async () => {
    try {
      if ((await first).outcome === 'requires_action') await waitForCustomer(order, input, seen);
    } finally {
      order.edits.delete(input.editId);
    }
  });
  return first;
}

function isWaitingForAnother({ waitingEdits }: Order, { editId, paymentMethod }: EditInput): boolean {
  return waitingEdits.has(editId) && paymentMethod !== undefined && waitingEdits.get(editId) !== paymentMethod;
}

/**
 * An order that comes to its end waits for the changes that are being made. Edits that wait for a customer are dropped, and
 * nothing begins any more.
 */
export async function changesEnded(order: Order): Promise<void> {
  order.settling = true;
  await condition(() => order.edits.size === 0);
  await changeTurn(order, async () => {});
}

function begin(order: Order, input: EditInput): Promise<EditOutcome> {
  return inTurn(order, async () => {
    const why = whyNot(order);
    if (why !== undefined) return refused(why);
    for (;;) {
      const edit = await order.record.must('read_edit', () =>
        local.readEdit({ orderId: order.id, editId: input.editId }),
      );
      if (edit.outcome !== 'ready') return edit;
      if (edit.way === 'authorize') return payMore(order, input);
      if (edit.way !== 'withdraw') return apply(order, input);
      const changed = await changeUnpaid(order, () => apply(order, input));
      if (changed) return thenPaidBy(order, input, changed.answer);
      // It was paid in this moment: then there is money that can be kept, or a bank that is to be waited for.
    }
  });
}

/** The payment's own story tries the method that was given with it. */
function thenPaidBy(order: Order, { paymentMethod }: EditInput, made: EditOutcome): EditOutcome {
  const mayTry = order.nextMethod === undefined && order.paymentAttempts < limits.paymentAttempts;
  if (made.outcome === 'applied' && dueByCard(order) > 0 && mayTry) order.nextMethod = paymentMethod;
  return made;
}

function inTurn<T>(order: Order, run: () => Promise<T>): Promise<T> {
  return changeTurn(order, () => moneyTurn(order, run));
}

function whyNot(order: Order): EditRefusal | undefined {
  const { state } = order.record;
  if (isOver(order)) return 'ended';
  if (state.status === 'pending') return 'not_yet';
  if (state.payment.disputed) return 'disputed';
  if (state.shipments.some(({ status }) => status !== 'cancelled' && !shipmentUnpicked.includes(status)))
    return 'begun';
  if (order.captured || order.capturedInPart) return 'taken';
  if (state.shipments.length >= limits.shipments) return 'too_many';
  return undefined;
}

function isOver({ cancelled, settling, record: { state } }: Order): boolean {
  return cancelled !== undefined || settling || hasEnded(orderStates, state.status);
}

function refused(why: EditRefusal): RefusedEdit {
  return { outcome: 'refused', why };
}

/** The whole new amount is authorized beside what is held, and takes its place together with the change. */
async function payMore(order: Order, input: EditInput): Promise<EditOutcome> {
  const { editId, paymentMethod, actor } = input;
  if ([...order.waitingEdits.keys()].some((id) => id !== editId)) return refused('busy');
  if (order.paymentAttempts >= limits.paymentAttempts) return refused('too_many');
  order.paymentAttempts += 1;
  const paid = await authorize(order, editId, order.paymentAttempts, paymentMethod);
  if (paid?.attempt === 'requires_action' || paid?.attempt === 'created') {
    const isKnown = order.waitingEdits.has(editId);
    order.waitingEdits.set(editId, paymentMethod);
    if (isKnown) return { outcome: 'requires_action' };
    if (actor !== 'customer') order.record.mail('edit_payment_needed', editId);
    order.record.changed('An edit waits for its customer to confirm the payment', actor, { why: input.reason });
    return { outcome: 'requires_action' };
  }
  order.waitingEdits.delete(editId);
  if (paid && isPaid(paid.attempt)) return applyPaid(order, input, paid);
  await release(order, editId);
  if (!paid) return refused('not_reached');
  return { ...refused(paid.attempt === 'declined' ? 'declined' : 'paying'), declineCode: paid.declineCode };
}

/** Undefined where the provider does not answer while somebody waits for it. */
async function authorize(
  order: Order,
  editId: string,
  attempt?: number,
  paymentMethod?: string,
): Promise<PaymentOutcome | undefined> {
  const options = { summary: `Authorize ${editId}`, scheduleToCloseTimeout: deadlines.editAuthorization };
  try {
    return await callProvider('authorizeEdit', options, { orderId: order.id, editId, attempt, paymentMethod });
  } catch (error) {
    if (!(error instanceof TemporalFailure)) throw error;
    log.warn('An edit was not authorized', { editId, why: rootCause(error) });
    return undefined;
  }
}

async function applyPaid(order: Order, input: EditInput, paid: PaymentOutcome): Promise<EditOutcome> {
  const made = await apply(order, input);
  await release(order, input.editId);
  if (made.outcome === 'applied') holdIfRisky(order, paid);
  return made;
}

async function release({ id: orderId, record, paymentAttempts: attempt }: Order, editId: string): Promise<void> {
  await record.must('release_edit', () =>
    callProvider('releaseEdit', { summary: `Let go of what ${editId} has left` }, { orderId, editId, attempt }),
  );
}

async function apply(order: Order, { editId, actor, reason }: EditInput): Promise<EditOutcome> {
  const { record, id: orderId } = order;
  const { state } = record;
  if (isOver(order)) return refused('ended');
  const made = await record.must('apply_edit', () => local.applyEdit({ orderId, editId }));
  if (made.outcome === 'refused') return made;

  state.amountDue = made.amountDue;
  state.payment.byCard = dueByCard(order);
  if (made.payment.attempt === 'authorized') recordPayment(order, made.payment);
  order.providerTaxes = made.providerTaxes;
  order.expects = { expectedAt: made.expectedAt, notBefore: made.notBefore };
  const [before, after] = [made.before, made.after].map((amount) => formatMoney(amount, state.currency));
  record.changed(`Edited: ${made.what}`, actor, { why: reason, before, after });
  takeOver(order, made);
  record.mail('order_changed', editId);
  // What waits for goods looks again, and so does what keeps the money authorized.
  if (!made.isCommitted) order.stockHints += 1;
  order.paymentHints += 1;
  if (made.isAddressed) {
    order.addresses += 1;
    if (order.addressChecked) order.addressChecked = checkAddress(order);
  }
  return { outcome: 'applied' };
}

/** Until the money is there, or the time is up, or the order goes on without it. */
async function waitForCustomer(order: Order, input: EditInput, seen: number): Promise<void> {
  const { record } = order;
  let isDone = false;
  let isClosed = false;
  // By another method, that was paid with or declined.
  const isDecided = () => !order.waitingEdits.has(input.editId);
  const looking = (async () => {
    let heard = seen;
    for (let looks = 0; looks < limits.editLooks && !isDone; looks++) {
      await condition(() => isClosed || order.paymentHints > heard);
      if (isClosed) return;
      heard = order.paymentHints;
      isDone = await inTurn(order, () => madeIfPaid(order, input));
    }
  })();
  await record.waitFor('edit_payment', deadlines.editPayment, () => isDone || isLost(order) || isDecided());
  isClosed = true;
  record.forgetDeadline('edit_payment');
  await looking;
  if (!isDone) await inTurn(order, async () => isDecided() || madeOrDropped(order, input));
  order.waitingEdits.delete(input.editId);
}

function isLost(order: Order): boolean {
  return isOver(order) || order.captured;
}

/** True where nothing more is to be waited for. */
async function madeIfPaid(order: Order, input: EditInput): Promise<boolean> {
  if (isLost(order) || !order.waitingEdits.has(input.editId)) return false;
  const paid = await authorize(order, input.editId);
  if (!paid || !isPaid(paid.attempt)) return false;
  const made = await applyPaid(order, input, paid);
  if (made.outcome === 'refused') order.record.changed(`The edit was paid for and not made: ${made.why}`);
  return true;
}

/** Whatever was not heard, the provider has the last word. */
async function madeOrDropped(order: Order, input: EditInput): Promise<void> {
  if (await madeIfPaid(order, input)) return;
  await release(order, input.editId);
  order.record.changed('The edit was dropped: its payment was not confirmed');
}
