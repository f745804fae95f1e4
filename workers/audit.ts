/** The auditor as a command: prints every violation of G1 to G7. Exit code 0 without any, 1 with some. */
import { parseArgs } from 'node:util';
import { audit } from '../activities/audit.ts';
import { createPayments } from '../activities/providers/stripe.ts';
import { readConfig } from '../platform/config.ts';
import { connectMongo } from '../platform/mongo.ts';
import { connectClient } from '../platform/temporal.ts';

const { values } = parseArgs({ options: { json: { type: 'boolean' }, help: { type: 'boolean' } } });

if (values.help) {
  console.log(`npm run audit [-- --json]

Reads MongoDB, the payment provider and Temporal, and lists every violation of the guarantees G1 to G7.
Run it when things are quiet. Needs the settings of a providers worker. Exit code 0: none; 1: some.`);
} else {
  const config = readConfig('common', 'providers');
  const mongo = await connectMongo(config.MONGODB_URI);
  const temporal = await connectClient();
  const payments = createPayments({ secretKey: config.STRIPE_SECRET_KEY, apiBase: config.STRIPE_API_BASE });
  const { violations, checked } = await audit({ mongo, payments, temporal });
  await temporal.connection.close();
  await mongo.close();
  if (values.json) console.log(JSON.stringify({ violations, checked }));
  else {
    for (const { guarantee, where, what } of violations) console.log(`${guarantee}  ${where}  ${what}`);
    const counts = Object.entries(checked).map(([name, count]) => `${count} ${name}`);
    console.log(`${violations.length} violations; checked ${counts.join(', ')}`);
  }
  process.exitCode = violations.length > 0 ? 1 : 0;
}
