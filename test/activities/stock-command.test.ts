/** The command `stock`, as a process: what it prints, and how it ends. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connectMongo, type Mongo } from '../../platform/mongo.ts';
import { newDatabaseUri } from '../support/servers.ts';

const root = join(import.meta.dirname, '../..');
const MONGODB_URI = newDatabaseUri();
let mongo: Mongo;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waybill-test-'));
  mongo = await connectMongo(MONGODB_URI);
  for (const model of Object.values(mongo.models)) await model.createIndexes();
  const address = { name: 'Waybill', line1: 'Dock 1', city: 'Town', postalCode: '10000', country: 'US' };
  await mongo.models.warehouses.create([{ _id: 'east', name: 'East', address, priority: 1, active: true }]);
  const product = { weightGrams: 400, prices: { USD: 1999 }, active: true };
  await mongo.models.products.create(['MUG', 'CUP'].map((_id) => ({ _id, name: _id, ...product })));
});
afterAll(async () => {
  await mongo.connection.dropDatabase();
  await mongo.close();
  await rm(folder, { recursive: true });
});

function stock(...words: string[]): Promise<{ code: number; out: string; errors: string }> {
  const command = ['--import', 'tsx', 'workers/stock.ts', ...words];
  return new Promise((resolve) => {
    execFile('node', command, { cwd: root, env: { ...process.env, MONGODB_URI } }, (error, out, errors) =>
      resolve({ code: error ? Number(error.code) : 0, out, errors }),
    );
  });
}

test('imports a file, exports it again, and says what is wrong', async () => {
  const file = join(folder, 'new.csv');
  await writeFile(file, 'sku,warehouseId,onHand\nMUG,east,7\nCUP,east,3\n');
  const imported = await stock('import', file);
  expect(imported).toMatchObject({ code: 0, out: '' });
  expect(imported.errors).toBe('Checked: 100 %\nImported: 100 %\n2 rows: 2 changed, 0 unchanged, 0 refused\n');
  expect(await mongo.models.movements.findOne({ sku: 'MUG' }).lean()).toMatchObject({
    reason: 'Import new.csv',
    actor: 'command',
  });
  const again = await stock('import', file);
  expect(again).toMatchObject({ code: 0, errors: expect.stringContaining('nothing was changed now') });

  const out = join(folder, 'out.csv');
  expect(await stock('export', out)).toEqual({ code: 0, out: '', errors: 'Exported: 100 %\n' });
  const csv = await readFile(out, 'utf8');
  expect(csv.split('\n').map((line) => line.slice(0, 11))).toEqual(['sku,warehou', 'CUP,east,3,', 'MUG,east,7,', '']);
  expect((await stock('export')).out).toBe(csv);
  expect((await readdir(folder)).sort()).toEqual(['new.csv', 'out.csv']);

  await writeFile(file, 'sku,warehouseId,onHand\nMUG,east,8\nNONE,east,3\n');
  const refused = await stock('import', file);
  expect(refused).toMatchObject({ code: 1, out: '' });
  expect(refused.errors).toContain(`${file}:3: There is no product NONE\nNothing was imported: a row is wrong\n`);
  const partial = await stock('import', file, '--partial');
  expect(partial).toMatchObject({ code: 1, errors: expect.stringContaining('1 changed, 0 unchanged, 1 refused') });
});

test('finds counters that are wrong, and sets them right', async () => {
  expect(await stock('rebuild', '--check')).toEqual({ code: 0, out: '', errors: '' });
  await mongo.models.stock.updateOne({ _id: 'CUP@east' }, { $inc: { reserved: 4 } });
  const is = { code: 1, out: 'CUP@east  reserved is 4, and should be 0\n', errors: '' };
  expect(await stock('rebuild', '--check')).toEqual(is);
  expect(await stock('rebuild', '--check')).toEqual(is);
  expect(await stock('rebuild')).toEqual({ code: 0, out: 'CUP@east  reserved was 4, and is 0 now\n', errors: '' });
  expect(await stock('rebuild')).toEqual({ code: 0, out: '', errors: '' });
});

test('what cannot be done says why, and ends with 2', async () => {
  expect(await stock('--help')).toMatchObject({
    code: 0,
    out: expect.stringContaining('npm run stock -- import FILE'),
  });
  for (const words of [[], ['import', 'a', 'b'], ['export', '--partial']]) {
    expect(await stock(...words)).toMatchObject({ code: 2, errors: expect.stringContaining('That is no command') });
  }
  const missing = await stock('import', join(folder, 'none.csv'));
  expect(missing).toMatchObject({ code: 2, errors: expect.stringContaining('no such file') });
});
