/** What support and the warehouse do with returns, by their workflows' own messages; and what is written down of them. */
import * as messages from '../../workflows/messages.ts';
import { until } from './until.ts';
import type { World } from './world.ts';

const actor = 'support:test';
const line = { lineId: 'line_1', quantity: 2 };

/** Of returns of two units of an order's first line. */
export function createReturns(world: World) {
  const stored = (returnId: string) => world.mongo.models.returns.findById(returnId).lean().orFail();
  const waitingFor = async (returnId: string) => (await stored(returnId)).state?.waitingFor;
  const handleOf = (returnId: string) => world.returnHandle(returnId);

  async function awaits(returnId: string, event: string): Promise<void> {
    await until(async () => (await waitingFor(returnId))?.event === event, `${returnId} waits for ${event}`);
  }

  async function incident(returnId: string, cause: string): Promise<messages.Incident> {
    const find = async () => (await stored(returnId)).state?.incidents.find((open) => open.cause === cause);
    await until(async () => (await find()) !== undefined, `${returnId} has an incident ${cause}`);
    return (await find())!;
  }

  async function answer(returnId: string, { id }: messages.Incident, given: messages.Answer): Promise<boolean> {
    const args: [messages.AnswerInput] = [{ incidentId: id, answer: given, actor }];
    return (await handleOf(returnId).executeUpdate(messages.answerIncident, { args })).applied;
  }

  /** By the clock of the workflow: so long before or after what is its deadline now. */
  async function move(returnId: string, event: string, byMs: number): Promise<void> {
    const { deadline } = (await waitingFor(returnId))!;
    const moved = { event, deadline: new Date(Date.parse(deadline) + byMs).toISOString(), actor, reason: 'note_1' };
    await handleOf(returnId).executeUpdate(messages.setDeadline, { args: [moved] });
  }

  async function receive(returnId: string, quantity: number, more = false): Promise<void> {
    const lines = [{ ...line, quantity, reception: 'received' as const }];
    await handleOf(returnId).executeUpdate(messages.receiveReturn, { args: [{ lines, more, actor }] });
  }

  async function restock(returnId: string, quantity: number): Promise<void> {
    const lines = [{ ...line, quantity, disposition: 'restock' as const }];
    await handleOf(returnId).executeUpdate(messages.inspectReturn, { args: [{ lines, actor }] });
  }

  /** Placed on a server that knows no update-with-start. */
  async function begin(): Promise<string> {
    const written = await world.write({ placeBefore: new Date('2999-01-01') });
    await world.start(written);
    await world.orderHandle(written.orderId).executeUpdate(messages.placeOrder);
    return written.orderId;
  }

  return { line, stored, awaits, incident, answer, move, receive, restock, begin };
}
