/** For whoever runs the process: is it alive, can it work, and its figures. */
import type { Express } from 'express';
import type { Registry } from 'prom-client';
import type { Api } from './endpoint.ts';

const patience = 2_000;

export function serveHealth(
  app: Express,
  { mongo, temporal }: Api,
  metrics: Registry,
  isDraining: () => boolean,
): void {
  app.get('/livez', (_request, response) => {
    response.json({ status: 'alive' });
  });

  app.get('/readyz', async (request, response) => {
    const [mongodb, workflows] = await Promise.allSettled([
      inTime(mongo.connection.db!.admin().command({ ping: 1 }), 'MongoDB'),
      temporal.withDeadline(Date.now() + patience, () => temporal.workflowService.getSystemInfo({})),
    ]);
    for (const check of [mongodb, workflows])
      if (check.status === 'rejected') request.log.warn({ err: check.reason }, 'not ready');
    const ready = mongodb.status === 'fulfilled' && workflows.status === 'fulfilled' && !isDraining();
    const word = (check: PromiseSettledResult<unknown>) => (check.status === 'fulfilled' ? 'ok' : 'down');
    response.status(ready ? 200 : 503).json({
      status: ready ? 'ready' : isDraining() ? 'draining' : 'not ready',
      mongodb: word(mongodb),
      temporal: word(workflows),
    });
  });

  app.get('/metrics', async (_request, response) => {
    response.type(metrics.contentType).send(await metrics.metrics());
  });
}

/** The driver waits for a server longer than whoever asks for readiness does. */
function inTime<T>(answer: Promise<T>, who: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${who} did not answer within ${patience} ms`)), patience);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
