/**
 * A chargeback, an inquiry or a warning of fraud, from the day the bank opens it to its decision. Goods that are still
 * here stay here, the bank is answered with what we know, and what was owed meanwhile is paid back in the end.
 */
import { CancellationScope, condition, setHandler } from '@temporalio/workflow';
import type { DisputeOutcome } from './activities.ts';
import { local } from './activities.ts';
import { listenForCaseAnswers } from './answers.ts';
import { answerBank, answerWarning } from './dispute-answers.ts';
import type { Dispute } from './dispute-context.ts';
import { readDispute, refund, signalOrders, summaryOf } from './dispute-context.ts';
import { deadlines } from './domain/limits.ts';
import type { DisputeStatus } from './domain/states.ts';
import type { CaseState, DisputeInput } from './messages.ts';
import { caseState, disputeChanged, evidenceChanged, orderDisputed } from './messages.ts';
import { createRecord } from './record.ts';
import { listenForRefunds } from './refund.ts';

export function dispute(input: DisputeInput): Promise<DisputeStatus> {
  // It ends by its own rules only: a cancellation from outside would leave it half-way.
  return CancellationScope.nonCancellable(() => run(input));
}

async function run({ disputeId }: DisputeInput): Promise<DisputeStatus> {
  const dispute = listen(disputeId);
  const { record, state } = dispute;
  const found = await record.must('load_dispute', () => local.loadCase({ kind: 'dispute', id: disputeId }));
  state.orderId = found.orderId;
  // An inquiry that was over can become a chargeback, and money can come back late: the record goes on.
  state.status = found.status;
  record.resumeAt(found.rev);
  let now = await readDispute(dispute);
  state.status = now.status;
  record.changed(summaryOf(now), 'provider');

  // 1. Hold what has not left yet. An order that has ended has nothing to hold.
  await tellOrders(dispute, now);

  // 2. Answer, once, and wait for the bank. An inquiry can become a chargeback, which is answered anew.
  while (!isOver(now)) {
    now = await goOn(dispute, now);
    state.status = now.status;
  }
  record.changed(`Dispute ${now.status}`, 'provider');

  // 3. What the bank left us goes on as if nothing had been: the hold ends, and what was owed meanwhile is paid back.
  if (!dispute.holdStays) await tellOrders(dispute, now);
  if (now.kind === 'chargeback') await refund(dispute, 'owed');
  await condition(() => state.incidents.length === 0);
  record.changed();
  await record.saved();
  return now.status;
}

/** Every handler stands before the first await: messages can come before the story's first line. */
function listen(disputeId: string): Dispute {
  const state: CaseState = { id: disputeId, orderId: '', rev: 0, status: 'open', incidents: [], timeline: [] };
  const record = createRecord({
    state,
    save: (current, mails) => local.saveCase({ kind: 'dispute', state: current, mails }),
    mailKey: disputeId,
    ended: ({ status }) => status !== 'open',
  });
  const dispute: Dispute = {
    id: disputeId,
    record,
    state,
    hints: 0,
    seen: 0,
    news: 0,
    refundHints: listenForRefunds(),
    holdStays: false,
  };
  setHandler(disputeChanged, () => {
    dispute.hints += 1;
  });
  setHandler(evidenceChanged, () => {
    dispute.news += 1;
  });
  setHandler(caseState, () => state);
  listenForCaseAnswers(record);
  return dispute;
}

function isOver({ status, isMissing }: DisputeOutcome): boolean {
  return status !== 'open' && !isMissing;
}

function goOn(dispute: Dispute, now: DisputeOutcome): Promise<DisputeOutcome> {
  if (now.kind === 'fraud_warning') return answerWarning(dispute, now);
  const inTime = now.dueBy !== undefined && Date.parse(now.dueBy) > Date.now();
  return now.isAsked && inTime ? answerBank(dispute, now) : waitForBank(dispute, now);
}

/** Each hint makes us read the provider; past the deadline somebody looks. It decides weeks after the evidence is due. */
async function waitForBank(dispute: Dispute, { dueBy }: DisputeOutcome): Promise<DisputeOutcome> {
  const { record } = dispute;
  const heard = () => dispute.hints > dispute.seen;
  const until = (dueBy === undefined ? Date.now() : Math.max(Date.now(), Date.parse(dueBy))) + deadlines.disputeClosed;
  if ((await record.waitFor('dispute_closed', until - Date.now(), heard)) === 'overdue') {
    // Whatever was not heard, the provider has the last word.
    const now = await readDispute(dispute);
    if (isOver(now)) return now;
    const why = 'The bank has not decided in its time, or the money that was won is not back';
    await record.incident({ cause: 'overdue_dispute_closed', why, answers: ['retry'] }, heard);
  }
  return readDispute(dispute);
}

/** And those in exchange, which its money has paid for. */
async function tellOrders(dispute: Dispute, { kind, status }: DisputeOutcome): Promise<void> {
  await signalOrders(dispute, orderDisputed, { disputeId: dispute.id, kind, status });
}
