/** A chargeback or inquiry, from the day the bank opens it to its decision. Goods that are still here stay here. */
import { CancellationScope, getExternalWorkflowHandle, setHandler } from '@temporalio/workflow';
import { callProvider, local } from './activities.ts';
import { deadlines } from './domain/limits.ts';
import type { DisputeStatus } from './domain/states.ts';
import type { CaseState, DisputeInput } from './messages.ts';
import { answerIncident, answerSignal, caseState, disputeChanged, holdOrder, workflowIds } from './messages.ts';
import { createRecord } from './record.ts';

export function dispute(input: DisputeInput): Promise<DisputeStatus> {
  // It ends by its own rules only: a cancellation from outside would leave it half-way.
  return CancellationScope.nonCancellable(() => run(input));
}

async function run({ disputeId }: DisputeInput): Promise<DisputeStatus> {
  const state: CaseState = { id: disputeId, orderId: '', rev: 0, status: 'open', incidents: [], timeline: [] };
  const record = createRecord({
    state,
    save: (current, mails) => local.saveCase({ kind: 'dispute', state: current, mails }),
    mailKey: disputeId,
    ended: ({ status }) => status !== 'open',
  });
  let hints = 0;
  setHandler(disputeChanged, () => {
    hints += 1;
  });
  setHandler(caseState, () => state);
  setHandler(answerSignal, (input) => void record.answer(input));
  setHandler(answerIncident, (input) => ({ applied: record.answer(input) }));

  const found = await record.must('load_dispute', () => local.loadCase({ kind: 'dispute', id: disputeId }));
  state.orderId = found.orderId;
  record.resumeAt(found.rev);
  const patience = found.dueBy === undefined ? deadlines.disputeClosed : untilDue(found.dueBy);
  let seen = hints;
  let status = await read();

  // 1. Hold what has not left yet. An order that has ended has nothing to hold.
  if (status === 'open') {
    record.changed('Dispute opened', 'provider');
    await getExternalWorkflowHandle(workflowIds.order(found.orderId))
      .signal(holdOrder, { actor: 'system', reason: `Dispute ${disputeId}` })
      .catch(() => {});
  }

  // 2. Wait for the bank. Each hint makes us read the provider; past the deadline somebody looks.
  while (status === 'open') {
    await record.expect('dispute_closed', patience, () => hints > seen);
    seen = hints;
    status = await read();
  }
  state.status = status;
  record.changed(`Dispute ${status}`, 'provider');
  await record.saved();
  return status;

  async function read(): Promise<DisputeStatus> {
    const reading = await record.must('read_dispute', () =>
      callProvider('readDispute', { summary: 'Read the dispute' }, { disputeId }),
    );
    return reading.status;
  }
}

/** The bank decides weeks after the evidence is due: https://docs.stripe.com/disputes/how-disputes-work */
function untilDue(dueBy: string): number {
  return Math.max(0, Date.parse(dueBy) - Date.now()) + deadlines.disputeClosed;
}
