/** The secrets of a stack, made at its first start and kept with its data: links and webhooks stay valid. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Secrets {
  waybill: string;
  stripeWebhook: string;
  carrierApiKey: string;
  carrierWebhook: string;
}

export function keptSecrets(dataDir: string): Secrets {
  const file = join(dataDir, 'secrets.json');
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Secrets;
  const random = () => randomBytes(24).toString('base64url');
  const secrets = {
    waybill: random(),
    stripeWebhook: `whsec_${random()}`,
    carrierApiKey: random(),
    carrierWebhook: random(),
  };
  writeFileSync(file, JSON.stringify(secrets, null, 2), { mode: 0o600 });
  return secrets;
}
