/** What an order's workflow answers to: its query, updates and signals. */
import { CancellationScope, condition, currentUpdateInfo, setHandler } from '@temporalio/workflow';
import { commitDecision } from './activities.ts';
import { listenForAnswers } from './answers.ts';
import { cancelLines } from './cancel-lines.ts';
import { listenForDeadlines } from './deadlines.ts';
import { limits } from './domain/limits.ts';
import { hasEnded, orderStates, parcelStates } from './domain/states.ts';
import { isPaid } from './domain/statuses.ts';
import { edit } from './edit.ts';
import { listenForExchange } from './exchange-order.ts';
import { listenForHolds } from './hold.ts';
import type { CancelInput, CancelLinesInput, EditInput, PayInput } from './messages.ts';
import * as messages from './messages.ts';
import type { Order } from './order-context.ts';
import { cancel, mayCancel } from './order-context.ts';
import { listenForRefunds } from './refund.ts';
import { listenToWarehouse } from './warehouse-messages.ts';

/** Past these a customer whom the store lets cancel until then cannot. */
const pickedStates: readonly string[] = ['picked', 'packed', 'ready'];

/** Every handler stands before the first await: messages can come before the story's first line. */
export function listenToMessages(order: Order): void {
  const { record } = order;
  const { state } = record;

  setHandler(messages.orderState, () => state);

  setHandler(messages.placeOrder, async () => {
    await condition(() => state.status !== 'pending');
    await record.saved();
    return { status: state.status };
  });

  setHandler(
    messages.payOrder,
    async ({ paymentMethod }: PayInput) => {
      order.nextMethod = paymentMethod;
      const first = !order.payAsked;
      const settled = () => order.nextMethod === undefined && !(first && isPaid(state.payment.attempt));
      await condition(() => (first && state.status !== 'awaiting_payment') || settled());
      await record.saved();
      return { status: state.status };
    },
    {
      validator(_input: PayInput) {
        if (order.setups + order.paymentAttempts >= limits.paymentAttempts)
          throw new Error(`The order has had its ${limits.paymentAttempts} payments`);
        if (state.payment.attempt === 'processing')
          throw new Error('The bank has taken a payment of this order on: wait for what becomes of it');
        if (state.status !== 'awaiting_payment' && !order.payAsked)
          throw new Error(`The order is ${state.status}: it takes no payment now`);
        if (order.nextMethod !== undefined) throw new Error('Another payment of this order is under way');
      },
    },
  );

  setHandler(
    messages.cancelOrder,
    async (input: CancelInput) => {
      cancel(order, input);
      const goesOn = () => !mayCancel(order) && state.shipments.some((shipment) => shipment.status !== 'cancelled');
      await condition(() => hasEnded(orderStates, state.status) || goesOn());
      await record.saved();
      return { status: state.status };
    },
    {
      validator({ unpickedOnly }: CancelInput) {
        if (!mayCancel(order)) throw new Error('Everything has been handed over: only a return is possible now');
        if (unpickedOnly && state.shipments.some(({ status }) => pickedStates.includes(status)))
          throw new Error('Some of it is picked already: the store does not let customers cancel that');
      },
    },
  );

  setHandler(
    messages.cancelOrderLines,
    (input: CancelLinesInput) => {
      commitDecision();
      if (input.actor === 'customer') order.lineCancelsAsked += 1;
      return cancelLines(order, { ...input, cancelId: currentUpdateInfo()!.id });
    },
    {
      validator({ actor }: CancelLinesInput) {
        // Temporal counts updates: nobody keeps the warehouse from being heard.
        if (actor === 'customer' && order.lineCancelsAsked >= limits.lineCancels)
          throw new Error('Lines of the order were to be cancelled too often: ask the store');
        if (!mayCancel(order)) throw new Error('Everything has been handed over: only a return is possible now');
        if (order.cancelled) throw new Error('The whole order is being cancelled');
        if (state.status === 'pending') throw new Error('The order is still being placed');
      },
    },
  );

  setHandler(
    messages.editOrder,
    async (input: EditInput) => {
      commitDecision();
      order.editsAsked += 1;
      const outcome = await edit(order, input);
      await record.saved();
      return outcome;
    },
    {
      validator(_input: EditInput) {
        if (order.editsAsked >= limits.edits) throw new Error(`The order has had its ${limits.edits} edits`);
      },
    },
  );

  setHandler(messages.paymentChanged, () => {
    if (counted(order)) order.paymentHints += 1;
  });
  setHandler(messages.stockChanged, () => {
    order.stockHints += 1;
  });
  setHandler(messages.trackingChanged, (event) => {
    // How a parcel ends is heard at any rate, or its order could never end.
    if (!counted(order) && !hasEnded(parcelStates, event.status)) return;
    order.tracking.set(event.parcelId, [...(order.tracking.get(event.parcelId) ?? []), event]);
  });
  setHandler(messages.parcelClaimed, ({ parcelId, ...claim }) => {
    order.claimed.set(parcelId, claim);
  });
  setHandler(messages.cancelSignal, (input) => {
    if (mayCancel(order)) cancel(order, input);
  });
  listenToWarehouse(order);
  listenForHolds(order);
  listenForExchange(order);
  listenForDeadlines(record);
  listenForAnswers(record);
  order.refundHints = listenForRefunds();
}

/** Counts a message that others can send at will. Past the bound it is dropped, and a person is asked, once. */
function counted(order: Order): boolean {
  order.messages += 1;
  if (order.messages === limits.messages) {
    const why = `More than ${limits.messages} messages; further ones are ignored`;
    const ended = () => hasEnded(orderStates, order.record.state.status);
    void CancellationScope.nonCancellable(() =>
      order.record.incident({ cause: 'too_many_messages', why, answers: ['skip'] }, ended),
    );
  }
  return order.messages < limits.messages;
}
