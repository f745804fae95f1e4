/** Prometheus figures of one process. Each process makes its own registry and adds its own figures to it. */
import { collectDefaultMetrics, Registry } from 'prom-client';

export function createMetrics(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}
