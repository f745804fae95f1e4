/** What every request gets: an id, a line in the log, and its place in the figures. */
import { randomUUID } from 'node:crypto';
import type { ErrorRequestHandler, RequestHandler } from 'express';
import { pinoHttp } from 'pino-http';
import { Counter, Histogram, type Registry } from 'prom-client';
import type { Log } from '../platform/log.ts';
import { toProblem } from './problem.ts';

/** One line a request: no bodies, no headers, and no query, which may name a person. */
export function logRequests(log: Log): RequestHandler {
  return pinoHttp({
    logger: log,
    genReqId(request, response) {
      const given = request.headers['x-request-id'];
      const id = typeof given === 'string' && /^[A-Za-z0-9._-]{8,128}$/.test(given) ? given : randomUUID();
      response.setHeader('x-request-id', id);
      return id;
    },
    serializers: {
      req: ({ id, method, url }: { id: string; method: string; url: string }) => ({
        id,
        method,
        url: url.split('?')[0],
      }),
      res: ({ statusCode }: { statusCode: number }) => ({ statusCode }),
    },
    quietReqLogger: false,
    customLogLevel: (_request, response) => (response.statusCode >= 500 ? 'error' : 'info'),
    autoLogging: { ignore: (request) => ['/livez', '/readyz', '/metrics'].includes(request.url ?? '') },
  });
}

/** Counted by the route's pattern: addresses hold ids, and each would be a series of its own. */
export function countRequests(metrics: Registry): RequestHandler {
  const labelNames = ['method', 'route', 'status'] as const;
  const requests = new Counter({
    name: 'waybill_http_requests_total',
    help: 'Requests answered',
    labelNames,
    registers: [metrics],
  });
  const duration = new Histogram({
    name: 'waybill_http_request_duration_seconds',
    help: 'Time to answer a request',
    labelNames,
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [metrics],
  });
  return (request, response, next) => {
    const stop = duration.startTimer();
    response.once('finish', () => {
      const route = typeof request.route?.path === 'string' ? request.route.path : 'none';
      const labels = { method: request.method, route, status: String(response.statusCode) };
      requests.inc(labels);
      stop(labels);
    });
    next();
  };
}

/** What pickers were kept from: much of one kind is a shelf that is labelled wrongly, or a scanner. */
export function countRefusedScans(metrics: Registry): ErrorRequestHandler {
  const refused = new Counter({
    name: 'waybill_scans_refused_total',
    help: 'Scans that did not fit their pick list, and parcels that did not fit what was picked, by why',
    labelNames: ['reason'] as const,
    registers: [metrics],
  });
  return (error, _request, _response, next) => {
    const { kind, extra } = toProblem(error);
    if (kind === 'picking-refused' || kind === 'packing-refused') refused.inc({ reason: String(extra.code) });
    next(error);
  };
}

/** Forged ones are noise, but old ones mean a clock that is wrong, and bad ones a secret that is. */
export function countRefusedWebhooks(metrics: Registry): ErrorRequestHandler {
  const refused = new Counter({
    name: 'waybill_webhooks_refused_total',
    help: 'Webhooks that were not taken, by whose they were to be and why',
    labelNames: ['source', 'reason'] as const,
    registers: [metrics],
  });
  return (error, request, _response, next) => {
    const source = /^\/v1\/webhooks\/(\w+)$/.exec(String(request.route?.path))?.[1];
    const { kind, extra } = toProblem(error);
    if (source !== undefined)
      refused.inc({ source, reason: kind === 'invalid-signature' ? String(extra.reason) : kind });
    next(error);
  };
}
