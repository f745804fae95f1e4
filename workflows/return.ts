/** Goods coming back: approved, labelled, received, inspected line by line, and paid back for what was received. */
import { allHandlersFinished, CancellationScope, condition } from '@temporalio/workflow';
import type { LoadedReturn } from './activities.ts';
import { callProvider, local } from './activities.ts';
import { deadlines } from './domain/limits.ts';
import type { ReturnStatus } from './domain/states.ts';
import { giveUpExchange, openExchange, settleWithExchange } from './exchange.ts';
import type { Actor, ReturnInput } from './messages.ts';
import { payBack } from './refund.ts';
import { sendAgain } from './reship.ts';
import { receiveGoods } from './return-arrival.ts';
import { createReturn, moveReturn, type Return } from './return-context.ts';
import { listenToReturnMessages } from './return-messages.ts';

/** The workflow type is `returnGoods`, as `return` is a keyword. */
export function returnGoods(input: ReturnInput): Promise<ReturnStatus> {
  // It ends by its own rules only: a cancellation from outside would leave it half-way.
  return CancellationScope.nonCancellable(() => run(input));
}

async function run({ returnId }: ReturnInput): Promise<ReturnStatus> {
  const work = createReturn(returnId);
  listenToReturnMessages(work);
  const { record } = work;
  const { state } = record;

  // 1. Approve, by policy or by a person. What the carrier brings back is on its way, whatever anybody says.
  const asked = await record.must('load_return', () => local.loadReturn({ returnId }));
  begin(work, asked);
  if (!work.parcel && !(await approve(work, asked))) return end(work);

  // The other goods are kept from here on, and called off where nothing comes back.
  if (asked.exchange) await openExchange(work);

  // 2. A label, and the customer's way to the post.
  if (!work.parcel) await sendLabel(work, asked);

  // 3. Receive what really comes, in one parcel or several. A return that never comes expires.
  let outcome = await receiveGoods(work);
  while (outcome !== 'here' && state.exchange && !(await giveUpExchange(work))) outcome = await receiveGoods(work);
  if (outcome === 'nothing' && work.parcel) {
    await settle(work, 'support');
    moveReturn(work, 'expired', 'The parcel is given up');
    return end(work);
  }
  if (outcome !== 'here') {
    const { actor, reason } = work.cancelled ?? {};
    if (outcome === 'nothing') moveReturn(work, 'expired', 'Nothing came back');
    else moveReturn(work, 'cancelled', 'Withdrawn', actor, reason);
    if (asked.label) await voidLabel(work);
    return end(work);
  }
  record.mail('return_received');

  // 4. Inspect: each unit is restocked, put aside, scrapped or sent back.
  const inspector = await inspect(work);
  moveReturn(work, 'inspected', 'Inspected', inspector);

  // 5. Settle what was received and accepted.
  await settle(work, inspector);
  moveReturn(work, 'completed', 'Return completed');
  return end(work);
}

function begin(work: Return, { orderId, parcel, late, decision, because, announced }: LoadedReturn): void {
  const { record } = work;
  record.state.orderId = orderId;
  work.isAsked = decision === 'ask';
  work.parcel = parcel;
  work.isAnnounced = announced;
  work.isLate = late;
  if (!parcel) return;
  record.state.status = 'in_transit';
  record.changed('On its way back', 'carrier', { why: because, after: 'in_transit' });
}

async function approve(work: Return, { decision, because }: LoadedReturn): Promise<boolean> {
  const { record } = work;
  if (decision === 'ask') {
    record.changed('A person has to decide', 'system', { why: because });
    await record.expect(
      'approval',
      deadlines.returnApproval,
      () => work.decision !== undefined || work.cancelled !== undefined,
    );
  }
  if (work.cancelled && !work.decision) {
    moveReturn(work, 'cancelled', 'Withdrawn', work.cancelled.actor, work.cancelled.reason);
    return false;
  }
  const approved = decision === 'approve' || work.decision?.approve === true;
  const why = decision === 'ask' ? work.decision?.reason : because;
  moveReturn(work, approved ? 'approved' : 'rejected', approved ? 'Approved' : 'Rejected', work.decision?.actor, why);
  if (!approved) record.mail('return_rejected');
  return approved;
}

async function sendLabel(work: Return, { label, announced }: LoadedReturn): Promise<void> {
  const { id: returnId, record } = work;
  const bought = label
    ? await record.step(
        'buy_return_label',
        () => callProvider('buyReturnLabel', { summary: `Return label of ${returnId}` }, { returnId }),
        { answers: ['retry', 'skip'] },
      )
    : undefined;
  if (announced) record.changed(bought ? 'Label bought' : 'No label: the customer sends it at their own cost');
  if (announced) record.mail('return_approved');
}

async function voidLabel({ id: reference, record }: Return): Promise<void> {
  const give = () => callProvider('voidLabels', { summary: 'Void the return label' }, { reference });
  await record.step('void_label', give, { answers: ['retry', 'skip'] });
}

/** Answers with who has done it. Where nothing came that could be stock there is nothing to do. */
async function inspect(work: Return): Promise<Actor> {
  const { record, id: returnId } = work;
  if (work.units > 0)
    await record.expect('inspection', deadlines.returnInspection, () => work.inspection !== undefined);
  const inspection = work.inspection ?? { lines: [], actor: 'system' };
  work.isSettled = true;
  await record.must('record_inspection', () => local.recordInspection({ returnId, ...inspection }));
  return inspection.actor;
}

/** The one place where it is decided what a return brings: its money or, of a parcel that came back, its goods once more. */
async function settle(work: Return, actor: Actor): Promise<void> {
  const { record, parcel } = work;
  const { state } = record;
  work.isSettled = true;
  if (parcel && state.resolution === 'reship') {
    state.reshipOrderId = await sendAgain(record, parcel);
    return;
  }
  const refundId = await settleWithExchange(work, actor);
  if (refundId === null) return;
  state.refundId = refundId;
  record.changed('Refund opened', actor);
  await payBack(record, refundId, work.refundHints);
}

/** What nobody knows whose it is stays to be answered. */
async function end({ record }: Return): Promise<ReturnStatus> {
  const { state } = record;
  await condition(() => state.incidents.length === 0);
  await record.saved();
  await condition(allHandlersFinished);
  return state.status;
}
