/** What the cardholder's bank does in a test, and what it got to hear. */
import type { Dispute } from '../../models/payment.ts';
import * as messages from '../../workflows/messages.ts';
import { until } from './until.ts';
import type { World } from './world.ts';

export interface AtStripe {
  id: string;
  payment_intent: string;
  status: string;
  evidence: Record<string, string | null>;
  evidence_details: { submission_count: number };
}

export function createBank(world: World) {
  const { models } = world.mongo;
  const handle = (disputeId: string) => world.client.workflow.getHandle(messages.workflowIds.dispute(disputeId));
  const readDispute = (disputeId: string) => models.disputes.findById(disputeId).lean<Dispute>().orFail();
  const control = (path: string, body: object) =>
    world.control(world.stripe.url, 'POST', `/_sandbox/${path}`, body) as Promise<{ id: string }>;

  /** The dispute of an order that our records know. */
  async function ofOrder(orderId: string): Promise<string> {
    const find = () => models.disputes.findOne({ orderId }).sort({ createdAt: -1 }).lean<Dispute>();
    await until(async () => (await find()) !== null, `${orderId} is disputed`);
    return (await find())!._id;
  }

  async function atStripe(disputeId: string): Promise<AtStripe> {
    const { disputes } = (await world.stripeState()) as unknown as { disputes: AtStripe[] };
    return disputes.find(({ id }) => id === disputeId)!;
  }

  /** What Stripe was shown or told; what it was not told is left out. */
  async function evidenceAt(disputeId: string): Promise<Record<string, string>> {
    const { evidence } = await atStripe(disputeId);
    return Object.fromEntries(
      Object.entries(evidence).filter(([, text]) => typeof text === 'string') as [string, string][],
    );
  }

  async function reaches(disputeId: string, status: Dispute['status']): Promise<void> {
    await until(async () => (await readDispute(disputeId)).state?.status === status, `${disputeId} is ${status}`);
  }

  async function incident(disputeId: string, cause = 'dispute_opened'): Promise<messages.Incident> {
    const find = async () => (await readDispute(disputeId)).state?.incidents.find((open) => open.cause === cause);
    await until(async () => (await find()) !== undefined, `${disputeId} has an incident ${cause}`);
    return (await find())!;
  }

  async function answer(disputeId: string, given: messages.Answer, cause?: string): Promise<void> {
    const { id: incidentId } = await incident(disputeId, cause);
    const input = { incidentId, answer: given, actor: 'support:test' };
    const { applied } = await handle(disputeId).executeUpdate(messages.answerIncident, { args: [input] });
    if (!applied) throw new Error(`${given} was not applied`);
  }

  return {
    handle,
    readDispute,
    ofOrder,
    atStripe,
    evidenceAt,
    reaches,
    incident,
    answer,
    result: (disputeId: string) => handle(disputeId).result(),
    decide: (disputeId: string, outcome: 'won' | 'lost') => control(`disputes/${disputeId}/decide`, { outcome }),
    /** Opens one of what was captured for an order, and waits until we have heard of it. */
    async open(orderId: string, about: { reason?: string; inquiry?: boolean; amount?: number } = {}): Promise<string> {
      const before = new Set((await models.disputes.find({ orderId }).lean()).map(({ _id }) => _id));
      await control('disputes', { payment_intent: await world.intentOf(orderId), ...about });
      const fresh = async () => (await models.disputes.find({ orderId }).lean()).find(({ _id }) => !before.has(_id));
      await until(async () => (await fresh())?.state !== undefined, `${orderId} is disputed`);
      return (await fresh())!._id;
    },
    /** The bank takes the payment for fraud. */
    async warn(orderId: string): Promise<string> {
      const { id } = await control('fraud_warnings', { payment_intent: await world.intentOf(orderId) });
      await until(async () => (await models.disputes.findById(id).lean())?.state !== undefined, `${id} is heard`);
      return id;
    },
    escalate: (disputeId: string) => control(`disputes/${disputeId}/escalate`, {}),
    /** Sent to the bank. */
    isSent: (disputeId: string) =>
      until(async () => (await atStripe(disputeId)).evidence_details.submission_count > 0, `${disputeId} is answered`),
    isStaged: (disputeId: string) =>
      until(async () => Object.keys(await evidenceAt(disputeId)).length > 0, `evidence of ${disputeId} is shown`),
  };
}
