/** What pickers do over the API: waves, lists, scans, and the barcodes that these go by. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createToken } from '../../activities/staff-tokens.ts';
import type { Order } from '../../models/order.ts';
import type { Shipment } from '../../models/shipment.ts';
import { inkOf, readBarcodes, renderPages } from '../support/pdf.ts';
import { newShipment, pickLine } from '../support/shipments.ts';
import { type Answered, newKey, startApi, type TestApi } from './support.ts';

let api: TestApi;
let ann: string;
let ben: string;
let names: { ann: string; ben: string };

beforeAll(async () => {
  api = await startApi();
  const tokens = [await createToken(api.mongo, 'warehouse'), await createToken(api.mongo, 'warehouse')] as const;
  [ann, ben] = [tokens[0].token, tokens[1].token];
  names = { ann: `warehouse:${tokens[0].id}`, ben: `warehouse:${tokens[1].id}` };
  for (const [sku, barcodes] of [
    ['MUG', ['036000291452']],
    ['LAMP', ['4006381333931']],
    ['PEN', undefined],
  ] as const)
    expect(await putProduct(sku, barcodes)).toMatchObject({ status: 201 });
});
afterAll(() => api.stop());

const address = { name: 'Dock', line1: 'Street 1', city: 'Berlin', postalCode: '10115', country: 'DE' };
let warehouses = 0;
/** One for each test, so that a wave takes nobody else's shipments. */
async function newWarehouse(): Promise<string> {
  warehouses += 1;
  const body = { name: 'Berlin', address, priority: 1, active: true };
  await api.ask('PUT', `/v1/warehouses/wh${warehouses}`, { token: api.tokens.admin, body });
  return `wh${warehouses}`;
}

function putProduct(sku: string, barcodes?: readonly string[]): Promise<Answered> {
  const body = { name: sku, weightGrams: 400, prices: { EUR: 1000 }, active: true, barcodes };
  return api.ask('PUT', `/v1/products/${sku}`, { token: api.tokens.admin, body });
}

const post = (path: string, body: object | undefined, token = ann, headers = newKey()) =>
  api.ask('POST', path, { token, body, headers });
const read = async (path: string) => (await api.ask('GET', path, { token: ann })).body;

/** A shipment of an order that wants it picked. */
async function open(
  warehouseId: string,
  lines: [sku: string, quantity: number, bin?: string][] = [['MUG', 1]],
  more: Partial<Shipment> = {},
): Promise<string> {
  const shipment = newShipment({
    warehouseId,
    lines: lines.map(([sku, quantity, bin], index) => pickLine(`line_${index + 1}`, sku, quantity, bin ? { bin } : {})),
    ...more,
  });
  await api.mongo.models.shipments.create([shipment]);
  await api.mongo.models.orders.collection.insertOne({ _id: shipment.orderId, status: 'confirmed' } as never);
  return shipment._id;
}

const shipmentOf = (id: string) => api.mongo.models.shipments.findById(id).lean<Shipment>().orFail();
const pickedOf = async (id: string) => (await shipmentOf(id)).lines.map(({ picked }) => picked);
async function setOrder(shipmentId: string, status: Order['status']): Promise<void> {
  const { orderId } = await shipmentOf(shipmentId);
  await api.mongo.models.orders.collection.updateOne({ _id: orderId } as never, { $set: { status } });
}

async function listOf(shipmentIds: string[], take = true): Promise<string> {
  const { status, body } = await post('/v1/pick-lists', { shipmentIds, take });
  expect(status).toBe(201);
  return body.id;
}

let scans = 0;
function scan(listId: string, said: object, token = ann): Promise<Answered> {
  scans += 1;
  return post(`/v1/pick-lists/${listId}/scans`, { scanId: `scan-${scans}`, quantity: 1, ...said }, token);
}

function expectProblem({ status, body }: Answered, code: number, kind: string, says: RegExp | string): void {
  expect({ status, type: body.type }).toEqual({ status: code, type: `https://waybill.dev/problems/${kind}` });
  expect(body.detail).toMatch(says);
}

describe('a wave', () => {
  const release = (body: object, headers = newKey()) => post('/v1/waves', body, ann, headers);

  test('puts what is open on lists, the most urgent first, and is the same whenever its key is sent again', async () => {
    const warehouseId = await newWarehouse();
    const [late, urgent] = [await open(warehouseId), await open(warehouseId)];
    await api.ask('PUT', `/v1/shipments/${urgent}/priority`, { token: api.tokens.support, body: { priority: 5 } });
    const headers = newKey();
    const wave = await release({ warehouseId, shipmentsAList: 1 }, headers);
    expect(wave).toMatchObject({ status: 201, body: { shipments: 2, pickLists: [{ priority: 5 }, { priority: 0 }] } });
    const [first, second] = wave.body.pickLists;
    expect(await shipmentOf(urgent)).toMatchObject({ pickListId: first.id });
    expect(await shipmentOf(late)).toMatchObject({ pickListId: second.id });
    await open(warehouseId);
    expect(await release({ warehouseId, shipmentsAList: 1 }, headers)).toMatchObject({ status: 201, body: wave.body });
    expectProblem(await release({ warehouseId }, headers), 422, 'idempotency-key-reused', 'use a new one');
    const { pickLists } = await read(`/v1/pick-lists?waveId=${wave.body.id}`);
    expect(pickLists).toHaveLength(2);
  });

  test('that is sent ten times at once is one wave', async () => {
    const warehouseId = await newWarehouse();
    for (let count = 0; count < 7; count += 1) await open(warehouseId);
    const headers = newKey();
    const rules = { warehouseId, shipmentsAList: 2 };
    const answers = await Promise.all(Array.from({ length: 10 }, () => release(rules, headers)));
    for (const { status, body } of answers) {
      expect({ status, id: body.id }).toEqual({ status: 201, id: answers[0]!.body.id });
      expect(new Set(body.pickLists.map(({ id }: { id: string }) => id)).size).toBe(4);
      expect(body).toMatchObject({ shipments: 7 });
    }
    const of = await api.mongo.models.pickLists.find({ warehouseId }).lean();
    expect(of).toHaveLength(4);
    const shipments = await api.mongo.models.shipments.find({ warehouseId }).lean<Shipment[]>();
    for (const { _id, pickListId } of shipments)
      expect(of.find((list) => list._id === pickListId)?.shipmentIds).toContain(_id);
  });

  test('shares the open shipments with another at the same moment, and says how many are its own', async () => {
    const warehouseId = await newWarehouse();
    for (let count = 0; count < 12; count += 1) await open(warehouseId);
    const waves = await Promise.all([1, 2, 3].map(() => release({ warehouseId, shipmentsAList: 3 })));
    const counted = waves.reduce((sum, { body }) => sum + body.shipments, 0);
    expect(counted).toBe(12);
    expect(await api.mongo.models.shipments.countDocuments({ warehouseId, pickListId: null })).toBe(0);
  });

  test('of nothing is empty, and of a warehouse or by rules that there are not is refused', async () => {
    const warehouseId = await newWarehouse();
    await setOrder(await open(warehouseId), 'on_hold');
    expect(await release({ warehouseId })).toMatchObject({ status: 201, body: { shipments: 0, pickLists: [] } });
    expectProblem(await release({ warehouseId: 'nowhere' }), 422, 'unknown-warehouse', 'nowhere');
    for (const wrong of [
      { warehouseId: { $ne: '' } },
      { warehouseId, groupBy: ['colour'] },
      { warehouseId, all: true },
    ])
      expectProblem(await release(wrong), 400, 'invalid-request', /warehouseId|groupBy|all/);
    expectProblem(
      await api.ask('POST', '/v1/waves', { token: ann, body: { warehouseId } }),
      400,
      'idempotency-key-missing',
      'Idempotency-Key',
    );
  });
});

describe('a pick list', () => {
  test('is made once by its key, however often and however many at once ask', async () => {
    const warehouseId = await newWarehouse();
    const shipmentIds = [await open(warehouseId), await open(warehouseId)];
    const headers = newKey();
    const make = (body: object) => post('/v1/pick-lists', body, ann, headers);
    const answers = await Promise.all(Array.from({ length: 8 }, () => make({ shipmentIds, take: true })));
    for (const answer of answers) expect(answer).toMatchObject({ status: 201, body: answers[0]!.body });
    expect(answers[0]!.body).toMatchObject({ kind: 'batch', status: 'assigned', assignee: names.ann, units: 2 });
    expect(await make({ shipmentIds, take: true })).toMatchObject({ status: 201, body: answers[0]!.body });
    expectProblem(await make({ shipmentIds }), 422, 'idempotency-key-reused', 'new one');
    expect(await api.mongo.models.pickLists.countDocuments({ warehouseId })).toBe(1);
  });

  test('of what cannot be picked is refused in words, and nothing is written', async () => {
    const [warehouseId, elsewhere] = [await newWarehouse(), await newWarehouse()];
    const [mine, held, listed] = [await open(warehouseId), await open(warehouseId), await open(warehouseId)];
    const cancelled = await open(warehouseId, undefined, { cancelledAt: new Date() });
    const other = await open(elsewhere);
    await setOrder(held, 'on_hold');
    const list = await listOf([listed]);
    const before = await api.mongo.models.pickLists.countDocuments();
    const headers = newKey();
    for (const [with_, says] of [
      [listed, `${listed} is on the pick list ${list} already`],
      [cancelled, 'is cancelled already'],
      [held, 'is on hold, or over'],
      [other, `is in ${elsewhere}`],
      ['shp_none', 'There is no shipment shp_none'],
    ] as const)
      expectProblem(
        await post('/v1/pick-lists', { shipmentIds: [mine, with_] }, ann, with_ === listed ? headers : newKey()),
        409,
        'not-allowed-now',
        says,
      );
    for (const shipmentIds of [[], [mine, mine], ['ord_1'], [{ $ne: '' }], 'all'])
      expectProblem(await post('/v1/pick-lists', { shipmentIds }), 400, 'invalid-request', 'shipmentIds');
    expect(await api.mongo.models.pickLists.countDocuments()).toBe(before);
    expect(await shipmentOf(mine)).toMatchObject({ pickListId: null });
    // Once the reason is gone, the same request goes through.
    await post(`/v1/pick-lists/${list}/disband`, undefined);
    expect(await post('/v1/pick-lists', { shipmentIds: [mine, listed] }, ann, headers)).toMatchObject({ status: 201 });
  });

  test('goes from hand to hand: taken, taken over, given back, and taken by who is next', async () => {
    const warehouseId = await newWarehouse();
    const shipmentId = await open(warehouseId, [['MUG', 3]]);
    const list = await listOf([shipmentId], false);
    const act = (what: string, token: string, body?: object) => post(`/v1/pick-lists/${list}/${what}`, body, token);
    expectProblem(await scan(list, { barcode: 'MUG' }), 409, 'picking-refused', /nobody has it. Take it first/);
    expect(await act('take', ann, {})).toMatchObject({
      status: 200,
      body: { assignee: names.ann, status: 'assigned' },
    });
    expect(await act('take', ann, {})).toMatchObject({ status: 200, body: { assignee: names.ann } });
    expectProblem(
      await act('take', ben, {}),
      409,
      'not-allowed-now',
      `${names.ann} has the pick list ${list}: take it over`,
    );
    expectProblem(await act('give-back', ben), 409, 'not-allowed-now', `${names.ann} has the pick list`);
    expectProblem(await scan(list, { barcode: 'MUG' }, ben), 409, 'picking-refused', `${names.ann} has it`);

    const before = new Date().toISOString();
    expect(await act('take', ben, { takeOver: true })).toMatchObject({ status: 200, body: { assignee: names.ben } });
    // What Ann's scanner kept while it was out of reach counts; what she scans afterwards does not.
    expect(await scan(list, { barcode: 'MUG', madeAt: before })).toMatchObject({ status: 200 });
    const late = await scan(list, { barcode: 'MUG' });
    expectProblem(late, 409, 'picking-refused', `${names.ben} has it`);
    expect(late.body).toMatchObject({ code: 'not_yours', expected: [{ sku: 'MUG', left: 2 }] });

    expect(await act('give-back', ben)).toMatchObject({ status: 200, body: { status: 'free' } });
    expect(await act('give-back', ben)).toMatchObject({ status: 200, body: { status: 'free' } });
    const next = (token: string) => post('/v1/pick-lists/next', { warehouseId }, token);
    expect(await next(ann)).toMatchObject({ status: 200, body: { id: list, assignee: names.ann } });
    expect(await next(ann)).toMatchObject({ status: 200, body: { id: list } });
    expectProblem(await next(ben), 404, 'not-found', `Nothing is to be picked in ${warehouseId}: release a wave`);
    expectProblem(await post('/v1/pick-lists/next', { warehouseId: 'nowhere' }), 422, 'unknown-warehouse', 'nowhere');
    await scan(list, { barcode: 'MUG', quantity: 2 });
    expect(await read(`/v1/pick-lists/${list}`)).toMatchObject({ status: 'done', shipments: [{ picked: 3 }] });
    expect(await pickedOf(shipmentId)).toEqual([3]);
  });

  test('of several pickers who ask for the next at once, each has another', async () => {
    const warehouseId = await newWarehouse();
    for (let count = 0; count < 2; count += 1) await listOf([await open(warehouseId)], false);
    const taken = await Promise.all([ann, ben].map((token) => post('/v1/pick-lists/next', { warehouseId }, token)));
    expect(taken.map(({ status }) => status)).toEqual([200, 200]);
    expect(new Set(taken.map(({ body }) => body.id)).size).toBe(2);
  });

  test('with a shipment that has become urgent is the next', async () => {
    const warehouseId = await newWarehouse();
    const first = await open(warehouseId, undefined, { dispatchBy: new Date(Date.now() + 1_000) });
    const second = await open(warehouseId);
    await listOf([first], false);
    const urgent = await listOf([second], false);
    const put = (priority: unknown) =>
      api.ask('PUT', `/v1/shipments/${second}/priority`, { token: api.tokens.support, body: { priority } });
    expect(await put(9)).toMatchObject({ status: 200, body: { priority: 9 } });
    for (const wrong of [10, -1, 1.5, '9', null]) expectProblem(await put(wrong), 400, 'invalid-request', 'priority');
    expect(await post('/v1/pick-lists/next', { warehouseId })).toMatchObject({ body: { id: urgent, priority: 9 } });
  });

  test('is disbanded as far as nobody has begun with it', async () => {
    const warehouseId = await newWarehouse();
    const [begun, untouched] = [await open(warehouseId, [['MUG', 2]]), await open(warehouseId, [['LAMP', 1]])];
    const list = await listOf([begun, untouched]);
    await scan(list, { barcode: 'MUG' });
    for (let time = 0; time < 2; time += 1) {
      const { status, body } = await post(`/v1/pick-lists/${list}/disband`, undefined, ben);
      expect({ status, left: body.shipments.map(({ id }: { id: string }) => id) }).toEqual({
        status: 200,
        left: [begun],
      });
    }
    expect(await shipmentOf(untouched)).toMatchObject({ pickListId: null });
    await scan(list, { barcode: 'MUG' });
    expect(await pickedOf(begun)).toEqual([2]);

    const free = await listOf([untouched], false);
    await post(`/v1/pick-lists/${free}/disband`, undefined);
    expect(await read(`/v1/pick-lists?warehouseId=${warehouseId}&free=true`)).toMatchObject({ pickLists: [] });
  });

  test('is printed on both papers, with its barcode', async () => {
    const list = await listOf([await open(await newWarehouse(), [['MUG', 2, 'A-01']])]);
    for (const [paper, width] of [
      ['a4', 595],
      ['4x6', 288],
    ] as const) {
      const headers = { authorization: `Bearer ${ann}` };
      const response = await fetch(`${api.url}/v1/pick-lists/${list}/pdf?paper=${paper}`, { headers });
      expect(response.headers.get('content-type')).toBe('application/pdf');
      expect(response.headers.get('content-disposition')).toBe(`inline; filename="${list}.pdf"`);
      const [page] = await renderPages(Buffer.from(await response.arrayBuffer()), 288);
      expect(Math.round((await inkOf(page!)).width / 4)).toBe(width);
      const codes = await readBarcodes(page!);
      expect(codes.map(({ text }) => text)).toEqual(expect.arrayContaining([list, '036000291452']));
    }
    const wrong = await api.ask('GET', `/v1/pick-lists/${list}/pdf?paper=letter`, { token: ann });
    expectProblem(wrong, 400, 'invalid-request', /paper.*a4.*4x6/);
  });

  test('that does not exist, or is something else, is not there for any route', async () => {
    for (const id of ['pkl_none', 'shp_1', 'pkl_%7B%7D']) {
      for (const path of ['', '/pdf'])
        expectProblem(await api.ask('GET', `/v1/pick-lists/${id}${path}`, { token: ann }), 404, 'not-found', '');
      expectProblem(await post(`/v1/pick-lists/${id}/take`, {}), 404, 'not-found', '');
      for (const act of ['give-back', 'disband'])
        expectProblem(await post(`/v1/pick-lists/${id}/${act}`, undefined), 404, 'not-found', '');
      expectProblem(await scan(id, { barcode: 'MUG' }), 404, 'not-found', '');
    }
  });
});

describe('a scan', () => {
  test('counts once, by any form of the barcode, and says into which box', async () => {
    const warehouseId = await newWarehouse();
    const shipments = [await open(warehouseId, [['MUG', 2]]), await open(warehouseId, [['MUG', 2]])];
    const list = await listOf(shipments);
    const once = { scanId: 'once', barcode: '0036000291452', quantity: 3 };
    const puts = [
      { shipmentId: shipments[0], slot: 1, lineId: 'line_1', quantity: 2 },
      { shipmentId: shipments[1], slot: 2, lineId: 'line_1', quantity: 1 },
    ];
    const all = await Promise.all(Array.from({ length: 5 }, () => scan(list, once)));
    expect(all.filter(({ body }) => body.applied)).toHaveLength(1);
    for (const { status, body } of all) expect({ status, puts: body.puts }).toEqual({ status: 200, puts });
    expect(await scan(list, { ...once, quantity: 1 })).toMatchObject({ status: 200, body: { applied: false, puts } });
    // As a scanner sends GS1's Code 128, with a lot and a line end.
    const gs1 = { barcode: ']C1010003600029145210LOT7\u001d17271231\r', shipmentId: shipments[1] };
    expect(await scan(list, gs1)).toMatchObject({ status: 200, body: { puts: [{ slot: 2, quantity: 1 }] } });
    expect(await Promise.all(shipments.map(pickedOf))).toEqual([[2], [2]]);
  });

  test('that does not fit is refused with what was expected, and the list is worked on', async () => {
    const warehouseId = await newWarehouse();
    const shipmentId = await open(warehouseId, [['MUG', 2, 'A-01']]);
    const list = await listOf([shipmentId]);
    const expected = [{ shipmentId, slot: 1, sku: 'MUG', bin: 'A-01', left: 2 }];
    for (const [said, code, says] of [
      [{ barcode: '5901234123457' }, 'unknown_barcode', 'No product has the barcode 5901234123457'],
      [{ barcode: 'LAMP' }, 'wrong_item', 'LAMP is not on this list'],
      [{ barcode: 'MUG' }, 'wrong_bin', 'MUG lies in A-01, not in a bin that was not scanned'],
      [{ barcode: 'MUG', bin: 'B-02' }, 'wrong_bin', 'MUG lies in A-01, not in B-02'],
      [{ barcode: 'MUG', bin: 'A-01', quantity: 3 }, 'too_many', '2 are still to be picked'],
      [{ barcode: 'MUG', bin: 'A-01', shipmentId: 'shp_none' }, 'wrong_item', 'is not on this list'],
    ] as const) {
      const refused = await scan(list, said);
      expectProblem(refused, 409, 'picking-refused', says);
      expect(refused.body).toMatchObject({ code, expected });
    }
    for (const [field, value] of [
      ['barcode', { $ne: '' }],
      ['barcode', ''],
      ['barcode', 'ü'],
      ['scanId', { $ne: '' }],
      ['scanId', 'a scan'],
      ['bin', { $gt: '' }],
      ['shipmentId', { $ne: '' }],
      ['shipmentId', 'ord_1'],
      ['quantity', 0],
      ['quantity', 1.5],
      ['quantity', '1'],
      ['madeAt', 'yesterday'],
      ['sku', 'MUG'],
    ] as const) {
      const refused = await scan(list, { barcode: 'MUG', bin: 'A-01', [field]: value });
      expectProblem(refused, 400, 'invalid-request', field);
    }
    const large = await scan(list, { barcode: 'x'.repeat(10 * 2 ** 20) });
    expectProblem(large, 413, 'too-large', 'larger');
    expect(await pickedOf(shipmentId)).toEqual([0]);
    expect(await scan(list, { barcode: 'MUG', bin: 'A-01', quantity: 2 })).toMatchObject({ status: 200 });
    expectProblem(await scan(list, { barcode: 'MUG', bin: 'A-01' }), 409, 'picking-refused', 'is closed');
  });

  test('for an order that is on hold or cancelled says where the goods belong', async () => {
    const warehouseId = await newWarehouse();
    const shipmentId = await open(warehouseId, [['MUG', 2]]);
    const list = await listOf([shipmentId]);
    await scan(list, { barcode: 'MUG' });
    await setOrder(shipmentId, 'on_hold');
    const held = await scan(list, { barcode: 'MUG' });
    expectProblem(held, 409, 'picking-refused', 'leave the goods where they are');
    expect(held.body.code).toBe('on_hold');
    expect(await read(`/v1/pick-lists/${list}`)).toMatchObject({ shipments: [{ state: 'held' }] });
    await api.mongo.models.shipments.updateOne({ _id: shipmentId }, { $set: { cancelledAt: new Date() } });
    const cancelled = await scan(list, { barcode: 'MUG' });
    expectProblem(cancelled, 409, 'picking-refused', 'was cancelled: put the goods back');
    expect(cancelled.body).toMatchObject({ code: 'cancelled', expected: [] });
    expect(await read(`/v1/pick-lists/${list}`)).toMatchObject({ shipments: [{ state: 'cancelled', putBack: true }] });
    expect(await pickedOf(shipmentId)).toEqual([1]);
  });

  test('of what is not there is a report, which counts once and closes the list', async () => {
    const warehouseId = await newWarehouse();
    const shipmentId = await open(warehouseId, [['MUG', 2]]);
    const list = await listOf([shipmentId]);
    await scan(list, { barcode: 'MUG' });
    const report = (body: object) => post(`/v1/pick-lists/${list}/shorts`, { scanId: 'short-1', sku: 'MUG', ...body });
    expectProblem(await report({ reason: 'lazy' }), 400, 'invalid-request', /stockout.*damaged/);
    expectProblem(await report({ sku: 'LAMP', reason: 'stockout' }), 409, 'picking-refused', 'not on this list');
    expect(await report({ reason: 'stockout' })).toMatchObject({ status: 200, body: { applied: true } });
    expect(await report({ reason: 'stockout' })).toMatchObject({ status: 200, body: { applied: false } });
    const [line] = (await shipmentOf(shipmentId)).lines;
    expect(line).toMatchObject({ picked: 1, state: 'short', shortReason: 'stockout' });
    expect(await read(`/v1/pick-lists/${list}`)).toMatchObject({ status: 'done', lines: [{ picked: 1, short: 1 }] });
  });
});

describe('the barcodes of a product', () => {
  test('have right check digits, or another length', async () => {
    const refused = await putProduct('VASE', ['4006381333932']);
    expectProblem(refused, 400, 'invalid-request', '4006381333932 is as long as a GTIN, which would end in 1');
    expect(refused.body.errors).toMatchObject([{ in: 'body', field: 'barcodes.0' }]);
    for (const [wrong, says] of [
      [['A B'], 'no spaces'],
      [['x'.repeat(65)], 'at most 64'],
      [['036000291452', '0036000291452'], 'named twice'],
      [[{ $ne: '' }], 'string'],
    ] as const)
      expectProblem(await putProduct('VASE', wrong as never), 400, 'invalid-request', says);
    expect((await api.ask('GET', '/v1/products/VASE')).status).toBe(404);
  });

  test('are one product’s alone, whichever form they have', async () => {
    for (const [sku, barcodes, whose] of [
      ['VASE', ['4006381333931'], 'LAMP'],
      ['VASE', ['0036000291452'], 'MUG'],
      ['VASE', ['00036000291452'], 'MUG'],
      ['VASE', ['MUG'], 'MUG'],
      // Its own SKU is one, too.
      ['4006381333931', undefined, 'LAMP'],
    ] as const) {
      const refused = await putProduct(sku, barcodes);
      expectProblem(refused, 409, 'barcode-taken', `${whose} has one of these barcodes`);
      expect(refused.body.sku).toBe(whose);
    }
    expect(await putProduct('VASE', ['SHELF-7'])).toMatchObject({ status: 201, body: { barcodes: ['SHELF-7'] } });
    expectProblem(await putProduct('SHELF-7'), 409, 'barcode-taken', 'VASE has one of these barcodes');
    expect(await putProduct('9780201379624')).toMatchObject({ status: 201 });
    expectProblem(await putProduct('BOOK', ['9780201379624']), 409, 'barcode-taken', '9780201379624 has');
    // Its own may be put again, and are free once it has others.
    expect(await putProduct('VASE', ['SHELF-7', 'SHELF-8'])).toMatchObject({ status: 200 });
    expect(await putProduct('VASE')).toMatchObject({ status: 200 });
    expect(await putProduct('BOWL', ['SHELF-7'])).toMatchObject({ status: 201 });
  });

  test('of two products that take the same at once only one has it', async () => {
    const answers = await Promise.all(['ONE', 'TWO', 'THREE'].map((sku) => putProduct(sku, ['96385074'])));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
  });

  test('find it on a list, also where its SKU is a GTIN', async () => {
    await putProduct('5901234123457');
    const warehouseId = await newWarehouse();
    const shipmentId = await open(warehouseId, [['5901234123457', 1]]);
    const list = await listOf([shipmentId]);
    expect(await scan(list, { barcode: '05901234123457' })).toMatchObject({ status: 200, body: { applied: true } });
  });
});

describe('a claim against a carrier', () => {
  const decide = (id: string, body: object) =>
    api.ask('POST', `/v1/carrier-claims/${id}/decide`, { token: api.tokens.support, body });

  test('is decided once, and what was decided stays', async () => {
    await api.mongo.models.carrierClaims.create([
      {
        ...{ _id: 'clm_1', orderId: 'ord_1', shipmentId: 'shp_1', parcelId: 'pcl_1', carrier: 'sandbox' },
        ...{ trackingNumber: 'T1', why: 'lost', amount: 1490, currency: 'EUR', status: 'open', createdAt: new Date() },
      },
    ]);
    for (const wrong of [
      { status: 'paid' },
      { status: 'refused', paid: 1 },
      { status: 'open' },
      { status: 'paid', paid: -1 },
      { status: 'paid', paid: { $gt: 0 } },
      { status: { $ne: 'open' } },
    ])
      expectProblem(await decide('clm_1', wrong), 400, 'invalid-request', /paid|status/);
    const paid = { status: 'paid', paid: 1000, reference: 'C-1' };
    const decided = await decide('clm_1', paid);
    expect(decided).toMatchObject({ status: 200, body: { ...paid, decidedBy: expect.stringMatching(/^support:/) } });
    expect(await decide('clm_1', paid)).toMatchObject({ status: 200, body: decided.body });
    for (const other of [{ ...paid, paid: 1490 }, { status: 'withdrawn' }])
      expectProblem(await decide('clm_1', other), 409, 'not-allowed-now', 'The claim is paid with 10.00 EUR already');
    const { body } = await api.ask('GET', '/v1/carrier-claims?status=paid', { token: api.tokens.support });
    expect(body.claims).toMatchObject([{ id: 'clm_1', paid: 1000 }]);
    expectProblem(await decide('clm_none', paid), 404, 'not-found', '');
  });
});
