/** What a customer claims of goods that did not come as they should: decided, and refunded or sent again, without a return. */
import {
  allHandlersFinished,
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  setHandler,
} from '@temporalio/workflow';
import type { LocalSteps, SettledClaim } from './activities.ts';
import { commitDecision, local } from './activities.ts';
import { listenForAnswers } from './answers.ts';
import { listenForDeadlines } from './deadlines.ts';
import { deadlines } from './domain/limits.ts';
import { formatMoney } from './domain/money.ts';
import type { CustomerClaimStatus } from './domain/states.ts';
import { customerClaimStates, hasEnded, mayGo } from './domain/states.ts';
import type { Actor, CancelInput, ClaimInput, ClaimState, DecideClaimInput } from './messages.ts';
import * as messages from './messages.ts';
import type { Record } from './record.ts';
import { createRecord } from './record.ts';
import { listenForRefunds, payBack } from './refund.ts';
import { startLinked } from './reship.ts';

interface Claim {
  id: string;
  record: Record<ClaimState>;
  decision?: DecideClaimInput;
  withdrawn?: CancelInput;
  /** By a person or by the rule, and not withdrawn. */
  isDecided: boolean;
  refundHints: { count: number };
}

type Facts = Awaited<ReturnType<LocalSteps['loadClaim']>>;

export function claim(input: ClaimInput): Promise<CustomerClaimStatus> {
  // It ends by its own rules only: a cancellation from outside would leave it half-way.
  return CancellationScope.nonCancellable(() => run(input));
}

async function run({ claimId }: ClaimInput): Promise<CustomerClaimStatus> {
  const work = createClaim(claimId);
  listen(work);
  const { record } = work;

  // 1. Decide, by the store's rule or by a person.
  const facts = await record.must('load_claim', () => local.loadClaim({ claimId }));
  record.state.orderId = facts.orderId;
  record.changed(`Claimed: ${facts.kind}`, facts.openedBy);
  record.mail('claim_received');
  const decided = await decide(work, facts);
  if (decided === undefined) return end(work);

  // 2. Settle: the refund, or the order that sends again, is written. From here on it is this claim that does it.
  const { how, actor } = decided;
  work.isDecided = true;
  commitDecision();
  const settled = await record.must('settle_claim', () => local.settleClaim({ claimId, how, actor }));
  if (settled.how === 'otherwise') {
    move(work, 'withdrawn', 'Settled otherwise', 'system', settled.because);
    return end(work);
  }
  record.state.decision = { actor, how, why: decided.why };
  move(work, 'approved', `Approved: ${how}`, actor, decided.why);
  record.mail('claim_approved');
  if (facts.kind === 'lost_in_transit') await tellOrder(work, facts, how);

  // 3. Ask the carriers to pay for it.
  if (facts.kind !== 'wrong_item') await claimFromCarriers(work, facts);

  // 4. Pay back, or send again.
  if (settled.how === 'refund') await refund(work, settled);
  else await reship(work, settled);
  move(work, 'settled', 'Settled');
  return end(work);
}

/** @returns nothing where the claim has come to its end */
async function decide(
  work: Claim,
  asked: Facts,
): Promise<{ how: 'refund' | 'reship'; actor: Actor; why: string } | undefined> {
  const { record } = work;
  const isDecided = () => work.decision !== undefined || work.withdrawn !== undefined;
  if (asked.decision === 'ask') await record.expect('approval', deadlines.claimApproval, isDecided);
  const { withdrawn, decision } = work;
  if (withdrawn) {
    move(work, 'withdrawn', 'Withdrawn', withdrawn.actor, withdrawn.reason);
    return undefined;
  }
  if (!decision) return { how: asked.wants, actor: 'system', why: asked.because };
  const { actor, approve, how = asked.wants, reason: why } = decision;
  if (approve) return { how, actor, why };
  record.state.decision = { actor, why };
  move(work, 'rejected', 'Rejected', actor, why);
  record.mail('claim_rejected');
  return undefined;
}

/** Its workflow may be asking somebody about the parcels at this moment; it has ended where they came after all. */
async function tellOrder({ id: claimId }: Claim, { orderId, parcels }: Facts, how: 'refund' | 'reship'): Promise<void> {
  const order = getExternalWorkflowHandle(messages.workflowIds.order(orderId));
  const given = how === 'reship' ? 'reshipped' : 'refunded';
  for (const { parcelId } of parcels)
    await order.signal(messages.parcelClaimed, { parcelId, claimId, how: given }).catch(() => {});
}

async function claimFromCarriers({ id, record }: Claim, { orderId, kind, parcels }: Facts): Promise<void> {
  const opened: string[] = [];
  for (const { shipmentId, parcelId, units } of parcels) {
    const { claimId } = await record.must('open_claim', () =>
      local.openClaim({ orderId, shipmentId, parcelId, why: kind, claimed: { claimId: id, units } }),
    );
    opened.push(claimId);
  }
  record.state.carrierClaimIds = opened;
  record.changed(`Claimed from the carrier: ${opened.join(', ')}`);
}

async function refund(work: Claim, { refundId, amount, currency }: SettledClaim & { how: 'refund' }): Promise<void> {
  const { record } = work;
  if (refundId === null) {
    record.changed('Nothing is left to pay back of what was paid');
    return;
  }
  record.state.refundId = refundId;
  record.changed(`Refund ${refundId} of ${formatMoney(amount, currency)} opened`);
  const ended = await payBack(record, refundId, work.refundHints);
  record.changed(`Refund ${refundId} ${ended}`);
}

async function reship({ id, record }: Claim, { order }: SettledClaim & { how: 'reship' }): Promise<void> {
  await startLinked(order, `sent again for ${id}`);
  record.state.reshipOrderId = order.orderId;
  record.changed(`Sent again as ${order.orderId}`);
}

async function end(work: Claim): Promise<CustomerClaimStatus> {
  await work.record.saved();
  await condition(allHandlersFinished);
  return work.record.state.status;
}

function move(work: Claim, to: CustomerClaimStatus, what: string, actor: Actor = 'system', why?: string): void {
  const { state } = work.record;
  if (!mayGo(customerClaimStates, state.status, to)) throw new Error(`A claim cannot go from ${state.status} to ${to}`);
  const before = state.status;
  state.status = to;
  work.record.changed(what, actor, { why, before, after: to });
}

function createClaim(claimId: string): Claim {
  const record = createRecord<ClaimState>({
    state: { claimId, orderId: '', rev: 0, status: 'open', incidents: [], timeline: [] },
    mailKey: claimId,
    ended: ({ status }) => hasEnded(customerClaimStates, status),
    save: (state, mails) => local.saveClaim({ state, mails }),
  });
  return { id: claimId, record, isDecided: false, refundHints: { count: 0 } };
}

function listen(work: Claim): void {
  const { record } = work;
  const { state } = record;
  const whileOpen = () => {
    if (state.status !== 'open') throw new Error(`The claim is ${state.status}: what was decided stays`);
    if (work.decision || work.withdrawn || work.isDecided)
      throw new Error('The claim is being decided, or withdrawn, at this moment');
  };
  const decided = async () => {
    await condition(() => state.status !== 'open');
    await record.saved();
    return { status: state.status };
  };

  setHandler(messages.claimState, () => state);
  setHandler(
    messages.decideClaim,
    (input) => {
      commitDecision();
      work.decision = input;
      return decided();
    },
    { validator: (_input: DecideClaimInput) => whileOpen() },
  );
  setHandler(
    messages.withdrawClaim,
    (input) => {
      commitDecision();
      work.withdrawn = input;
      return decided();
    },
    { validator: (_input: CancelInput) => whileOpen() },
  );
  listenForAnswers(record);
  listenForDeadlines(record);
  work.refundHints = listenForRefunds();
}
