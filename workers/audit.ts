/** The auditor as a command: prints every violation of G1 to G7. Exit code 0 without any, 1 with some. */
import { parseArgs } from 'node:util';
import { audit } from '../activities/audit.ts';
import { createPayments } from '../activities/providers/stripe.ts';
import { readConfig } from '../platform/config.ts';
import { main } from '../platform/main.ts';
import { connectMongo } from '../platform/mongo.ts';
import { connectClient } from '../platform/temporal.ts';

const help = `npm run audit [-- --json]

Reads MongoDB, the payment provider and Temporal, and lists every violation of the guarantees G1 to G7, which
docs/guarantees.md explains. Run it when things are quiet.
Needs MONGODB_URI, TEMPORAL_ADDRESS and STRIPE_SECRET_KEY; \`npm start\` writes its own to the file that it names.
Exit code 0: no violation; 1: some; 2: it could not look.`;

await main(async () => {
  const { values } = parseArgs({ options: { json: { type: 'boolean' }, help: { type: 'boolean' } } });
  if (values.help) return console.log(help);
  const config = readConfig('common', 'payments');
  const mongo = await connectMongo(config.MONGODB_URI);
  const temporal = await connectClient();
  const payments = createPayments({ secretKey: config.STRIPE_SECRET_KEY, apiBase: config.STRIPE_API_BASE });
  const { violations, checked } = await audit({ mongo, payments, temporal });
  await temporal.connection.close();
  await mongo.close();
  if (values.json) console.log(JSON.stringify({ violations, checked }));
  else {
    for (const { guarantee, where, what } of violations) console.log(`${guarantee}  ${where}  ${what}`);
    const { workflows, ...rest } = checked;
    const counts = Object.entries(rest).map(([name, count]) => `${count} ${name}`);
    console.log(`${violations.length} violations; checked ${counts.join(', ')}, ${workflows} open workflows`);
  }
  process.exitCode = violations.length > 0 ? 1 : 0;
}, 2);
