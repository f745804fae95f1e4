import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { findOneBy, writeOne } from '../../platform/documents.ts';
import { connectMongo, isDuplicateKey, type Mongo } from '../../platform/mongo.ts';
import { newDatabaseUri } from '../support/servers.ts';

let mongo: Mongo;
beforeAll(async () => {
  mongo = await connectMongo(newDatabaseUri());
  await mongo.models.staffTokens.createIndexes();
});
afterAll(async () => {
  await mongo.connection.dropDatabase();
  await mongo.close();
});

const token = (id: string, hash: string) => ({
  insertOne: { document: { _id: id, hash, role: 'support' as const, createdAt: new Date() } },
});

test('of writes that go together, the one that a unique index refuses fails alone', async () => {
  const { staffTokens } = mongo.models;
  const writes = [token('tok_1', 'a'), token('tok_2', 'a'), token('tok_3', 'c')];
  const settled = await Promise.allSettled(writes.map((operation) => writeOne(staffTokens, operation)));
  expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(isDuplicateKey((settled[1] as PromiseRejectedResult).reason)).toBe(true);
  expect(await staffTokens.countDocuments()).toBe(2);
});

test('of reads that go together, each gets its own document, or null', async () => {
  const { staffTokens } = mongo.models;
  await writeOne(staffTokens, token('tok_9', 'z'));
  const [byId, byHash, missing, again] = await Promise.all([
    findOneBy(staffTokens, '_id', 'tok_9'),
    findOneBy(staffTokens, 'hash', 'z'),
    findOneBy(staffTokens, '_id', 'z'),
    findOneBy(staffTokens, '_id', 'tok_9'),
  ]);
  expect(byId).toMatchObject({ hash: 'z' });
  expect(byHash).toMatchObject({ _id: 'tok_9' });
  expect(missing).toBeNull();
  expect(again).toEqual(byId);
});
