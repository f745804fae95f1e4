/** Support answers incidents: one by one and told whether it counted, or all of a cause at once. */
import { setHandler } from '@temporalio/workflow';
import { commitDecision } from './activities.ts';
import { answerIncident, answerSignal } from './messages.ts';
import type { Record, Recorded } from './record.ts';

/** Called before a workflow's first await, as every handler. An answer is told once it is in MongoDB. */
export function listenForAnswers<S extends Recorded>(record: Record<S>): void {
  setHandler(answerSignal, (input) => void record.answer(input));
  setHandler(answerIncident, async (input) => {
    commitDecision();
    const applied = record.answer(input);
    await record.saved();
    return { applied };
  });
}

/** Of a case, which may end with the answer: whoever gives it does not wait for MongoDB. */
export function listenForCaseAnswers<S extends Recorded>(record: Record<S>): void {
  setHandler(answerSignal, (input) => void record.answer(input));
  setHandler(answerIncident, (input) => {
    commitDecision();
    return { applied: record.answer(input) };
  });
}
