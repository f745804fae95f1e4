/** Makes and revokes tokens of staff, such as for one more packer, or in place of one that was lost. */
import { parseArgs } from 'node:util';
import { createToken, isRole, revokeToken } from '../activities/staff-tokens.ts';
import { readConfig } from '../platform/config.ts';
import { main } from '../platform/main.ts';
import { connectMongo, type Mongo } from '../platform/mongo.ts';

const help = `npm run tokens -- new ROLE       makes a token for warehouse, support or admin; it is shown this once
npm run tokens -- revoke ID      from now on the token of this id (tok_...) lets nobody in

Needs MONGODB_URI. The id is what timelines and ledgers call the holder.`;

await main(async () => {
  const { values, positionals } = parseArgs({ options: { help: { type: 'boolean' } }, allowPositionals: true });
  const [command, subject = '', ...rest] = positionals;
  const isKnown = rest.length === 0 && ((command === 'new' && isRole(subject)) || (command === 'revoke' && subject));
  if (values.help) return console.log(help);
  if (!isKnown) throw new Error(`That is no command:\n\n${help}`);
  const mongo = await connectMongo(readConfig('common').MONGODB_URI);
  try {
    if (isRole(subject)) await make(mongo, subject);
    else await revoke(mongo, subject);
  } finally {
    await mongo.close();
  }
});

async function make(mongo: Mongo, role: Parameters<typeof createToken>[1]): Promise<void> {
  const { id, token } = await createToken(mongo, role);
  console.log(`${role}  ${id}  ${token}`);
}

async function revoke(mongo: Mongo, id: string): Promise<void> {
  if (!(await revokeToken(mongo, id))) throw new Error(`There is no token ${id} that still works`);
  console.log(`${id} is revoked`);
}
