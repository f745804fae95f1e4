/**
 * What a workflow knows of itself: numbered, written to MongoDB as a whole by one writer that coalesces, and shown in
 * the Temporal UI. Besides that the two things a step can wait for: an event with a deadline, and an answer to an incident.
 */
import {
  CancellationScope,
  condition,
  isCancellation,
  log,
  rootCause,
  setCurrentDetails,
  sleep,
  TemporalFailure,
  uuid4,
  workflowInfo,
} from '@temporalio/workflow';
import type { Mail, MailTemplate } from './activities.ts';
import { deadlines } from './domain/limits.ts';
import type {
  Actor,
  Answer,
  AnswerInput,
  ChangeDetails,
  DeadlineInput,
  Incident,
  TimelineEntry,
  WaitingFor,
} from './messages.ts';

export interface Recorded {
  rev: number;
  status: string;
  incidents: Incident[];
  waitingFor?: WaitingFor | undefined;
  timeline: TimelineEntry[];
}

interface Wait {
  /** Absent where it is nobody's business. */
  event: string | undefined;
  deadline: string;
  overdue: boolean;
}

export interface RecordOptions<S extends Recorded> {
  state: S;
  save(state: S, mails: Mail[]): Promise<void>;
  /**
   * Runs before each save: derive what is derived, and where the workflow comes to rest, tell the search attributes. It is
   * not at rest while all of it is in the middle of a step.
   */
  beforeSave?(state: S, atRest: boolean): void;
  /** True once nothing more will happen: then nothing is waited for. */
  ended(state: S): boolean;
  /** The key prefix of this workflow's mails: one mail a key, ever. */
  mailKey: string;
}

export type Record<S extends Recorded = Recorded> = ReturnType<typeof createRecord<S>>;

/** A person answered an incident with `cancel`: the step and what hangs on it are given up. */
export class StepCancelled extends Error {
  constructor(step: string) {
    super(`The step ${step} was cancelled by an answer to its incident`);
  }
}

/** A step was not done when its time was up. */
export class StepOverdue extends Error {
  constructor(step: string) {
    super(`The step ${step} was not done in its time`);
  }
}

/** More changes than these between two events would be a bug. */
const revsPerEvent = 100;

export function createRecord<S extends Recorded>({ state, save, beforeSave, ended, mailKey }: RecordOptions<S>) {
  const mails: Mail[] = [];
  const waits = new Set<Wait>();
  const answers = new Map<string, Answer>();
  /** Deadlines that somebody has set, by event. */
  const moved = new Map<string, string>();
  let savedRev = state.rev;
  let firstRev = 0;
  let watching = false;
  let savingWith = false;
  let announced: WaitingFor | undefined;

  /**
   * Says that the state changed; with a text, the change becomes part of the timeline. The revision grows with the
   * history: a workflow task that failed after it had saved is run again, perhaps with other messages, and what it
   * saves then has to win over what it saved before.
   */
  function changed(what?: string, actor: Actor = 'system', details: ChangeDetails = {}): void {
    state.rev = Math.max(state.rev + 1, firstRev + workflowInfo().historyLength * revsPerEvent);
    if (what !== undefined) state.timeline.push({ at: new Date().toISOString(), what, actor, ...details });
  }

  /** Goes on with a record that an earlier run has written. */
  function resumeAt(rev: number): void {
    firstRev = rev;
  }

  function mail(template: MailTemplate, about = ''): void {
    mails.push({ key: `${mailKey}:${template}${about === '' ? '' : `:${about}`}`, template });
  }

  /** Resolves once everything up to now is in MongoDB. */
  async function saved(): Promise<void> {
    const rev = state.rev;
    await condition(() => savedRev >= rev);
  }

  async function write(): Promise<never> {
    for (;;) {
      await condition(() => state.rev > savedRev && !savingWith);
      try {
        await saveBy(save);
      } catch (error) {
        // The facts cannot be written now. The workflow keeps them and tries again, however long that takes.
        log.warn('Saving failed; trying again in 10 s', { why: rootCause(error) });
        await sleep('10s');
      }
    }
  }

  async function saveBy<T>(write: (state: S, mails: Mail[]) => Promise<T>): Promise<T> {
    const waiting = earliest(waits);
    state.waitingFor = ended(state) ? undefined : (waiting ?? announced);
    beforeSave?.(state, waiting !== undefined || savingWith || state.incidents.length > 0);
    setCurrentDetails(describe(state));
    const rev = state.rev;
    const due = mails.splice(0);
    try {
      const result = await write(state, due);
      savedRev = Math.max(savedRev, rev);
      return result;
    } catch (error) {
      mails.unshift(...due);
      throw error;
    }
  }

  /**
   * Runs a step that writes the state in the transaction of its own facts, so that it needs no write of its own.
   * `next` is what will be waited for after it.
   */
  async function savedWith<T>(
    next: { event: string; ms: number },
    write: (state: S, mails: Mail[]) => Promise<T>,
  ): Promise<T> {
    changed();
    savingWith = true;
    announced = { event: next.event, deadline: deadlineIn(next.ms) };
    try {
      return await saveBy(write);
    } finally {
      savingWith = false;
    }
  }

  /**
   * Waits until the condition holds or its deadline passes. The event is shown as what the workflow waits for; without one
   * it is a timer of its own, and not what anybody waits for.
   */
  async function waitFor(event: string | undefined, ms: number, until: () => boolean): Promise<'done' | 'overdue'> {
    if (event !== undefined) announced = undefined;
    if (until()) return 'done';
    const wait: Wait = { event, deadline: movedDeadline(event) ?? deadlineIn(ms), overdue: false };
    waits.add(wait);
    if (!isShown(earliest(waits), state.waitingFor)) changed();
    if (!watching) void CancellationScope.nonCancellable(watchDeadlines);
    try {
      await condition(() => until() || wait.overdue);
      return until() ? 'done' : 'overdue';
    } finally {
      waits.delete(wait);
    }
  }

  /** A deadline that somebody has set counts until it has passed, however often the event is waited for meanwhile. */
  function movedDeadline(event: string | undefined): string | undefined {
    const deadline = event === undefined ? undefined : moved.get(event);
    return deadline !== undefined && Date.parse(deadline) > Date.now() ? deadline : undefined;
  }

  /** What comes under this name next is something else. */
  function forgetDeadline(event: string): void {
    moved.delete(event);
  }

  function waitsFor(event: string): boolean {
    return [...waits].some((wait) => wait.event === event);
  }

  /** Until when an event is waited for, where it is. */
  function deadlineOf(event: string): string | undefined {
    return [...waits].find((wait) => wait.event === event)?.deadline;
  }

  /** Shortens or extends what is waited for; a time that has passed ends the waiting at once. */
  function setDeadline({ event, deadline, actor, reason }: DeadlineInput): void {
    const meant = [...waits].filter((wait) => wait.event === event);
    if (meant.length === 0) return;
    const before = earliest(new Set(meant))?.deadline;
    moved.set(event, deadline);
    for (const wait of meant) Object.assign(wait, { deadline, overdue: false });
    changed(`Deadline of ${event} moved`, actor, { why: reason, before, after: deadline });
  }

  /**
   * One timer for all waits: it is armed for the earliest deadline and re-armed only when an earlier one appears, so an
   * event that comes in time costs no timer of its own.
   */
  async function watchDeadlines(): Promise<void> {
    watching = true;
    // Not before all that begins in this moment has said what it waits for.
    let looks = 0;
    await condition(() => looks++ > 0);
    const next = () => Math.min(...[...waits].filter((wait) => !wait.overdue).map((wait) => Date.parse(wait.deadline)));
    while (next() !== Number.POSITIVE_INFINITY) {
      const armed = next();
      await condition(() => next() < armed, Math.max(1, armed - Date.now()), { summary: 'Earliest deadline' });
      for (const wait of waits) if (Date.parse(wait.deadline) <= Date.now()) wait.overdue = true;
    }
    watching = false;
  }

  /**
   * Parks a part of the workflow until a person answers, until `withdrawn` says that the reason is gone, or until a
   * time in milliseconds since 1970 where there is one.
   */
  async function incident(
    report: Pick<Incident, 'cause' | 'why' | 'answers' | 'shipmentId' | 'orderId'>,
    withdrawn: () => boolean = () => false,
    until?: number,
  ): Promise<Answer | 'withdrawn'> {
    const open: Incident = { id: `inc_${uuid4()}`, since: new Date().toISOString(), ...report };
    state.incidents.push(open);
    // The step does not go on by itself.
    announced = undefined;
    changed(`Needs attention: ${report.cause}. ${report.why}`);
    try {
      const settled = () => answers.has(open.id) || withdrawn();
      if (until === undefined) await condition(settled);
      else await waitFor('answer', until - Date.now(), settled);
      return answers.get(open.id) ?? 'withdrawn';
    } finally {
      state.incidents = state.incidents.filter((other) => other.id !== open.id);
      changed();
    }
  }

  /** True where the answer was applied; an incident that is not open, or does not offer the answer, ignores it. */
  function answer({ incidentId, answer: given, actor }: AnswerInput, why?: string): boolean {
    const open = state.incidents.find((other) => other.id === incidentId);
    if (open === undefined || answers.has(incidentId) || !open.answers.includes(given)) return false;
    answers.set(incidentId, given);
    changed(`Answered ${open.cause} with ${given}`, actor, { why });
    return true;
  }

  /**
   * Runs a step until it succeeds. Where it cannot succeed by itself, an incident is raised and its answer decides:
   * `retry` and `amend` run it again, `skip` goes on with undefined, everything else gives it up. At `until`, in
   * milliseconds since 1970, the incident ends too; and as soon as nobody `isNeeded`, with undefined as well.
   *
   * @throws StepCancelled, or StepOverdue past `until`
   */
  async function step<T>(
    cause: string,
    run: () => Promise<T>,
    options: { shipmentId?: string | undefined; answers?: Answer[]; until?: number; isNeeded?: () => boolean } = {},
  ): Promise<T | undefined> {
    const { shipmentId, answers: offered = ['retry', 'cancel'], until, isNeeded = () => true } = options;
    for (;;) {
      announced = { event: cause, deadline: deadlineIn(until === undefined ? deadlines.provider : until - Date.now()) };
      try {
        return await run();
      } catch (error) {
        // A local activity's failure comes as it is, without an ActivityFailure around it.
        if (isCancellation(error) || !(error instanceof TemporalFailure)) throw error;
        const overdue = () => until !== undefined && Date.now() >= until;
        if (overdue()) throw new StepOverdue(cause);
        const why = rootCause(error) ?? error.message;
        const given = await incident({ cause, why, answers: offered, shipmentId }, () => !isNeeded(), until);
        if (overdue()) throw new StepOverdue(cause);
        if (given === 'skip' || !isNeeded()) return undefined;
        if (given !== 'retry' && given !== 'amend') throw new StepCancelled(cause);
      }
    }
  }

  /** A step that has to succeed before the workflow may end: its incident offers `retry` only. */
  async function must<T>(cause: string, run: () => Promise<T>): Promise<T> {
    return (await step(cause, run, { answers: ['retry'] })) as T;
  }

  /**
   * Waits for an event; past its deadline somebody is asked, and the event may still come meanwhile.
   *
   * @throws StepCancelled where `cancel` is among the answers and is given
   */
  async function expect(
    event: string,
    ms: number,
    until: () => boolean,
    options: { shipmentId?: string; answers?: Answer[] } = {},
  ): Promise<void> {
    while ((await waitFor(event, ms, until)) === 'overdue') {
      const { shipmentId, answers = ['retry'] } = options;
      const why = `Nothing heard of ${event} in time`;
      const given = await incident({ cause: `overdue_${event}`, why, answers, shipmentId }, until);
      if (given === 'withdrawn') return;
      if (given === 'cancel') throw new StepCancelled(event);
    }
  }

  void CancellationScope.nonCancellable(write);
  return {
    ...{ state, resumeAt, changed, mail, saved, savedWith, waitFor, waitsFor, deadlineOf, setDeadline, forgetDeadline },
    ...{ expect, incident, answer, step, must },
  };
}

/** Of those that are shown. */
function earliest(waits: ReadonlySet<Wait>): WaitingFor | undefined {
  let first: WaitingFor | undefined;
  for (const { event, deadline } of waits)
    if (event !== undefined && (first === undefined || deadline < first.deadline)) first = { event, deadline };
  return first;
}

function deadlineIn(ms: number): string {
  return new Date(Date.now() + ms).toISOString();
}

/** The same event with a deadline a moment later is no news. */
function isShown(next: WaitingFor | undefined, shown: WaitingFor | undefined): boolean {
  if (next === undefined || shown?.event !== next.event) return false;
  return Math.abs(Date.parse(next.deadline) - Date.parse(shown.deadline)) < 60_000;
}

/** The current details in the Temporal UI, as Markdown. */
function describe(state: Recorded): string {
  const lines = [`**Status:** ${state.status}`];
  if (state.waitingFor) lines.push(`**Waits for:** ${state.waitingFor.event}, until ${state.waitingFor.deadline}`);
  for (const open of state.incidents) {
    lines.push(
      `**Needs attention:** \`${open.cause}\` ${plain(open.why)}`,
      `Incident \`${open.id}\`, answers: ${open.answers.join(', ')}`,
    );
  }
  lines.push('', '| when | what | who | why |', '|---|---|---|---|');
  for (const entry of state.timeline.slice(-20))
    lines.push(`| ${entry.at} | ${plain(entry.what)} | ${plain(entry.actor)} | ${plain(entry.why ?? '')} |`);
  return lines.join('\n');
}

/** Providers' words, and those of others, are text: neither links nor pictures nor the end of a table's cell. */
function plain(text: string): string {
  return text.replace(/[\\`*_[\]<>|!#]/g, '\\$&').replace(/\s+/g, ' ');
}
