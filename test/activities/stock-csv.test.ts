/** Stock as CSV files: what is refused and how it is told, what an import changes, and that it does so once. */
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readRows, writeRows } from '../../activities/stock/csv.ts';
import { exportStock } from '../../activities/stock/export.ts';
import { findDrifts } from '../../activities/stock/facts.ts';
import { ImportRefused, importStock } from '../../activities/stock/import.ts';
import { ImportRuns } from '../../activities/stock/import-run.ts';
import { moveStock } from '../../activities/stock/movements.ts';
import { commitStock, reserveStock } from '../../activities/stock/reservations.ts';
import { emptyStock } from '../../activities/stock/work.ts';
import { newId } from '../../models/id.ts';
import { type Stock, stockId } from '../../models/stock.ts';
import type { StockImport } from '../../models/stock-import.ts';
import { connectMongo, type Mongo } from '../../platform/mongo.ts';
import { writeOrder } from '../support/orders.ts';
import { newDatabaseUri } from '../support/servers.ts';

let mongo: Mongo;
beforeAll(async () => {
  mongo = await connectMongo(newDatabaseUri());
  for (const model of Object.values(mongo.models)) {
    await model.createCollection();
    await model.createIndexes();
  }
  const address = { name: 'Waybill', line1: 'Dock 1', city: 'Town', postalCode: '10000', country: 'US' };
  for (const [priority, _id] of ['east', 'west'].entries())
    await mongo.models.warehouses.create([{ _id, name: _id, address, priority, active: true }]);
  await newProducts('KIT');
  await mongo.models.products.updateOne({ _id: 'KIT' }, { $set: { bundle: [{ sku: 'MUG', quantity: 2 }] } });
});
afterAll(async () => {
  await mongo.connection.dropDatabase();
  await mongo.close();
});

async function newProducts(...skus: string[]): Promise<void> {
  const products = skus.map((sku) => ({ _id: sku, name: sku, weightGrams: 400, prices: { USD: 1999 }, active: true }));
  await mongo.models.products.collection.insertMany(products as never);
}

function move(sku: string, onHandChange: number, damagedChange = 0) {
  const common = { actor: 'test', reason: 'test', reference: 'test', onHandChange, damagedChange };
  return moveStock(mongo, { key: newId('mov'), sku, warehouseId: 'east', kind: 'receive', ...common });
}

/** Files of this process: other tests run beside it. */
async function keptFiles(): Promise<string[]> {
  return (await readdir(tmpdir())).filter((name) => name.startsWith(`waybill-import-${process.pid}-`));
}

type Options = Partial<Parameters<typeof importStock>[1]>;

function importOf(file: string | Buffer | Readable, options: Options = {}) {
  const bytes = file instanceof Readable ? file : Readable.from([Buffer.from(file)]);
  return importStock(mongo, { bytes, name: 'test.csv', mode: 'all', actor: 'test', ...options });
}

const stockOf = (sku: string, warehouseId = 'east') => mongo.models.stock.findById(stockId(sku, warehouseId)).lean();
const movementsOf = (sku: string) => mongo.models.movements.find({ sku }).sort({ seq: 1 }).lean();

/** All that an import could change. */
async function everything(): Promise<string> {
  const all = [mongo.models.stock, mongo.models.movements, mongo.models.stockImports] as (typeof mongo.models.stock)[];
  return JSON.stringify(await Promise.all(all.map((model) => model.find().sort({ _id: 1 }).lean())));
}

describe('a file that is not right is refused with a line and a reason, and changes nothing:', () => {
  beforeAll(async () => {
    await newProducts('MUG', 'CUP');
    await move('MUG', 10);
  });

  const good = 'MUG,east,3\n';
  const header = 'sku,warehouseId,onHand\n';
  const withBins = 'sku,warehouseId,onHand,bins\nMUG,east,3,A\nCUP,east,1,';
  const million = 1_000_000;
  /** Whatever the mode: nobody can tell what the rows are. */
  const unreadable: [string, string | Buffer, number, RegExp][] = [
    ['an empty file', '', 1, /empty/],
    ['blank lines', '\n\n\n', 1, /empty/],
    ['an unknown column', 'sku,warehouseId,onHand,colour\n', 1, /no column "colour"/],
    ['no warehouseId', 'sku,onHand\n', 1, /warehouseId is missing/],
    ['nothing to set', 'sku,warehouseId,name\n', 1, /at least one of onHand, damaged/],
    ['a column that is there twice', 'sku,warehouseId,onHand,onHand\n', 1, /onHand is there twice/],
    ['semicolons', 'sku;warehouseId;onHand\nMUG;east;3\n', 1, /semicolons/],
    ['UTF-16, little end first', Buffer.from(`\uFEFF${header}${good}`, 'utf16le'), 1, /UTF-16/],
    ['UTF-16, big end first', Buffer.from(`\uFEFF${header}${good}`, 'utf16le').swap16(), 1, /UTF-16/],
    ['a workbook', Buffer.from('PK\x03\x04\x14\x00'), 1, /workbook/],
    ['bytes of no text', Buffer.from([0, 1, 2, 3, 10]), 1, /no column/],
    ['a quote that is never closed', `${withBins}"B\nMUG,west,3,\n`, 3, /never closed/],
    ['a quote that is never closed, and much after it', `${withBins}"B${'\nMUG,west,3,'.repeat(million)}`, 3, /16 kB/],
    ['a quote in the middle of a cell', `${withBins}B"C\n`, 3, /quote in the middle/],
    ['text after a quote', `${withBins}"B"C\n`, 3, /quote in the middle/],
    ['a cell of 10 million characters', `${withBins}${'x'.repeat(10 * million)}\n`, 3, /16 kB/],
    ['a cell of 10 million characters in quotes', `${withBins}"${'x'.repeat(10 * million)}"\n`, 3, /16 kB/],
    ['10 million cells', `${withBins}${','.repeat(10 * million)}\n`, 3, /16 kB/],
    ['a header of 10 million characters', 'x'.repeat(10 * million), 1, /16 kB/],
    ['a row of 17 cells of 1,000 characters', `${withBins}${Array(17).fill('x'.repeat(999))}\n`, 3, /16 kB/],
  ];
  for (const [what, file, line, reason] of unreadable) {
    test(what, async () => {
      const before = await everything();
      for (const mode of ['all', 'valid'] as const) {
        const refusal = importOf(file, { mode });
        await expect(refusal).rejects.toBeInstanceOf(ImportRefused);
        await expect(refusal).rejects.toMatchObject({
          refused: 1,
          errors: [{ line, reason: expect.stringMatching(reason) }],
        });
      }
      expect(await everything()).toBe(before);
      expect(await keptFiles()).toEqual([]);
    });
  }

  const columns = 'sku,warehouseId,onHand,damaged,reorderPoint,bins,name\n';
  const rows: [string, string | Buffer, RegExp][] = [
    ['a cell too few', 'CUP,east,1', /3 cells, and the header has 7/],
    ['a cell too many', 'CUP,east,1,,,,,', /8 cells/],
    ['no SKU', ',east,1,,,,', /sku is empty/],
    ['no warehouse', 'CUP,,1,,,,', /warehouseId is empty/],
    ['a product that is not known', 'NONE,east,1,,,,', /no product NONE/],
    ['a warehouse that is not known', 'CUP,north,1,,,,', /no warehouse north/],
    ['a bundle', 'KIT,east,1,,,,', /KIT is a bundle/],
    ['a row that is there twice', 'MUG,east,4,,,,', /MUG in east is in line 2 already/],
    ['less than nothing', 'CUP,east,-1,,,,', /onHand has to be a whole number from 0 to 1000000, not "-1"/],
    ['half a unit', 'CUP,east,0.5,,,,', /onHand has to be a whole number/],
    ['more than there can be', 'CUP,east,1000001,,,,', /onHand has to be a whole number/],
    ['a formula', 'CUP,east,=cmd(),,,,', /onHand has to be a whole number .* not "=cmd\(\)"/],
    ['words', 'CUP,east,,,many,,', /reorderPoint has to be a whole number/],
    ['more damaged than there is', 'CUP,east,3,4,,,', /damaged is 4, and onHand only 3/],
    ['an empty bin', 'CUP,east,,,,A||B,', /bins/],
    ['the name of a bin that is too long', `CUP,east,,,,${'A'.repeat(33)},`, /1 to 32 characters/],
    ['a bin with a line break in it', 'CUP,east,,,,"A\nB",', /bins/],
    ['21 bins', `CUP,east,,,,${Array(21).fill('A').join('|')},`, /21 bins/],
    ['a cell of 1,001 characters', `CUP,east,1,,,,${'x'.repeat(1_001)}`, /name has 1001 characters/],
    ['Latin-1', Buffer.from('CUP,east,1,,,,Größe', 'latin1'), /name is not UTF-8/],
    ['half of a character', Buffer.from('CUP,east,1,,,,Größe').subarray(0, -2), /name is not UTF-8/],
  ];
  for (const [what, row, reason] of rows) {
    test(what, async () => {
      const before = await everything();
      const file = Buffer.concat([
        Buffer.from(`${columns}MUG,east,3,,,,\n`),
        Buffer.from(row),
        Buffer.from('\nMUG,west,3,,,,\n'),
      ]);
      await expect(importOf(file)).rejects.toMatchObject({
        message: 'Nothing was imported: a row is wrong',
        refused: 1,
        errors: [{ line: 3, reason: expect.stringMatching(reason) }],
      });
      expect(await everything()).toBe(before);
      expect(await keptFiles()).toEqual([]);
    });
  }

  test('of very many bad rows the first thousand are named, and all are counted', async () => {
    const refusal = await importOf(`${header}${'NONE,east,1\n'.repeat(2_500)}`).catch((error) => error);
    expect(refusal).toMatchObject({ refused: 2_500 });
    expect(refusal.errors.map(({ line }: { line: number }) => line)).toEqual(
      Array.from({ length: 1_000 }, (_, i) => i + 2),
    );
  });

  test('lines are those that an editor shows, whatever ends them and whatever breaks within cells', async () => {
    for (const end of ['\n', '\r\n', '\r']) {
      const lines = [
        '\uFEFFsku,warehouseId,onHand,name',
        '',
        'MUG,east,1,"two',
        'lines"',
        ',,,',
        'CUP,east,x,"three',
        '',
        'lines"',
        'NONE,east,1,',
      ];
      const refusal = await importOf(lines.join(end)).catch((error) => error);
      expect(refusal.errors.map(({ line }: { line: number }) => line)).toEqual([6, 9]);
    }
  });
});

describe('an import', () => {
  test('sets what the file says, by one movement a row, and leaves what it leaves empty', async () => {
    await newProducts('SET', 'BROKEN', 'LEVELS', 'SAME', 'NEW');
    for (const sku of ['SET', 'BROKEN', 'LEVELS', 'SAME']) await move(sku, 10, 1);
    const file = [
      'bins,onHand,name,sku,damaged,warehouseId,reorderPoint,salable,safetyStock,reorderTo',
      'A-1| B-2 ,4,ignored,SET,2,east,,ignored,,',
      ',,,BROKEN,3,east,,,,',
      ',,,LEVELS,,east,6,,2,20',
      ',10,,SAME,1,east,,,0,',
      '"C,""3""",7,,NEW,,west,,,,',
    ].join('\n');
    const { result, repeated } = await importOf(file, { name: 'monday.csv', actor: 'warehouse:tok_1' });
    expect(repeated).toBe(false);
    expect(result).toMatchObject({
      name: 'monday.csv',
      mode: 'all',
      actor: 'warehouse:tok_1',
      finishedAt: expect.any(Date),
    });
    expect(result).toMatchObject({ rows: 5, changed: 4, unchanged: 1, refused: 0, errors: [] });
    expect(await stockOf('SET')).toMatchObject({ onHand: 4, damaged: 2, safetyStock: 0, bins: ['A-1', 'B-2'] });
    expect(await stockOf('BROKEN')).toMatchObject({ onHand: 10, damaged: 3 });
    expect(await stockOf('LEVELS')).toMatchObject({
      onHand: 10,
      damaged: 1,
      safetyStock: 2,
      reorderPoint: 6,
      reorderTo: 20,
    });
    expect(await stockOf('NEW', 'west')).toMatchObject({ onHand: 7, damaged: 0, safetyStock: 0, bins: ['C,"3"'] });
    const reason = 'Import monday.csv';
    expect((await movementsOf('SET')).slice(1)).toMatchObject([
      {
        kind: 'count',
        onHandChange: -6,
        damagedChange: 1,
        actor: 'warehouse:tok_1',
        reason,
        _id: `import:${result._id}:2`,
      },
    ]);
    expect((await movementsOf('BROKEN')).slice(1)).toMatchObject([
      { kind: 'damage', onHandChange: 0, damagedChange: 2, reason },
    ]);
    for (const sku of ['LEVELS', 'SAME']) expect(await movementsOf(sku)).toHaveLength(1);
    expect(await movementsOf('NEW')).toMatchObject([{ kind: 'count', onHandChange: 7, reason }]);
  });

  test('of what can be read imports the good rows where that is asked for, and names the bad ones', async () => {
    await newProducts('GOOD-1', 'GOOD-2');
    const file = 'sku,warehouseId,onHand\nGOOD-1,east,1\nNONE,east,2\nGOOD-2,east,three\nGOOD-2,west,4\n';
    const { result } = await importOf(file, { mode: 'valid' });
    expect(result).toMatchObject({ rows: 4, changed: 2, unchanged: 0, refused: 2 });
    expect(result.errors).toEqual([
      { line: 3, reason: 'There is no product NONE' },
      { line: 4, reason: 'onHand has to be a whole number from 0 to 1000000, not "three"' },
    ]);
    expect(await stockOf('GOOD-1')).toMatchObject({ onHand: 1 });
    expect(await stockOf('GOOD-2')).toBeNull();
    expect(await stockOf('GOOD-2', 'west')).toMatchObject({ onHand: 4 });
  });

  test('of a file that was imported answers with the first result, and changes nothing, whatever happened since', async () => {
    await newProducts('AGAIN-1', 'AGAIN-2', 'AGAIN-3');
    await move('AGAIN-2', 5);
    const file =
      'sku,warehouseId,onHand,safetyStock\nAGAIN-1,east,4,\nAGAIN-2,east,5,\nAGAIN-3,east,,3\nNONE,east,1,\n';
    const first = await importOf(file, { mode: 'valid' });
    expect(first.result).toMatchObject({ changed: 2, unchanged: 1, refused: 1 });
    await move('AGAIN-1', -1);
    await move('AGAIN-2', -1);
    await mongo.models.stock.updateOne({ sku: 'AGAIN-3' }, { $set: { safetyStock: 1 } });
    const before = await everything();
    const again = await importOf(file, { name: 'other.csv', mode: 'all' });
    expect(again).toEqual({ result: first.result, repeated: true });
    expect(await everything()).toBe(before);
  });

  test('makes unpaid orders give way to a count, and is refused where promised units are picked already', async () => {
    await newProducts('HELD', 'PICKED');
    await move('HELD', 5);
    await move('PICKED', 5);
    const held = await writeOrder(mongo, 'HELD', 4);
    await reserveStock(mongo, held);
    const picked = await writeOrder(mongo, 'PICKED', 4);
    await reserveStock(mongo, picked);
    await commitStock(mongo, picked);
    await mongo.models.shipments.updateMany({ orderId: picked.state.orderId }, { $set: { begunAt: new Date() } });

    const { result } = await importOf('sku,warehouseId,onHand\nHELD,east,1\nPICKED,east,3\n');
    expect(result).toMatchObject({ rows: 2, changed: 1, refused: 1 });
    expect(result.errors).toEqual([
      { line: 3, reason: expect.stringContaining('4 are promised to orders, 3 would be left') },
    ]);
    expect(await stockOf('HELD')).toMatchObject({ onHand: 1, reserved: 1 });
    expect(await mongo.models.backlogs.findById('HELD').lean()).toMatchObject({ units: 3 });
    expect(await stockOf('PICKED')).toMatchObject({ onHand: 5, committed: 4 });
  });

  test('serves who waits, and not from the safety stock that the same row sets', async () => {
    await newProducts('WAITED');
    await reserveStock(mongo, await writeOrder(mongo, 'WAITED', 2, { limit: 10, leadDays: 1 }));
    await importOf('sku,warehouseId,onHand,safetyStock\nWAITED,east,3,3\n');
    expect(await stockOf('WAITED')).toMatchObject({ onHand: 3, reserved: 0, safetyStock: 3 });
    await importOf('sku,warehouseId,onHand,safetyStock\nWAITED,east,4,2\n');
    expect(await stockOf('WAITED')).toMatchObject({ onHand: 4, reserved: 2, safetyStock: 2 });
  });

  test('refuses damaged units that are not there', async () => {
    await newProducts('NOT-THERE');
    const { result } = await importOf('sku,warehouseId,damaged\nNOT-THERE,east,3\n');
    expect(result.errors).toEqual([{ line: 2, reason: 'NOT-THERE in east would have 0 on hand, 3 of them damaged' }]);
  });
});

describe('an import that dies', () => {
  const skus = Array.from({ length: 1_200 }, (_, index) => `DIES-${index}`);
  const file = `sku,warehouseId,onHand\n${skus.map((sku, index) => `${sku},east,${(index % 50) + 1}`).join('\n')}`;
  const imports = () => mongo.models.stockImports.find({ name: 'dies.csv' }).lean<StockImport[]>();
  const run = (options: Options = {}) => importOf(file, { name: 'dies.csv', ...options });

  test('goes on where it was, and does nothing twice', async () => {
    await newProducts(...skus);
    const dies = run({
      onProgress(pass) {
        if (pass === 'import') throw new Error('died');
      },
    });
    await expect(dies).rejects.toThrow('died');
    expect(await keptFiles()).toEqual([]);
    expect(await imports()).toMatchObject([{ rows: 1_200, changed: 500, throughLine: 501 }]);
    await move('DIES-0', 100);

    const { result, repeated } = await run();
    expect(repeated).toBe(false);
    expect(result).toMatchObject({ rows: 1_200, changed: 1_200, unchanged: 0, refused: 0 });
    expect(await stockOf('DIES-0')).toMatchObject({ onHand: 101 });
    expect(await stockOf('DIES-1199')).toMatchObject({ onHand: 50 });
    expect(await mongo.models.movements.countDocuments({ reason: 'Import dies.csv' })).toBe(1_200);
  });

  test('knows the rows that it had done without saying so by their movements', async () => {
    const forgotten = { changed: 0, throughLine: 0 };
    await mongo.models.stockImports.updateOne({ name: 'dies.csv' }, { $set: forgotten, $unset: { finishedAt: 1 } });
    await move('DIES-7', 100);
    const { result } = await run();
    expect(result).toMatchObject({ changed: 1_200, unchanged: 0, refused: 0 });
    expect(await stockOf('DIES-7')).toMatchObject({ onHand: 108 });
    expect(await mongo.models.movements.countDocuments({ reason: 'Import dies.csv' })).toBe(1_200);
  });

  test('is left alone while it seems to live, and stops where somebody else went on with it', async () => {
    const died = (aliveAt: Date) => ({
      $set: { run: { id: 'other', aliveAt }, throughLine: 0 },
      $unset: { finishedAt: 1 },
    });
    await mongo.models.stockImports.updateOne({ name: 'dies.csv' }, died(new Date()));
    await expect(run()).rejects.toBeInstanceOf(ImportRuns);
    await mongo.models.stockImports.updateOne({ name: 'dies.csv' }, died(new Date(Date.now() - 31_000)));
    let takenOver = false;
    const slow = run({
      onProgress(pass) {
        if (pass !== 'import' || takenOver) return;
        takenOver = true;
        void mongo.models.stockImports.collection.updateOne({ name: 'dies.csv' }, { $set: { 'run.id': 'third' } });
      },
    });
    await expect(slow).rejects.toThrow('Somebody else');
    expect(await imports()).toMatchObject([{ run: { id: 'third' } }]);
  });
});

describe('a file that was exported', () => {
  test('has exactly these columns, and is imported as what it was', async () => {
    await newProducts('OUT-1', 'OUT-2');
    await mongo.models.products.updateOne({ _id: 'OUT-1' }, { $set: { name: '=cmd()|"x", y' } });
    await importOf('sku,warehouseId,onHand,damaged,safetyStock,bins\nOUT-1,west,9,2,3,-1|B\nOUT-2,west,1,,,\n');
    await mongo.models.stock.updateOne({ sku: 'OUT-2' }, { $set: { bins: ["'=A1", '+2'] } });
    const csv = await text(exportStock(mongo, { warehouseId: 'west' }));
    const lines = csv.split('\n');
    expect(lines[0]).toBe(
      'sku,warehouseId,onHand,damaged,safetyStock,reorderPoint,reorderTo,bins,name,reserved,committed,incoming,salable,offered',
    );
    expect(lines).toContain(`OUT-1,west,9,2,3,,,'-1|B,"'=cmd()|""x"", y",0,0,0,7,4`);
    expect(lines).toContain(`OUT-2,west,1,0,0,,,''=A1|+2,OUT-2,0,0,0,1,1`);
    expect(csv).not.toContain(',east,');

    const before = await stockOf('OUT-2', 'west');
    const { result } = await importOf(csv);
    expect(result).toMatchObject({ rows: lines.length - 2, changed: 0, unchanged: lines.length - 2, refused: 0 });
    expect(await stockOf('OUT-2', 'west')).toEqual(before);
    const edited = await importOf(csv.replace('OUT-1,west,9,2', 'OUT-1,west,8,2'));
    expect(edited.result).toMatchObject({ changed: 1, unchanged: lines.length - 3 });
    expect(await stockOf('OUT-1', 'west')).toMatchObject({ onHand: 8, bins: ['-1', 'B'] });
  });

  test('of no stock has its header', async () => {
    expect(await text(exportStock(mongo, { warehouseId: 'nowhere' }))).toMatch(/^sku,[^\n]*offered\n$/);
  });

  test('says the same however bins and names are written', async () => {
    const character = fc.constantFrom(...`'"=+-@,; |A€＝`, '\t');
    const bin = fc
      .string({ unit: character, minLength: 1, maxLength: 5 })
      .map((made) => `${made.replace(/[|\t]/g, '')}_`);
    const name = fc.string({ unit: character, maxLength: 9 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            bins: fc.array(
              bin.map((each) => each.trim()),
              { minLength: 1, maxLength: 4 },
            ),
            name,
          }),
          { minLength: 1 },
        ),
        async (all) => {
          const rows = all.map(({ bins, name }) => ({ stock: { ...emptyStock('MUG', 'east'), bins } as Stock, name }));
          const [header] = (await text(exportStock(mongo, { warehouseId: 'nowhere' }))).split('\n');
          const read = await Readable.from(
            readRows(Readable.from([Buffer.from(`${header}\n${writeRows(rows)}`)])),
          ).toArray();
          expect(read).toMatchObject(all.map(({ bins }) => ({ values: { bins } })));
        },
      ),
    );
  });
});

test('100,000 rows are imported and exported in bounded memory', async () => {
  const count = 100_000;
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const heap = () => {
    collectGarbage();
    return process.memoryUsage().heapUsed / 2 ** 20;
  };
  const began = performance.now();
  for (let from = 0; from < count; from += 10_000)
    await newProducts(...Array.from({ length: 10_000 }, (_, index) => `MANY-${from + index}`));
  const written = performance.now();
  const lines = function* () {
    yield 'sku,warehouseId,onHand,damaged,safetyStock,bins\n';
    for (let index = 0; index < count; index++) yield `MANY-${index},west,${(index % 90) + 10},,5,A-${index}|B\n`;
  };
  const before = heap();
  let most = 0;
  let last = -1;
  const onProgress = (_pass: string, percent: number) => {
    if (percent - last > 0 && percent - last < 10) return;
    last = percent;
    most = Math.max(most, heap());
  };
  const started = performance.now();
  const { result } = await importOf(Readable.from(lines(), { objectMode: false }), { onProgress });
  const imported = performance.now();
  expect(result).toMatchObject({ rows: count, changed: count, unchanged: 0, refused: 0 });

  let bytes = 0;
  let rows = 0;
  for await (const chunk of exportStock(mongo, { warehouseId: 'west' })) {
    bytes += chunk.length;
    rows += String(chunk).split('\n').length - 1;
    if (bytes % 2 ** 20 < chunk.length) most = Math.max(most, heap());
  }
  const exported = performance.now();
  expect(rows).toBeGreaterThan(count);
  // What it has to remember is which SKUs it has seen: some ten MB. The rows themselves would be many times that.
  expect(most - before).toBeLessThan(48);
  // Against as many documents that are merely inserted, on the same machine: some 30 and 4, and more where it is busy. What
  // would go through all that came before with each row is thousands.
  const inserted = written - began;
  expect((imported - started) / inserted).toBeLessThan(300);
  expect((exported - imported) / inserted).toBeLessThan(60);
}, 240_000);

test('and after all of it the ledger explains the stock', async () => {
  expect((await findDrifts(mongo)).drifts).toEqual([]);
});
