/**
 * The set-up command, run before the first start and after each update; running it again changes nothing. Makes
 * collections and indexes, registers the search attributes, schedules polls and reconciliation, and makes the first staff
 * tokens, shown this once.
 */
import { parseArgs } from 'node:util';
import type { Client } from '@temporalio/client';
import { encodeSearchAttributeIndexedValueType } from '@temporalio/common/lib/search-attributes.js';
import { createFirstTokens } from '../activities/staff-tokens.ts';
import { makeSchedules } from '../activities/starts.ts';
import { readConfig } from '../platform/config.ts';
import { main } from '../platform/main.ts';
import { connectMongo, type Mongo } from '../platform/mongo.ts';
import { connectClient } from '../platform/temporal.ts';
import { searchAttributes } from '../workflows/messages.ts';

const help = `npm run setup [-- --json]

Makes MongoDB's collections and indexes, registers Temporal's search attributes, schedules the polls of what the
webhooks of Stripe and the carrier missed and the daily reconciliation with Stripe, and at the first run makes one
staff token a role (warehouse, support, admin). They are shown once: only their hashes are kept. \`npm run tokens\`
makes others.
--json prints {"tokens": {...}} for other programs. Needs MONGODB_URI and TEMPORAL_ADDRESS.`;

await main(async () => {
  const { values } = parseArgs({ options: { json: { type: 'boolean' }, help: { type: 'boolean' } } });
  if (values.help) return console.log(help);
  const mongo = await connectMongo(readConfig('common').MONGODB_URI);
  const temporal = await connectClient();
  await createCollections(mongo);
  await registerSearchAttributes(temporal);
  await makeSchedules(temporal);
  const tokens = await createFirstTokens(mongo);
  await temporal.connection.close();
  await mongo.close();
  const made = Object.entries(tokens);
  if (values.json) console.log(JSON.stringify(made.length > 0 ? { tokens } : {}));
  else for (const [role, token] of made) console.log(`${role.padEnd(10)} ${token}`);
});

async function createCollections({ models }: Mongo): Promise<void> {
  for (const model of Object.values(models)) {
    await model.createCollection();
    await model.createIndexes();
  }
  // Stock records that were made before there were deliveries.
  await models.stock.updateMany({ incoming: null }, { $set: { incoming: 0 } });
}

/** Servers that ask for rights that an application does not have (Temporal Cloud) need them registered by hand. */
async function registerSearchAttributes(temporal: Client): Promise<void> {
  const { namespace } = temporal.options;
  const { customAttributes } = await temporal.connection.operatorService.listSearchAttributes({ namespace });
  const missing = Object.values(searchAttributes).filter(({ name }) => !(name in (customAttributes ?? {})));
  if (missing.length === 0) return;
  await temporal.connection.operatorService.addSearchAttributes({
    namespace,
    searchAttributes: Object.fromEntries(
      missing.map(({ name, type }) => [name, encodeSearchAttributeIndexedValueType(type)!]),
    ),
  });
}
