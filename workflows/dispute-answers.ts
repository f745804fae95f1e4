/** How a dispute is answered: by a person, or by itself when the time for it comes. */
import type { DisputeOutcome } from './activities.ts';
import { callProvider } from './activities.ts';
import type { Dispute } from './dispute-context.ts';
import { readDispute, refund, signalOrders, summaryOf } from './dispute-context.ts';
import { deadlines } from './domain/limits.ts';
import type { Answer } from './messages.ts';
import { cancelSignal } from './messages.ts';
import { StepOverdue } from './record.ts';

/**
 * The evidence is shown in the provider's dashboard at once, and anew when there is more of it. It is sent by support's
 * word, when it proves what is asked for, or a day before it is due.
 */
export async function answerBank(dispute: Dispute, asked: DisputeOutcome): Promise<DisputeOutcome> {
  const { record } = dispute;
  const sendAt = Date.parse(asked.dueBy!) - deadlines.evidenceSent;
  const question = ask(dispute, asked, asked.kind === 'inquiry' ? ['submit', 'refund'] : ['submit', 'accept']);
  let staged: DisputeOutcome & { delivered: boolean } = { ...asked, delivered: false };
  let shown = -1;
  try {
    for (;;) {
      const { news } = dispute;
      if (news > shown) staged = (await stage(dispute, sendAt)) ?? staged;
      else staged = { ...staged, ...(await readDispute(dispute)) };
      shown = news;
      if (!staged.isAsked || staged.kind !== asked.kind) return staged;
      if (staged.delivered && staged.reason === 'product_not_received') return await send(dispute, 'it was delivered');

      const heard = () => question.given !== undefined || dispute.hints > dispute.seen || dispute.news > news;
      const waited = await record.waitFor('evidence', Math.max(0, sendAt - Date.now()), heard);
      if (waited === 'overdue') return await send(dispute, 'it is due');
      if (question.given === 'submit') return await send(dispute, 'support says so');
      if (question.given === 'accept') return await giveIn(dispute);
      if (question.given === 'refund') return await refundInquiry(dispute);
    }
  } finally {
    question.isOver = true;
  }
}

/** A chargeback is likely. Who pays back before it comes pays no fee, and loses nothing else. */
export async function answerWarning(dispute: Dispute, warned: DisputeOutcome): Promise<DisputeOutcome> {
  const { record } = dispute;
  const question = ask(dispute, warned, ['refund', 'skip']);
  const until = Date.now() + deadlines.disputeClosed;
  let now = warned;
  try {
    while (now.status === 'open') {
      const heard = () => question.given !== undefined || dispute.hints > dispute.seen;
      const waited = await record.waitFor('fraud_warning', Math.max(0, until - Date.now()), heard);
      dispute.holdStays = question.given !== 'skip';
      if (waited === 'overdue' || question.given === 'skip') return { ...now, status: 'closed' };
      if (question.given === 'refund') {
        // Of what has not been paid for yet, nothing will be.
        await signalOrders(dispute, cancelSignal, { actor: 'support', reason: `Warning of fraud ${dispute.id}` });
        await refund(dispute, 'left');
        return { ...now, status: 'closed' };
      }
      now = await readDispute(dispute);
    }
    return now;
  } finally {
    question.isOver = true;
  }
}

interface Question {
  given?: Answer;
  isOver: boolean;
}

/** An incident beside the story: what happens meanwhile does not take it away. */
function ask({ record }: Dispute, about: DisputeOutcome, answers: Answer[]): Question {
  const question: Question = { isOver: false };
  void record
    .incident({ cause: 'dispute_opened', why: summaryOf(about), answers }, () => question.isOver)
    .then((given) => {
      if (given !== 'withdrawn') question.given = given;
    });
  return question;
}

/** What cannot be shown can perhaps be sent: it is not waited for beyond the time to send it. */
async function stage(dispute: Dispute, until: number): Promise<(DisputeOutcome & { delivered: boolean }) | undefined> {
  const { id, record } = dispute;
  dispute.seen = dispute.hints;
  const show = () => callProvider('stageEvidence', { summary: 'Show the evidence' }, { disputeId: id });
  try {
    return await record.step('stage_evidence', show, { answers: ['retry', 'skip'], until });
  } catch (error) {
    if (error instanceof StepOverdue) return undefined;
    throw error;
  }
}

async function send(dispute: Dispute, because: string): Promise<DisputeOutcome> {
  const { id, record } = dispute;
  dispute.seen = dispute.hints;
  const outcome = await record.must('submit_evidence', () =>
    callProvider('submitEvidence', { summary: 'Send the evidence' }, { disputeId: id }),
  );
  record.changed(`Evidence sent: ${because}`);
  return outcome;
}

async function giveIn(dispute: Dispute): Promise<DisputeOutcome> {
  const { id, record } = dispute;
  dispute.seen = dispute.hints;
  record.changed('Given in to the bank', 'support');
  return record.must('accept_dispute', () => callProvider('acceptDispute', { summary: 'Give in' }, { disputeId: id }));
}

/** An inquiry whose payment was refunded is over, also where the bank takes its time to say so. */
async function refundInquiry(dispute: Dispute): Promise<DisputeOutcome> {
  const paid = await refund(dispute, 'left');
  const now = await readDispute(dispute);
  return paid && now.kind === 'inquiry' && now.status === 'open' ? { ...now, status: 'closed' } : now;
}
