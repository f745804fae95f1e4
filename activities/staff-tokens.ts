/** The tokens of staff. Each is shown once, when it is made: only its hash is kept. */
import { createHash, randomBytes } from 'node:crypto';
import { type Role, roles } from '../models/access.ts';
import { newId } from '../models/id.ts';
import type { Mongo } from '../platform/mongo.ts';

/** One token a role at the first call on a database; nothing afterwards. */
export async function createFirstTokens({ models }: Mongo): Promise<Partial<Record<Role, string>>> {
  if (await models.staffTokens.exists({})) return {};
  const tokens: Partial<Record<Role, string>> = {};
  for (const role of roles) {
    const token = `wb_${randomBytes(32).toString('base64url')}`;
    const hash = createHash('sha256').update(token).digest('hex');
    await models.staffTokens.create([{ _id: newId('tok'), hash, role, createdAt: new Date() }]);
    tokens[role] = token;
  }
  return tokens;
}
