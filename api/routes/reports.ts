/** For whoever runs the store: how well it does. */
import { deliveryPerformance } from '../../activities/shipping/delivery-performance.ts';
import { labelCosts } from '../../activities/shipping/label-costs.ts';
import { endpoint, reply } from '../endpoint.ts';
import { Problem } from '../problem.ts';
import * as schema from '../schemas/reports.ts';

const dayMs = 86_400_000;
const usualDays = 30;
const mostDays = 366;

export const getDeliveryReport = endpoint({
  summary: 'Which promises of delivery were kept: shipments that were due, by warehouse',
  query: schema.deliveryQuery,
  answers: { 200: schema.deliveryReport },
  async handle({ mongo }, { query: { warehouseId, ...span } }) {
    const days = daysOf(span);
    return reply(200, { ...days, ...(await deliveryPerformance(mongo, { ...days, warehouseId })) });
  },
});

export const getLabelReport = endpoint({
  summary: 'What labels cost, by carrier, with those that were given back',
  query: schema.labelQuery,
  answers: { 200: schema.labelReport },
  async handle({ mongo }, { query }) {
    const days = daysOf(query);
    return reply(200, { ...days, carriers: await labelCosts(mongo, days) });
  },
});

function daysOf(span: { from?: string | undefined; to?: string | undefined }): { from: string; to: string } {
  const to = span.to ?? dateOf(Date.now());
  const from = span.from ?? dateOf(Date.parse(to) - (usualDays - 1) * dayMs);
  const days = (Date.parse(to) - Date.parse(from)) / dayMs + 1;
  if (days >= 1 && days <= mostDays) return { from, to };
  const message = `From ${from} to ${to} are ${days} days: ask for 1 to ${mostDays}`;
  throw new Problem('invalid-request', `query from: ${message}`, {
    errors: [{ in: 'query', field: 'from', message }],
  });
}

function dateOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
