/** Requests that create: the first answer is kept under the caller's Idempotency-Key, and repeats get it again. */
import { createHash } from 'node:crypto';
import { begin, finish } from '../activities/requests.ts';
import type { Mongo } from '../platform/mongo.ts';
import type { Idempotency } from './endpoint.ts';
import { Problem } from './problem.ts';

/**
 * Runs `create` under an id that is the same for every repeat. It has to be repeatable under that id: where a process
 * died before it answered, the next repeat runs it again.
 */
export async function once<A extends { status: number; body: unknown }>(
  mongo: Mongo,
  key: Idempotency,
  newResourceId: string,
  create: (resourceId: string) => Promise<A>,
): Promise<A> {
  const begun = await begin(mongo, { ...key, newResourceId });
  if (begun.state === 'conflict') throw keyReused();
  if (begun.state === 'repeat' && begun.answer) return begun.answer as A;
  const answer = await create(begun.resourceId);
  await finish(mongo, key, begun.resourceId, answer);
  return answer;
}

/** For requests that only act once by their key, and have no first answer to keep. @throws Problem idempotency-key-reused */
export async function requireSameBody(mongo: Mongo, key: Idempotency): Promise<void> {
  const begun = await begin(mongo, { ...key, newResourceId: updateIdOf(key) });
  if (begun.state === 'conflict') throw keyReused();
}

export function keyReused(): Problem {
  return new Problem(
    'idempotency-key-reused',
    'Another request was sent with this Idempotency-Key before; use a new one',
  );
}

/** The id of a workflow's update, so that a repeated request joins the update that its first one sent. */
export function updateIdOf({ caller, key, bodyHash }: Idempotency): string {
  return createHash('sha256').update([caller, key, bodyHash].join('\n')).digest('base64url');
}
