/** Our ledger of money beside the provider's balance: once for each day, after it is over. */
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  CancellationScope,
  condition,
  continueAsNew,
  getExternalWorkflowHandle,
  ParentClosePolicy,
  setHandler,
  sleep,
  startChild,
  WorkflowIdReusePolicy,
  workflowInfo,
} from '@temporalio/workflow';
import { callProvider, local, type OpenDifference } from './activities.ts';
import { listenForCaseAnswers } from './answers.ts';
import { deadlines } from './domain/limits.ts';
import { type CaseState, caseState, dayCompared, type ReconcileInput, workflowIds } from './messages.ts';
import { createRecord } from './record.ts';

/** The provider answers many others of our calls at the same time. */
const pauseBetweenPages = 500;

/** What the schedule starts: the days that are over and not done, the oldest first, read one after the other. */
export async function reconcileDue(): Promise<string[]> {
  const compared = new Set<string>();
  setHandler(dayCompared, ({ day }) => void compared.add(day));
  const days = await local.findDaysDue({ now: new Date().toISOString() });
  for (const day of days) {
    if (await begin(day)) await condition(() => compared.has(day), deadlines.reading);
  }
  return days;
}

/** False where it runs already. It goes on without us: a day's open differences keep no other day waiting. */
async function begin(day: string): Promise<boolean> {
  try {
    await startChild(reconcile, {
      workflowId: workflowIds.reconcile(day),
      args: [{ day }],
      staticSummary: `Reconciliation of ${day}`,
      parentClosePolicy: ParentClosePolicy.ABANDON,
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
    });
    return true;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
    throw error;
  }
}

export function reconcile(input: ReconcileInput): Promise<void> {
  // It ends by its own rules only: a cancellation from outside would leave it half-way.
  return CancellationScope.nonCancellable(() => run(input));
}

async function run({ day }: ReconcileInput): Promise<void> {
  const state: CaseState = { id: day, orderId: '', rev: 0, status: 'reading', incidents: [], timeline: [] };
  const record = createRecord({
    state,
    save: (current, mails) => local.saveCase({ kind: 'reconciliation', state: current, mails }),
    mailKey: workflowIds.reconcile(day),
    ended: ({ status }) => status === 'done',
  });
  setHandler(caseState, () => state);
  listenForCaseAnswers(record);
  const found = await record.must('load_reconciliation', () => local.loadCase({ kind: 'reconciliation', id: day }));
  record.resumeAt(found.rev);

  // 1. Read and compare, page by page. MongoDB knows where it goes on, so that a long day may go on in a new run.
  while (!(await readPage()).done) {
    await sleep(pauseBetweenPages, { summary: 'Between two pages' });
    await goOnInNewRun();
  }

  // 2. Sum up. The next day may begin: what is different keeps this one open only.
  let open = await sumUp();
  await tellParent();

  // 3. Somebody decides about each difference. One that a repair did not settle comes again.
  state.status = 'open';
  while (open.length > 0) {
    await Promise.all(open.map(settle));
    await record.saved();
    await goOnInNewRun();
    open = await sumUp();
  }
  state.status = 'done';
  record.changed('Reconciled');
  await record.saved();

  function readPage(): Promise<{ done: boolean }> {
    const read = () => callProvider('reconcilePage', { summary: `The next page of ${day}` }, { day });
    return record.must('read_balance', read);
  }

  function sumUp(): Promise<OpenDifference[]> {
    const summing = () => callProvider('sumUpDay', { summary: `The sums and differences of ${day}` }, { day });
    return record.must('sum_up_balance', summing);
  }

  async function settle({ key, orderId, why, answers }: OpenDifference): Promise<void> {
    const given = await record.incident({ cause: 'reconciliation', orderId, why, answers });
    if (given === 'repair') {
      const repair = () => callProvider('repairDifference', { summary: `Repair of ${key}` }, { day, key });
      await record.step('repair_books', repair, { answers: ['retry', 'skip'] });
    } else await local.skipDifference({ day, key });
  }

  /** Called only where nobody is waited for. */
  async function goOnInNewRun(): Promise<void> {
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof reconcile>({ day });
  }

  async function tellParent(): Promise<void> {
    const { parent } = workflowInfo();
    if (!parent) return;
    await getExternalWorkflowHandle(parent.workflowId)
      .signal(dayCompared, { day })
      .catch(() => {});
  }
}
