/** Events of Stripe that its webhooks missed, received from its list as they would have been. */
import type { Mongo } from '../platform/mongo.ts';
import type { Polled } from '../workflows/activities.ts';
import type { Payments } from './providers/stripe.ts';
import { receiveStripe } from './receive.ts';

/**
 * The time that it answers with is Stripe's own, of the last event listed: no clock of ours can skip one. One call takes
 * no more than `most`, so that it ends in time: where there are more, the span of time is halved.
 */
export async function pollEvents(
  mongo: Mongo,
  payments: Payments,
  { since }: { since: string },
  most = 2_000,
): Promise<Polled> {
  const from = new Date(Math.floor(Date.parse(since) / 1_000) * 1_000);
  let to: Date | undefined;
  for (;;) {
    const span: number = (to?.getTime() ?? Date.now()) - from.getTime();
    // Stripe tells no less than seconds apart.
    const isLeast = to !== undefined && span <= 1_000;
    const events = await payments.eventsBetween(from, to, isLeast ? Number.POSITIVE_INFINITY : most);
    if (events === 'too_many') {
      to = new Date(from.getTime() + Math.max(1_000, Math.floor(span / 2_000) * 1_000));
      continue;
    }
    await Promise.all(events.map((event) => receiveStripe(mongo, event)));
    const through = to ?? events.at(-1)?.at ?? from;
    return { through: through.toISOString(), more: to !== undefined };
  }
}
