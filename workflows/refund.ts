/** Money back to the customer, followed until the provider says that it arrived. */
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { CancellationScope, ParentClosePolicy, setHandler, startChild } from '@temporalio/workflow';
import { callProvider, local } from './activities.ts';
import { listenForCaseAnswers } from './answers.ts';
import { deadlines } from './domain/limits.ts';
import type { RefundStatus } from './domain/states.ts';
import type { CaseState, RefundInput } from './messages.ts';
import { caseState, refundChanged, workflowIds } from './messages.ts';
import type { Record, Recorded } from './record.ts';
import { createRecord } from './record.ts';

export function refund(input: RefundInput): Promise<RefundStatus> {
  // It ends by its own rules only: a cancellation from outside would leave it half-way.
  return CancellationScope.nonCancellable(() => run(input));
}

async function run({ refundId }: RefundInput): Promise<RefundStatus> {
  const state: CaseState = { id: refundId, orderId: '', rev: 0, status: 'pending', incidents: [], timeline: [] };
  const record = createRecord({
    state,
    save: (current, mails) => local.saveCase({ kind: 'refund', state: current, mails }),
    mailKey: refundId,
    ended: ({ status }) => status !== 'pending',
  });
  setHandler(caseState, () => state);
  listenForCaseAnswers(record);
  const hints = listenForRefunds();

  const found = await record.must('load_refund', () => local.loadCase({ kind: 'refund', id: refundId }));
  state.orderId = found.orderId;
  // A refund that bounced after its end is followed anew, and its record goes on from where it stood.
  record.resumeAt(found.rev);
  for (;;) {
    const status = await payBack(record, refundId, hints);
    const heard = hints.count;
    state.status = status;
    record.changed(`Refund ${status}`);
    await record.saved();
    if (hints.count === heard) return status;
  }
}

/** Counts the provider's hints. Called before a workflow's first await, as every handler. */
export function listenForRefunds(): { count: number } {
  const hints = { count: 0 };
  setHandler(refundChanged, () => {
    hints.count += 1;
  });
  return hints;
}

/**
 * Sends one refund and waits for its end. A refund that the provider could not bring to the customer is an incident:
 * `retry` sends it anew, `skip` leaves it failed (paid back in another way). One that is disputed is the bank's to decide.
 */
export async function payBack<S extends Recorded>(
  record: Record<S>,
  refundId: string,
  hints: { count: number },
): Promise<RefundStatus> {
  let attempt = 1;
  for (;;) {
    const seen = hints.count;
    const sent = await record.must('refund', () =>
      callProvider('sendRefund', { summary: `Refund ${refundId}` }, { refundId, attempt }),
    );
    // A hint that came while the provider was read may tell of something newer.
    if (sent.status !== 'failed' && hints.count > seen) continue;
    if (sent.status === 'succeeded') {
      if (!sent.moneyless) record.mail('refunded', refundId);
      if (sent.sequel !== undefined) await startRefund(sent.sequel);
      if (sent.providerTaxes) {
        const taxes = () => callProvider('reverseTaxes', { summary: `Taxes of ${refundId}` }, { refundId });
        await record.step('reverse_taxes', taxes, { answers: ['retry', 'skip'] });
      }
      return 'succeeded';
    }
    if (sent.status === 'pending') {
      await record.waitFor('refund_settled', deadlines.refundSettled, () => hints.count > seen);
      continue;
    }
    if (sent.withheld) return 'failed';
    const given = await record.incident({
      cause: 'refund_failed',
      why: sent.why ?? 'The provider could not return the money',
      answers: ['retry', 'skip'],
    });
    if (given === 'skip') {
      await record.must('skip_refund', () => local.skipRefund({ refundId }));
      return 'failed';
    }
    attempt = sent.attempt + 1;
  }
}

/** One that is followed by itself, whoever has opened it. */
export async function startRefund(refundId: string): Promise<void> {
  try {
    await startChild('refund', {
      args: [{ refundId }],
      workflowId: workflowIds.refund(refundId),
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: `Refund ${refundId}`,
    });
  } catch (error) {
    // Whoever looks for refunds that nobody has begun with was faster.
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
