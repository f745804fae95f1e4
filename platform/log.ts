/** JSON logs with order, workflow and request ids. Neither secrets nor personal data. */
import { type Logger, pino } from 'pino';

export type Log = Logger;

export function createLog(service: string, level: string): Log {
  return pino({
    level,
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: ['req.headers.authorization', 'req.headers.cookie', '*.clientSecret', '*.email', '*.shipTo', '*.customer'],
  });
}
