/** Files of stock over HTTP: streamed in and out, with the problem that fits where they are not taken. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { get, type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { until } from '../support/until.ts';
import { seedShop, startApi, type TestApi } from './support.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
  await seedShop(api);
});
afterAll(() => api.stop());

/** Files of this process: other tests run beside it. */
async function keptFiles(): Promise<string[]> {
  return (await readdir(tmpdir())).filter((name) => name.startsWith(`waybill-import-${process.pid}-`));
}

const header = 'sku,warehouseId,onHand\n';

function send(file: string | Buffer, query = '', headers: Record<string, string> = {}) {
  const csv = { 'content-type': 'text/csv', ...headers };
  return api.ask('POST', `/v1/stock/imports${query}`, { token: api.tokens.warehouse, raw: file, headers: csv });
}

const read = (path: string) => api.ask('GET', path, { token: api.tokens.support });
const onHand = async (sku: string) => (await read(`/v1/stock/${sku}/berlin`)).body.onHand;

describe('an import', () => {
  const file = `${header}MUG,berlin,90\nFLYER,berlin,100\n`;
  const id = createHash('sha256').update(file).digest('hex');

  test('answers with what it did, is found again, and is done once', async () => {
    const done = await send(file, '?name=monday.csv');
    expect(done.status).toBe(200);
    const counts = { id, name: 'monday.csv', mode: 'all', rows: 2, changed: 1, unchanged: 1, refused: 0 };
    expect(done.body).toMatchObject({ ...counts, errors: [], finishedAt: expect.any(String) });
    expect(await onHand('MUG')).toBe(90);
    const { body } = await read('/v1/stock/movements?sku=MUG&warehouseId=berlin');
    expect(body.movements[0]).toMatchObject({
      kind: 'count',
      onHandChange: -10,
      reason: 'Import monday.csv',
      reference: id,
      actor: expect.stringMatching(/^warehouse:tok_/),
    });
    expect((await read(`/v1/stock/imports/${id}`)).body).toEqual(done.body);

    await send(`${header}MUG,berlin,80\n`);
    expect((await send(file)).body).toEqual(done.body);
    expect(await onHand('MUG')).toBe(80);
    const first = (await read('/v1/stock/imports?limit=1')).body;
    expect(first.imports).toMatchObject([{ name: 'stock.csv', changed: 1 }]);
    const second = (await read(`/v1/stock/imports?limit=1&cursor=${first.next}`)).body;
    const { errors: _, ...withoutErrors } = done.body;
    expect(second).toEqual({ imports: [withoutErrors], next: null });
  });

  test('with bad rows is refused as a whole, or imported without them', async () => {
    const bad = `${header}MUG,berlin,70\nNONE,berlin,1\nFLYER,berlin,-1\n`;
    const errors = [
      { line: 3, reason: 'There is no product NONE' },
      { line: 4, reason: 'onHand has to be a whole number from 0 to 1000000, not "-1"' },
    ];
    const refused = await send(bad);
    expect(refused.status).toBe(422);
    expect(refused.headers.get('content-type')).toContain('application/problem+json');
    expect(refused.body).toMatchObject({ type: 'https://waybill.dev/problems/import-refused', refused: 2, errors });
    expect(await onHand('MUG')).toBe(80);

    const partial = await send(bad, '?mode=valid');
    expect(partial).toMatchObject({ status: 200, body: { rows: 3, changed: 1, refused: 2, errors } });
    expect(await onHand('MUG')).toBe(70);
  });

  test('that somebody else is at is left to them', async () => {
    const other = `${header}MUG,berlin,60\n`;
    const _id = createHash('sha256').update(other).digest('hex');
    const made = { name: 'x', mode: 'all', actor: 'x', startedAt: new Date(), rows: 1, throughLine: 0, errors: [] };
    const run = { id: 'other', aliveAt: new Date() };
    const counts = { changed: 0, unchanged: 0, refused: 0 };
    await api.mongo.models.stockImports.collection.insertOne({ _id, ...made, ...counts, run } as never);
    const answer = await send(other);
    expect(answer.status).toBe(409);
    expect(answer.body.detail).toContain('is being imported at the moment');
    expect((await read(`/v1/stock/imports/${_id}`)).body.finishedAt).toBeUndefined();
    expect(await onHand('MUG')).toBe(70);
  });
});

describe('what is no file of stock', () => {
  test('is refused by its type, and by how it is encoded', async () => {
    const others: Record<string, string>[] = [
      { 'content-type': 'application/json' },
      { 'content-type': 'text/csv; charset=iso-8859-1' },
      { 'content-encoding': 'gzip' },
    ];
    for (const headers of others) {
      const answer = await send(gzipSync(`${header}MUG,berlin,1\n`), '', headers);
      expect(answer.status).toBe(415);
      expect(answer.body.detail).toContain('text/csv, in UTF-8 and not compressed');
    }
    expect((await send(`${header}MUG,berlin,70\n`, '', { 'content-type': 'text/csv; charset=UTF-8' })).status).toBe(
      200,
    );
    expect((await api.ask('POST', '/v1/stock/imports', { token: api.tokens.warehouse })).status).toBe(400);
    expect((await send(header, '?mode=some')).status).toBe(400);
    const imports = await read('/v1/stock/imports/nonsense');
    expect(imports.status).toBe(404);
  });

  test('is refused beyond 100 MB, by what it says and by what comes', async () => {
    const options = {
      method: 'POST',
      headers: { authorization: `Bearer ${api.tokens.warehouse}`, 'content-type': 'text/csv' },
    };
    const announced = request(`${api.url}/v1/stock/imports`, options).setHeader('content-length', 101 * 2 ** 20);
    announced.flushHeaders();
    const [early] = (await once(announced, 'response')) as [IncomingMessage];
    expect(early.statusCode).toBe(413);
    announced.on('error', () => {}).destroy();

    const streamed = request(`${api.url}/v1/stock/imports`, options);
    const answered = once(streamed, 'response') as Promise<[IncomingMessage]>;
    const piece = Buffer.alloc(2 ** 20, 'MUG,berlin,1\n');
    for (let sent = 0; sent < 101; sent++) if (!streamed.write(piece)) await once(streamed, 'drain');
    streamed.end();
    const [late] = await answered;
    expect(late.statusCode).toBe(413);
    late.resume();
    await until(async () => (await keptFiles()).length === 0, 'nothing of it is kept');
  });

  test('and a body that breaks off leaves nothing', async () => {
    const headers = { authorization: `Bearer ${api.tokens.warehouse}`, 'content-type': 'text/csv' };
    const broken = request(`${api.url}/v1/stock/imports`, { method: 'POST', headers }).on('error', () => {});
    broken.write(`${header}MUG,berlin,1\n`);
    await until(async () => (await keptFiles()).length === 1, 'it has begun');
    broken.destroy();
    await until(async () => (await keptFiles()).length === 0, 'nothing of it is kept');
    expect(await onHand('MUG')).toBe(70);
  });
});

describe('an export', () => {
  test('is a file that can be imported', async () => {
    const all = await read('/v1/stock/export');
    expect(all.status).toBe(200);
    expect(all.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(all.headers.get('content-disposition')).toBe('attachment; filename="stock.csv"');
    expect(all.body.split('\n').slice(1)).toEqual([
      'FLYER,berlin,100,0,0,,,,FLYER,0,0,0,100,100',
      'MUG,berlin,70,0,0,,,,MUG,0,0,0,70,70',
      '',
    ]);
    expect((await read('/v1/stock/export?warehouseId=bonn')).body.split('\n')).toHaveLength(2);
    expect((await send(all.body)).body).toMatchObject({ rows: 2, changed: 0, unchanged: 2 });
  });

  test('is read no faster than it is taken, and no further once nobody takes it', async () => {
    const pages = 40;
    const levels = { onHand: 1, damaged: 0, reserved: 0, committed: 0, incoming: 0, safetyStock: 0, seq: 0 };
    const bins = Array<string>(20).fill('x'.repeat(40));
    for (let page = 0; page < pages; page++) {
      const many = Array.from({ length: 1_000 }, (_, index) => `MANY-${page * 1_000 + index}`);
      const stock = many.map((sku) => ({ _id: `${sku}@berlin`, sku, warehouseId: 'berlin', ...levels, bins }));
      await api.mongo.models.stock.collection.insertMany(stock as never);
    }
    const reading = jest.spyOn(api.mongo.models.stock, 'find');
    const headers = { authorization: `Bearer ${api.tokens.support}` };
    const [response] = (await once(get(`${api.url}/v1/stock/export`, { headers }), 'response')) as [IncomingMessage];
    let before = 0;
    while (reading.mock.calls.length > before) {
      before = reading.mock.calls.length;
      await setTimeout(500);
    }
    // As much as the buffers on the way hold.
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(pages / 2);
    response.destroy();
    await setTimeout(500);
    expect(reading.mock.calls.length - before).toBeLessThanOrEqual(1);
    reading.mockRestore();
    expect((await read('/v1/stock/export')).body.split('\n')).toHaveLength(pages * 1_000 + 4);
  });
});

test('the document says where a body is CSV', async () => {
  const { paths } = (await api.ask('GET', '/openapi.json')).body;
  const csv = { 'text/csv': { schema: { type: 'string', description: 'CSV in UTF-8' } } };
  expect(paths['/v1/stock/imports'].post.requestBody).toEqual({ required: true, content: csv });
  expect(paths['/v1/stock/imports'].post.responses['422'].description).toContain('import-refused');
  expect(paths['/v1/stock/export'].get.responses['200'].content).toEqual(csv);
});
