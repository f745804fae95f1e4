/** Goods coming back: approved, labelled, received, inspected line by line, and paid back for what was received. */
import { allHandlersFinished, CancellationScope, condition, setHandler } from '@temporalio/workflow';
import { callProvider, local } from './activities.ts';
import { listenForDeadlines } from './deadlines.ts';
import { deadlines } from './domain/limits.ts';
import type { ReturnStatus } from './domain/states.ts';
import { hasEnded, mayGo, returnStates } from './domain/states.ts';
import type {
  Actor,
  CancelInput,
  DecideReturnInput,
  InspectReturnInput,
  ReceiveReturnInput,
  ReturnInput,
  ReturnState,
} from './messages.ts';
import * as messages from './messages.ts';
import type { Record } from './record.ts';
import { createRecord } from './record.ts';
import { listenForRefunds, payBack } from './refund.ts';

interface Return {
  id: string;
  record: Record<ReturnState>;
  decision?: DecideReturnInput;
  reception?: ReceiveReturnInput;
  inspection?: InspectReturnInput;
  cancelled?: CancelInput;
  refundHints: { count: number };
}

/** The workflow type is `returnGoods`, as `return` is a keyword. */
export function returnGoods(input: ReturnInput): Promise<ReturnStatus> {
  // It ends by its own rules only: a cancellation from outside would leave it half-way.
  return CancellationScope.nonCancellable(() => run(input));
}

async function run({ returnId }: ReturnInput): Promise<ReturnStatus> {
  const work = createReturn(returnId);
  listen(work);
  const { record } = work;
  const { state } = record;

  // 1. Approve, by policy or by a person.
  const asked = await record.must('load_return', () => local.loadReturn({ returnId }));
  state.orderId = asked.orderId;
  const approved = await approve(work, asked);
  if (!approved) return end(work);

  // 2. A label, and the customer's way to the post.
  const label = await record.step(
    'buy_return_label',
    () => callProvider('buyReturnLabel', { summary: `Return label of ${returnId}` }, { returnId }),
    { answers: ['retry', 'skip'] },
  );
  record.changed(label ? 'Label bought' : 'No label: the customer sends it at their own cost');
  record.mail('return_approved');

  // 3. Wait for the goods. A return that never comes expires.
  const arrived = await record.waitFor(
    'return_arrival',
    deadlines.returnArrival,
    () => work.reception !== undefined || work.cancelled !== undefined,
  );
  if (work.reception === undefined) {
    move(work, arrived === 'overdue' ? 'expired' : 'cancelled', 'Nothing came back', work.cancelled?.actor);
    await record.step(
      'void_label',
      () => callProvider('voidLabels', { summary: 'Void the return label' }, { reference: returnId }),
      { answers: ['retry', 'skip'] },
    );
    return end(work);
  }

  // 4. Receive what really came.
  const reception = work.reception;
  await record.must('record_reception', () => local.recordReception({ returnId, ...reception }));
  move(work, 'received', 'Received', reception.actor);

  // 5. Inspect: each unit is restocked, put aside, scrapped or sent back.
  await record.expect('inspection', deadlines.returnInspection, () => work.inspection !== undefined);
  const inspection = work.inspection!;
  const { refundId } = await record.must('record_inspection', () =>
    local.recordInspection({ returnId, ...inspection }),
  );
  state.refundId = refundId ?? undefined;
  move(work, 'inspected', 'Inspected', inspection.actor);

  // 6. Pay back what was received and accepted.
  if (refundId !== null) await payBack(record, refundId, work.refundHints);
  move(work, 'completed', 'Return completed');
  return end(work);
}

async function approve(
  work: Return,
  asked: { decision: 'approve' | 'ask' | 'refuse'; because: string },
): Promise<boolean> {
  const { record } = work;
  if (asked.decision === 'ask') {
    await record.expect(
      'approval',
      deadlines.returnApproval,
      () => work.decision !== undefined || work.cancelled !== undefined,
    );
    if (work.cancelled) {
      move(work, 'cancelled', work.cancelled.reason, work.cancelled.actor);
      return false;
    }
  }
  const approved = asked.decision === 'approve' || work.decision?.approve === true;
  const because = work.decision?.reason ?? asked.because;
  move(work, approved ? 'approved' : 'rejected', approved ? 'Approved' : 'Rejected', work.decision?.actor, because);
  if (!approved) record.mail('return_rejected');
  return approved;
}

async function end(work: Return): Promise<ReturnStatus> {
  await work.record.saved();
  await condition(allHandlersFinished);
  return work.record.state.status;
}

function move(work: Return, to: ReturnStatus, what: string, actor: Actor = 'system', why?: string): void {
  const { state } = work.record;
  if (!mayGo(returnStates, state.status, to)) throw new Error(`A return cannot go from ${state.status} to ${to}`);
  const before = state.status;
  state.status = to;
  work.record.changed(what, actor, { why, before, after: to });
}

function createReturn(returnId: string): Return {
  const record = createRecord<ReturnState>({
    state: { returnId, orderId: '', rev: 0, status: 'requested', incidents: [], timeline: [] },
    mailKey: returnId,
    ended: ({ status }) => hasEnded(returnStates, status),
    save: (state, mails) => local.saveReturn({ state, mails }),
  });
  return { id: returnId, record, refundHints: { count: 0 } };
}

function listen(work: Return): void {
  const { record } = work;
  const { state } = record;
  const passed = (...statuses: ReturnStatus[]) => !statuses.includes(state.status);
  const when = (...statuses: ReturnStatus[]) => {
    if (!statuses.includes(state.status))
      throw new Error(`The return is ${state.status}; this needs ${statuses.join(' or ')}`);
  };

  setHandler(messages.returnState, () => state);
  setHandler(
    messages.decideReturn,
    async (input) => {
      work.decision ??= input;
      await condition(() => passed('requested'));
      await record.saved();
      return { status: state.status };
    },
    { validator: (_input: DecideReturnInput) => when('requested') },
  );
  setHandler(
    messages.receiveReturn,
    async (input) => {
      work.reception ??= input;
      await condition(() => passed('approved', 'in_transit'));
      await record.saved();
      return { status: state.status };
    },
    { validator: (_input: ReceiveReturnInput) => when('approved', 'in_transit') },
  );
  setHandler(
    messages.inspectReturn,
    async (input) => {
      work.inspection ??= input;
      await condition(() => passed('received'));
      await record.saved();
      return { status: state.status };
    },
    { validator: (_input: InspectReturnInput) => when('received') },
  );
  setHandler(
    messages.cancelReturn,
    async (input) => {
      work.cancelled ??= input;
      await condition(() => hasEnded(returnStates, state.status) || passed('requested', 'approved'));
      await record.saved();
      return { status: state.status };
    },
    { validator: (_input: CancelInput) => when('requested', 'approved') },
  );
  setHandler(messages.returnMoved, ({ status }) => {
    if (work.cancelled) return;
    if (status === 'in_transit' && state.status === 'approved') move(work, 'in_transit', 'On its way back', 'carrier');
  });
  setHandler(messages.answerSignal, (input) => void record.answer(input));
  setHandler(messages.answerIncident, async (input) => {
    const applied = record.answer(input);
    await record.saved();
    return { applied };
  });
  listenForDeadlines(record);
  work.refundHints = listenForRefunds();
}
