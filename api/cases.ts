/** What is said to the workflows of an order's returns and claims, and of orders themselves. */
import type { UpdateDefinition } from '@temporalio/common';
import { writeNote } from '../activities/notes.ts';
import type { Mongo } from '../platform/mongo.ts';
import { actorOf } from './auth.ts';
import { type Api, type Asked, type Caller, reply } from './endpoint.ts';
import { Problem } from './problem.ts';
import { accepted, done } from './schemas/orders.ts';
import * as workflows from './temporal.ts';

/** What all these steps have in common beside their bodies. */
export const step = {
  idempotencyKey: 'optional',
  answers: { 200: done, 202: accepted },
  problems: ['not-allowed-now', 'order-ended'],
} as const;

interface CaseKind {
  name: 'return' | 'claim';
  workflowId(id: string): string;
  read(mongo: Mongo, id: string): Promise<{ orderId: string; status: string }>;
}

/** The steps of one kind of cases. */
export function caseOf({ name, workflowId, read }: CaseKind) {
  function ended(status: string): Problem {
    const words = `The ${name} is ${status}, and nothing works on it now`;
    return new Problem('order-ended', words, { [`${name}Status`]: status });
  }

  /** How the case stands then; 202 where its workflow took it on, but did not do it in time. */
  async function tell<Input>(
    api: Api,
    { params: { id }, idempotency }: Asked<{ id: string }, unknown, unknown>,
    definition: UpdateDefinition<{ status: string }, [Input]>,
    input: Input,
  ) {
    const href = `/v1/${name}s/${id}`;
    try {
      const told = await workflows.update(api, workflowId(id), definition, input, idempotency);
      return told ? reply(200, { status: told.status }) : reply(202, { status: 'accepted', href }, { location: href });
    } catch (error) {
      if (!(error instanceof Problem && error.kind === 'order-ended')) throw error;
      throw ended((await read(api.mongo, id)).status);
    }
  }

  async function noted(
    { mongo }: Api,
    { params: { id }, body, caller }: Asked<{ id: string }, unknown, { reason: string }>,
  ): Promise<{ actor: string; reason: string }> {
    return noteReason(mongo, (await read(mongo, id)).orderId, caller, body.reason);
  }

  return { tell, noted, ended };
}

/** The words of a reason stay with the order; its workflow gets the id of them. */
export async function noteReason(
  mongo: Mongo,
  orderId: string,
  caller: Caller,
  reason: string,
): Promise<{ actor: string; reason: string }> {
  const actor = actorOf(caller);
  return { actor, reason: await writeNote(mongo, orderId, actor, reason) };
}
