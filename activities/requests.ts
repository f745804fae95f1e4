/** The requests that create something, by caller and Idempotency-Key: a repeated one gets the first answer. */
import { createHash } from 'node:crypto';
import type { ApiRequest } from '../models/access.ts';
import { writeOne } from '../platform/documents.ts';
import { isDuplicateKey, type Mongo } from '../platform/mongo.ts';

export interface RequestKey {
  /** Keys of different callers never meet. */
  caller: string;
  key: string;
  /** Tells a repeat from a key that is used again for something else. */
  bodyHash: string;
}

export type Begun =
  | { state: 'new'; resourceId: string }
  /** Known: answered before, or still under way, or its process died. Its resource id leads to the same work. */
  | { state: 'repeat'; resourceId: string; answer?: ApiRequest['answer'] }
  | { state: 'conflict' };

/** Records a request with the id of what it will create. */
export async function begin(mongo: Mongo, asked: RequestKey & { newResourceId: string }): Promise<Begun> {
  const { bodyHash, newResourceId } = asked;
  const document = { _id: requestId(asked), bodyHash, resourceId: newResourceId, createdAt: new Date() };
  try {
    await writeOne(mongo.models.requests, { insertOne: { document } });
    return { state: 'new', resourceId: newResourceId };
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
    const known = await mongo.models.requests.findById(document._id).readConcern('local').lean<ApiRequest>();
    if (known === null) throw error;
    if (known.bodyHash !== bodyHash) return { state: 'conflict' };
    return { state: 'repeat', resourceId: known.resourceId, answer: known.answer };
  }
}

/** Keeps the first answer; a later one does not replace it. No secrets and no personal data belong into it. */
export async function finish(
  { models }: Mongo,
  asked: RequestKey,
  resourceId: string,
  answer: { status: number; body: unknown },
): Promise<void> {
  // As it goes over the wire: fields that are undefined are not there, neither now nor in a repeat.
  const sent = JSON.parse(JSON.stringify(answer));
  const { bodyHash } = asked;
  const filter = { _id: requestId(asked), answer: { $exists: false } };
  const update = { $set: { answer: sent }, $setOnInsert: { bodyHash, resourceId, createdAt: new Date() } };
  await writeOne(models.requests, { updateOne: { filter, update, upsert: true } }).catch((error) => {
    if (!isDuplicateKey(error)) throw error;
  });
}

/** The first answer to a request that `finish` has kept, for a week. */
export async function firstAnswer({ models }: Mongo, asked: RequestKey): Promise<ApiRequest['answer']> {
  return (await models.requests.findById(requestId(asked)).lean<ApiRequest>())?.answer;
}

/** The key of a public caller is as good as a password to the first answer, so only its hash is stored. */
export function requestId({ caller, key }: Pick<RequestKey, 'caller' | 'key'>): string {
  return `${caller}:${createHash('sha256').update(key).digest('base64url')}`;
}
