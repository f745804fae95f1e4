import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Secrets } from './secrets.ts';
import type { RunningMongo } from './servers/mongo.ts';
import type { RunningTemporal } from './servers/temporal.ts';
import type { StackPorts } from './stack-ports.ts';

/** The environment of the API, the workers and the set-up: the same variables as in production. */
export function childEnvironment(options: {
  env: NodeJS.ProcessEnv;
  mongo: RunningMongo;
  temporal: RunningTemporal;
  ports: StackPorts;
  secrets: Secrets;
  apiUrl: string;
  dataDir: string;
  realStripe: boolean;
}): NodeJS.ProcessEnv {
  const { env, mongo, temporal, ports, secrets, apiUrl, dataDir, realStripe } = options;
  return {
    ...(temporal.child ? withOwnTemporal(env, temporal.address, dataDir) : env),
    MONGODB_URI: mongo.uri,
    WAYBILL_SECRET: secrets.waybill,
    HOST: '127.0.0.1',
    PORT: String(ports.api),
    METRICS_PORT: String(ports.metrics),
    ...(realStripe ? {} : stripeSandbox(ports, secrets)),
    CARRIER_URL: `http://127.0.0.1:${ports.carrier}`,
    CARRIER_API_KEY: secrets.carrierApiKey,
    CARRIER_WEBHOOK_SECRETS: secrets.carrierWebhook,
    SMTP_URL: `smtp://127.0.0.1:${ports.smtp}`,
    MAIL_FROM: env.MAIL_FROM || 'Waybill <orders@waybill.example>',
    PUBLIC_URL: apiUrl,
    // The line that says `ready` is at this level.
    LOG_LEVEL: env.LOG_LEVEL === 'debug' || env.LOG_LEVEL === 'trace' ? env.LOG_LEVEL : 'info',
  };
}

/** What the user's variables and profile say about another Temporal, keys and TLS among it, is not for ours. */
function withOwnTemporal(env: NodeJS.ProcessEnv, address: string, dataDir: string): NodeJS.ProcessEnv {
  const others = Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('TEMPORAL_')));
  // A file that is not there reads as no profile; an empty one is an error to Temporal's reader.
  const noProfile = join(dataDir, 'no-profile.toml');
  return { ...others, TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: 'default', TEMPORAL_CONFIG_FILE: noProfile };
}

function stripeSandbox(ports: StackPorts, secrets: Secrets): NodeJS.ProcessEnv {
  return {
    STRIPE_SECRET_KEY: 'sk_test_sandbox',
    STRIPE_API_BASE: `http://127.0.0.1:${ports.stripe}`,
    STRIPE_WEBHOOK_SECRETS: secrets.stripeWebhook,
  };
}

/** What an operator's commands need to reach this stack. A real Stripe's key is not written down. */
export function writeOperatorsEnvironment(file: string, env: NodeJS.ProcessEnv, realStripe: boolean): void {
  const names = ['MONGODB_URI', 'TEMPORAL_ADDRESS', 'TEMPORAL_NAMESPACE', 'STRIPE_API_BASE'];
  if (!realStripe) names.push('STRIPE_SECRET_KEY');
  const lines = names.flatMap((name) => (env[name] ? `${name}='${env[name]}'\n` : []));
  writeFileSync(file, lines.join(''), { mode: 0o600 });
}
