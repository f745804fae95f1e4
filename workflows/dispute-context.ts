/** What a dispute's story and its answers share. */
import type { SignalDefinition } from '@temporalio/common';
import { getExternalWorkflowHandle } from '@temporalio/workflow';
import type { DisputeOutcome } from './activities.ts';
import { callProvider, local } from './activities.ts';
import { formatMoney } from './domain/money.ts';
import { type CaseState, workflowIds } from './messages.ts';
import type { Record } from './record.ts';
import { payBack } from './refund.ts';

export interface Dispute {
  id: string;
  record: Record<CaseState>;
  state: CaseState;
  /** The provider's hints that it has moved; and of what the bank would be told. */
  hints: number;
  /** Of these hints, those that came before we last asked the provider. */
  seen: number;
  news: number;
  refundHints: { count: number };
  /** Only a person may say that the goods can go: nobody has trusted the customer. */
  holdStays: boolean;
}

export async function readDispute(dispute: Dispute): Promise<DisputeOutcome> {
  const { id, record } = dispute;
  dispute.seen = dispute.hints;
  return record.must('read_dispute', () =>
    callProvider('readDispute', { summary: 'Read the dispute' }, { disputeId: id }),
  );
}

/** The order that is disputed, and those in exchange that its money has paid for. One that has ended has nothing to hear. */
export async function signalOrders<Input>(
  { record, state: { orderId } }: Dispute,
  signal: SignalDefinition<[Input]>,
  input: Input,
): Promise<void> {
  const { orderIds } = await record.must('read_exchanges', () => local.readExchanges({ orderId }));
  for (const id of [orderId, ...orderIds])
    await getExternalWorkflowHandle(workflowIds.order(id))
      .signal(signal, input)
      .catch(() => {});
}

/** Pays back what is left of the payment, or what is owed since it was disputed. False where it could not be. */
export async function refund({ id, record, refundHints }: Dispute, what: 'left' | 'owed'): Promise<boolean> {
  const { refundId } = await record.must('open_refund', () => local.openDisputeRefund({ disputeId: id, what }));
  if (refundId === null) return true;
  record.changed(`Refund ${refundId} opened`);
  const ended = await payBack(record, refundId, refundHints);
  record.changed(`Refund ${refundId} ${ended}`);
  return ended === 'succeeded';
}

/** The provider's own words, such as `product_not_received`. */
export function summaryOf({ kind, amount, currency, reason, dueBy }: DisputeOutcome): string {
  const by = dueBy === undefined ? '' : `, to be answered by ${dueBy}`;
  return `${kinds[kind]} over ${formatMoney(amount, currency)}: ${reason}${by}`;
}

const kinds = { chargeback: 'Chargeback', inquiry: 'Inquiry', fraud_warning: 'Warning of fraud' };
