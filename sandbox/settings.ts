/** What the sandbox takes from the environment: its only reader of process.env. */
import { join } from 'node:path';

const repository = join(import.meta.dirname, '..');

export function repositoryFolder(): string {
  return repository;
}

/** Where servers and data are kept. */
export function waybillHome(): string {
  return process.env.WAYBILL_HOME || join(repository, '.waybill');
}

export function environment(): NodeJS.ProcessEnv {
  return process.env;
}

/** The fixed ports of `npm start`, each with the variable that changes it. */
export const portSettings = {
  api: { variable: 'WAYBILL_PORT_API', usual: 8080 },
  temporal: { variable: 'WAYBILL_PORT_TEMPORAL', usual: 7233 },
  temporalUi: { variable: 'WAYBILL_PORT_TEMPORAL_UI', usual: 8233 },
  mongod: { variable: 'WAYBILL_PORT_MONGOD', usual: 27117 },
  stripe: { variable: 'WAYBILL_PORT_STRIPE', usual: 8421 },
  carrier: { variable: 'WAYBILL_PORT_CARRIER', usual: 8422 },
  mailbox: { variable: 'WAYBILL_PORT_MAILBOX', usual: 8423 },
  smtp: { variable: 'WAYBILL_PORT_SMTP', usual: 8424 },
  /** Of the first worker; a second one takes the next. */
  metrics: { variable: 'WAYBILL_PORT_METRICS', usual: 9464 },
} as const;
