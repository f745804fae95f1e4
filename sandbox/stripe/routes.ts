import type { Route } from './route.ts';
import { customerRoutes } from './routes/customers.ts';
import { disputeRoutes } from './routes/disputes.ts';
import { eventRoutes } from './routes/events.ts';
import { moneyRoutes } from './routes/money.ts';
import { paymentIntentRoutes } from './routes/payment-intents.ts';
import { paymentMethodRoutes } from './routes/payment-methods.ts';
import { refundRoutes } from './routes/refunds.ts';
import { setupIntentRoutes } from './routes/setup-intents.ts';
import { taxRoutes } from './routes/taxes.ts';

const routes: Record<string, Route> = Object.fromEntries([
  ...customerRoutes,
  ...paymentMethodRoutes,
  ...setupIntentRoutes,
  ...paymentIntentRoutes,
  ...refundRoutes,
  ...disputeRoutes,
  ...moneyRoutes,
  ...eventRoutes,
  ...taxRoutes,
]);

/** The names of all operations: what a fault can strike. */
export const operations: string[] = Object.values(routes).map(({ operation }) => operation);

/** The route of a request and the id in its path, such as `/v1/payment_intents/pi_1/capture`. */
export function findRoute(method: string, path: string): { route: Route; id: string } | undefined {
  const [, version, ...parts] = path.split('/');
  if (version !== 'v1') return undefined;
  const shapes = [{ shape: parts, id: '' }, ...parts.map((id, at) => ({ shape: parts.with(at, ':id'), id }))];
  for (const { shape, id } of shapes) {
    const key = `${method} ${shape.join('/')}`;
    if (Object.hasOwn(routes, key)) return { route: routes[key]!, id };
  }
  return undefined;
}
