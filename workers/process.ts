/** What every worker process shares: its figures and health over HTTP, and an end that loses nothing. */
import { createServer, type Server } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { DefaultLogger, makeTelemetryFilterString, Runtime, type Worker } from '@temporalio/worker';
import type { Registry } from 'prom-client';
import { createLog, type Log } from '../platform/log.ts';
import { createMetrics } from '../platform/metrics.ts';

/** How long running activities and open tasks may take to end before the process goes all the same. */
export const shutdownGraceMs = 10_000;

export interface WorkerProcess {
  log: Log;
  metrics: Registry;
  /** Runs the workers and loops until the process is told to stop, then drains them and closes. */
  run(parts: { workers: Worker[]; loops: Loop[]; close: () => Promise<void> }): Promise<void>;
}

/** Something that is done again and again beside the workers. It pauses, unless there was a whole batch to do. */
export interface Loop {
  name: string;
  pauseMs: number;
  batch: number;
  once(): Promise<number>;
}

export function createWorkerProcess(
  config: { HOST: string; METRICS_PORT: number; LOG_LEVEL: string },
  name: string,
): WorkerProcess {
  const log = createLog(name, config.LOG_LEVEL);
  // Temporal's own figures come from its native core, which listens for itself; they are served together with ours.
  const corePort = config.METRICS_PORT === 0 ? 0 : config.METRICS_PORT + 1;
  try {
    Runtime.install({
      logger: new DefaultLogger('INFO', ({ level, message, meta }) => {
        const line = { ...meta, error: meta?.error instanceof Error ? meta.error.message : meta?.error };
        if (level === 'ERROR') log.error(line, message);
        else if (level === 'WARN') log.warn(line, message);
        else log.debug(line, message);
      }),
      telemetryOptions: {
        logging: { filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }), forward: {} },
        ...(corePort > 0 && { metrics: { prometheus: { bindAddress: `127.0.0.1:${corePort}` } } }),
      },
    });
  } catch (error) {
    throw portTaken(corePort, error);
  }
  const metrics = createMetrics();

  return {
    log,
    metrics,
    async run({ workers, loops, close }) {
      const stopping = new AbortController();
      const server = serveHealth(config, metrics, corePort, () => !stopping.signal.aborted);
      const stop = () => {
        if (stopping.signal.aborted) return;
        stopping.abort();
        log.info('draining');
        for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
      };
      process.on('SIGTERM', stop);
      process.on('SIGINT', stop);
      // Started by a parent over an IPC channel: without the parent there is nobody left to stop us.
      process.on('disconnect', stop);
      const running = Promise.all(workers.map((worker) => worker.run())).finally(stop);
      const looping = Promise.all(loops.map((loop) => keepDoing(loop, log, stopping.signal)));
      log.info({ taskQueues: workers.map((worker) => worker.options.taskQueue) }, 'ready');
      await running;
      await looping;
      server.close();
      await close();
      log.info('stopped');
    },
  };
}

async function keepDoing(loop: Loop, log: Log, stopping: AbortSignal): Promise<void> {
  while (!stopping.aborted) {
    let done = 0;
    let pause = loop.pauseMs;
    try {
      done = await loop.once();
    } catch (error) {
      log.error(
        { loop: loop.name, error: error instanceof Error ? error.message : error },
        'the loop failed; it goes on',
      );
      pause = 1_000;
    }
    // The pause ends early with the process; that is no failure.
    if (done < loop.batch) await setTimeout(pause, undefined, { signal: stopping }).catch(() => {});
  }
}

function serveHealth(
  { HOST, METRICS_PORT }: { HOST: string; METRICS_PORT: number },
  metrics: Registry,
  corePort: number,
  ready: () => boolean,
): Server {
  const server = createServer(async (request, response) => {
    if (request.url === '/livez') return response.end('ok');
    if (request.url === '/readyz') return response.writeHead(ready() ? 200 : 503).end(ready() ? 'ready' : 'draining');
    if (request.url !== '/metrics') return response.writeHead(404).end();
    const core = await fetch(`http://127.0.0.1:${corePort}/metrics`).then(
      (answer) => answer.text(),
      (error) => `# Temporal's own figures are not to be had: ${error}\n`,
    );
    return response.setHeader('content-type', metrics.contentType).end(`${await metrics.metrics()}\n${core}`);
  });
  server.once('error', (error) => {
    console.error(portTaken(METRICS_PORT, error).message);
    process.exit(1);
  });
  if (METRICS_PORT > 0) server.listen(METRICS_PORT, HOST);
  return server;
}

/** Each process needs two ports of its own: METRICS_PORT for our figures, and the next one for Temporal's. */
function portTaken(port: number, error: unknown): Error {
  const why = error instanceof Error ? error.message : String(error);
  return new Error(`The figures cannot be served on port ${port} (METRICS_PORT and the one after it): ${why}`);
}
