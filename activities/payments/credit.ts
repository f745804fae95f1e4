/** Store credit: what is added to an account. What is spent is spent with the order: see pricing/redemptions.ts. */
import type { ClientSession } from 'mongoose';
import { type CreditEntry, creditAccountId } from '../../models/customer.ts';
import { inTransaction, isDuplicateKey, type Mongo } from '../../platform/mongo.ts';

export interface CreditRequest {
  /** What it is for: the same key is the same entry. */
  key: string;
  customerId: string;
  currency: string;
  /** Minor units. Below zero it takes back what was granted. */
  amount: number;
  kind: CreditEntry['kind'];
  orderId?: string | undefined;
  reason: string;
  actor: string;
}

/** Undefined where less than nothing would be left. */
export async function bookCredit(mongo: Mongo, request: CreditRequest): Promise<CreditEntry | undefined> {
  try {
    return await inTransaction(mongo, (session) => bookCreditIn(mongo, session, request));
  } catch (error) {
    // Somebody else has made the account, or the entry, meanwhile.
    if (!isDuplicateKey(error)) throw error;
    return bookCredit(mongo, request);
  }
}

export async function bookCreditIn(
  { models }: Mongo,
  session: ClientSession,
  { key, customerId, currency, amount, kind, orderId, reason, actor }: CreditRequest,
): Promise<CreditEntry | undefined> {
  const known = await models.creditEntries.findById(key).session(session).lean<CreditEntry>();
  if (known) return known;
  const accountId = creditAccountId(customerId, currency);
  const account = await models.creditAccounts
    .findOneAndUpdate(
      { _id: accountId, ...(amount < 0 && { balance: { $gte: -amount } }) },
      { $inc: { balance: amount, seq: 1 }, $setOnInsert: { customerId, currency } },
      { session, returnDocument: 'after', upsert: amount > 0 },
    )
    .lean();
  if (!account) return undefined;
  const entry: CreditEntry = {
    ...{ _id: key, accountId, seq: account.seq, kind, amount, balanceAfter: account.balance },
    ...(orderId !== undefined && { orderId }),
    ...{ reason, actor, at: new Date() },
  };
  await models.creditEntries.create([entry], { session });
  return entry;
}
