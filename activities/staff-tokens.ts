/** The tokens of staff. Each is shown once, when it is made: only its hash is kept. */
import { createHash, randomBytes } from 'node:crypto';
import { type Role, roles } from '../models/access.ts';
import { newId } from '../models/id.ts';
import type { Mongo } from '../platform/mongo.ts';

/** One token a role at the first call on a database; nothing afterwards. */
export async function createFirstTokens(mongo: Mongo): Promise<Partial<Record<Role, string>>> {
  if (await mongo.models.staffTokens.exists({})) return {};
  const tokens: Partial<Record<Role, string>> = {};
  for (const role of roles) tokens[role] = (await createToken(mongo, role)).token;
  return tokens;
}

/** `id` is what timelines and ledgers call its holder, and what revokes it. */
export async function createToken({ models }: Mongo, role: Role): Promise<{ id: string; token: string }> {
  const token = `wb_${randomBytes(32).toString('base64url')}`;
  const hash = createHash('sha256').update(token).digest('hex');
  const id = newId('tok');
  await models.staffTokens.create([{ _id: id, hash, role, createdAt: new Date() }]);
  return { id, token };
}

/** False where there is no such token that still works. */
export async function revokeToken({ models }: Mongo, id: string): Promise<boolean> {
  const revoked = await models.staffTokens.updateOne(
    { _id: id, revokedAt: { $exists: false } },
    { $set: { revokedAt: new Date() } },
  );
  return revoked.modifiedCount === 1;
}

export function isRole(name: string): name is Role {
  return (roles as readonly string[]).includes(name);
}
