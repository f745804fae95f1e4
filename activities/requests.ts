/** The requests that create something, by caller and Idempotency-Key: a repeated one gets the first answer. */
import { createHash } from 'node:crypto';
import type { ClientSession } from 'mongoose';
import type { ApiRequest } from '../models/access.ts';
import { inTransaction, isDuplicateKey, type Mongo } from '../platform/mongo.ts';

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
  | { state: 'repeat'; request: ApiRequest }
  | { state: 'conflict' };

/** The request as it is known, or undefined where the key was never used. */
export async function findRequest(
  mongo: Mongo,
  asked: RequestKey,
): Promise<Exclude<Begun, { state: 'new' }> | undefined> {
  const request = await mongo.models.requests.findById(requestId(asked)).lean<ApiRequest>();
  if (request === null) return undefined;
  return request.bodyHash === asked.bodyHash ? { state: 'repeat', request } : { state: 'conflict' };
}

/** Records a request with the id of what it will create, and in the same transaction whatever `alongside` writes. */
export async function begin(
  mongo: Mongo,
  asked: RequestKey & { newResourceId: string },
  alongside?: (session: ClientSession) => Promise<void>,
): Promise<Begun> {
  const { bodyHash, newResourceId } = asked;
  const request = { _id: requestId(asked), bodyHash, resourceId: newResourceId, createdAt: new Date() };
  try {
    if (alongside === undefined) await mongo.models.requests.create(request);
    else
      await inTransaction(mongo, async (session) => {
        await mongo.models.requests.create([request], { session });
        await alongside(session);
      });
    return { state: 'new', resourceId: newResourceId };
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
    const known = await findRequest(mongo, asked);
    if (known === undefined) throw error;
    return known;
  }
}

/** Keeps the first answer; a later one does not replace it. No secrets and no personal data belong into it. */
export async function finish(
  mongo: Mongo,
  asked: RequestKey,
  answer: { status: number; body: unknown },
): Promise<void> {
  // As it goes over the wire: fields that are undefined are not there, neither now nor in a repeat.
  const sent = JSON.parse(JSON.stringify(answer));
  await mongo.models.requests.updateOne(
    { _id: requestId(asked), answer: { $exists: false } },
    { $set: { answer: sent } },
  );
}

/** The key of a public caller is as good as a password to the first answer, so only its hash is stored. */
function requestId({ caller, key }: RequestKey): string {
  return `${caller}:${createHash('sha256').update(key).digest('base64url')}`;
}
