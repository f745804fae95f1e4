/** From the packing table to the door, over the real API and workers, and what is refused on the way. */
import { createHmac, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createToken } from '../../activities/staff-tokens.ts';
import type { Shipment } from '../../models/shipment.ts';
import { readBarcodes, renderPages } from '../support/pdf.ts';
import { type Answered, serve } from '../support/serve.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let api: Awaited<ReturnType<typeof serve>>;
let picker: string;
let admin: string;
let support: string;

beforeAll(async () => {
  world = await startWorld();
  api = await serve(world);
  picker = (await createToken(world.mongo, 'warehouse')).token;
  admin = (await createToken(world.mongo, 'admin')).token;
  support = (await createToken(world.mongo, 'support')).token;
});
afterAll(async () => {
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
  expect(await world.replayFailures()).toEqual([]);
  await api.stop();
  await world.stop();
});

const post = (path: string, body?: unknown, token = picker, key?: string) => api.ask('POST', path, body, token, key);
const box = { weightGrams: 900, lengthMm: 300, widthMm: 200, heightMm: 150 };
const pack = (shipmentId: string, parcels: object[], more: object = {}, token = picker) =>
  post(`/v1/shipments/${shipmentId}/pack`, { parcels, ...more }, token);
const handOver = (barcodes: string[], more: object = {}, key?: string) =>
  post('/v1/hand-overs', { warehouseId: 'wh_east', barcodes, ...more }, picker, key);
const shipment = async (id: string) => (await api.ask('GET', `/v1/shipments/${id}`, undefined, picker)).body;

interface Going {
  orderId: string;
  shipmentId: string;
}

async function placed(items = [{ sku: 'MUG', quantity: 2 }]): Promise<Going> {
  const { orderId } = await world.place({ items });
  const [first] = await world.shipmentsOf(orderId);
  return { orderId, shipmentId: first!.id };
}

/** Through a pick list and scans of the API. */
async function picked(items?: { sku: string; quantity: number }[]): Promise<Going> {
  const going = await placed(items);
  const list = await post('/v1/pick-lists', { shipmentIds: [going.shipmentId], take: true });
  for (const { sku, quantity } of list.body.lines) {
    const scan = { scanId: randomUUID(), barcode: sku, quantity };
    expect(await post(`/v1/pick-lists/${list.body.id}/scans`, scan)).toMatchObject({ status: 200 });
  }
  return going;
}

interface Ready extends Going {
  parcels: { id: string; trackingNumber: string }[];
}

async function ready(items?: { sku: string; quantity: number }[], parcels: object[] = [box]): Promise<Ready> {
  const going = await picked(items);
  const { status, body } = await pack(going.shipmentId, parcels);
  expect({ status, shipment: body.status }).toEqual({ status: 200, shipment: 'ready' });
  return { ...going, parcels: body.parcels };
}

function expectProblem({ status, body }: Answered, code: number, kind: string, says: RegExp | string): void {
  expect({ status, type: body.type }).toEqual({ status: code, type: `https://waybill.dev/problems/${kind}` });
  expect(body.detail).toMatch(says);
}

/** Nothing that was refused is in its way. */
async function goesOn({ orderId, shipmentId }: Going): Promise<void> {
  if ((await shipment(shipmentId)).status !== 'ready')
    expect(await pack(shipmentId, [box])).toMatchObject({ status: 200, body: { status: 'ready' } });
  expect(await post(`/v1/shipments/${shipmentId}/hand-over`)).toMatchObject({
    status: 200,
    body: { status: 'shipped' },
  });
  await world.carrierSays(shipmentId, 'delivered');
  await world.reaches(orderId, 'completed');
}

describe('packing', () => {
  test('in two parcels buys two labels, each with its paper, and the shipment leaves with the last of them', async () => {
    const two = { sku: await world.newSku({ wh_east: 5 }), quantity: 3 };
    const { orderId, shipmentId, parcels } = await ready(
      [two],
      [
        { ...box, units: [{ lineId: 'line_1', quantity: 2 }] },
        { ...box, units: [{ lineId: 'line_1', quantity: 1 }] },
      ],
    );
    const [first, second] = parcels;
    expect(first!.trackingNumber).not.toBe(second!.trackingNumber);
    for (const [index, paper] of (['a4', '4x6'] as const).entries()) {
      const { id } = parcels[index]!;
      const response = await fetch(`${api.url}/v1/shipments/${shipmentId}/parcels/${id}/packing-slip?paper=${paper}`, {
        headers: { authorization: `Bearer ${picker}` },
      });
      expect(response.headers.get('content-type')).toBe('application/pdf');
      expect(response.headers.get('content-disposition')).toBe(`inline; filename="${id}.pdf"`);
      const [page] = await renderPages(Buffer.from(await response.arrayBuffer()), 300);
      expect(await readBarcodes(page!)).toContainEqual(expect.objectContaining({ format: 'Code128', text: id }));
    }
    const slip = `/v1/shipments/${shipmentId}/parcels/pcl_none/packing-slip`;
    expectProblem(await api.ask('GET', slip, undefined, picker), 404, 'not-found', '');

    const waits = await handOver([first!.id]);
    expect(waits.body.parcels).toMatchObject([{ outcome: 'waits', detail: expect.stringContaining(second!.id) }]);
    expect(await shipment(shipmentId)).toMatchObject({ status: 'ready' });
    const gone = await handOver([second!.trackingNumber]);
    expect(gone.body.parcels).toMatchObject([{ outcome: 'handed_over', shipmentId }]);
    expect(await shipment(shipmentId)).toMatchObject({ status: 'shipped', handedOverAt: expect.any(String) });
    await world.carrierSays(shipmentId, 'delivered');
    await world.reaches(orderId, 'completed');
  });

  test('of what cannot be is refused with what was expected, and can be done right afterwards', async () => {
    const sku = await world.newSku({ wh_east: 5 });
    const large = { length: 250, width: 100, height: 100 };
    await world.mongo.models.products.updateOne({ _id: sku }, { $set: { sizeMm: large } });
    const going = await picked([{ sku, quantity: 2 }]);
    const { shipmentId } = going;
    const grams = 'A parcel weighs 1 to 100000, in whole grams';
    const side = 'A side of a parcel is 1 to 3000, in whole millimetres';
    for (const [parcel, says] of [
      [{ ...box, weightGrams: 0 }, grams],
      [{ ...box, weightGrams: 10_000_000 }, grams],
      [{ ...box, weightGrams: 0.9 }, grams],
      [{ ...box, weightGrams: '900' }, grams],
      [{ ...box, weightGrams: { $gt: 0 } }, grams],
      [{ ...box, heightMm: -1 }, side],
      [{ ...box, lengthMm: 30_000 }, side],
      [{ ...box, units: [{ lineId: { $ne: '' }, quantity: 1 }] }, 'lineId'],
      [{ ...box, units: [] }, 'units'],
      [{ ...box, colour: 'brown' }, 'colour'],
    ] as const)
      expectProblem(await pack(shipmentId, [parcel]), 400, 'invalid-request', says);
    expectProblem(await pack(shipmentId, [box, box]), 400, 'invalid-request', 'each says its `units`');
    expectProblem(await pack(shipmentId, []), 400, 'invalid-request', 'parcels');

    const units = (quantity: number, lineId = 'line_1') => ({ ...box, units: [{ lineId, quantity }] });
    for (const [parcels, code, says] of [
      [[{ ...box, lengthMm: 3, widthMm: 3, heightMm: 3 }], 'impossible', 'lengths are in millimetres'],
      [[{ ...box, lengthMm: 30, widthMm: 2, heightMm: 15 }], 'impossible', 'cannot weigh 900 g'],
      [[{ ...box, lengthMm: 240, widthMm: 200 }], 'too_small', `${sku} does not fit into a box of 240 x 200 x 150 mm`],
      [[units(1)], 'units_do_not_fit', `1 of ${sku} (line_1) are in the parcels, 2 were picked`],
      [[units(2), units(1)], 'units_do_not_fit', '(line_1) are in the parcels, 2 were picked'],
      [[units(2), units(1, 'line_9')], 'units_do_not_fit', 'The shipment has no line line_9'],
    ] as const) {
      const refused = await pack(shipmentId, parcels as never);
      expectProblem(refused, 409, 'packing-refused', says);
      expect(refused.body.code).toBe(code);
    }
    expect(await shipment(shipmentId)).not.toHaveProperty('parcels');
    await goesOn(going);
  });

  test('of a weight that is not the goods’ is for an admin to confirm', async () => {
    const weightTolerance = { percent: 5, grams: 100 };
    await world.mongo.models.warehouses.updateOne({ _id: 'wh_south' }, { $set: { weightTolerance } });
    const going = await picked([{ sku: await world.newSku({ wh_south: 5 }), quantity: 2 }]);
    const says = 'weighs 2000 g, and what should be in it 800 g (760 to 940 g are fine)';
    const refused = await pack(going.shipmentId, [{ ...box, weightGrams: 2_000 }]);
    expectProblem(refused, 409, 'packing-refused', says);
    expect(refused.body.code).toBe('wrong_weight');
    const confirmed = { weightConfirmed: true };
    expectProblem(await pack(going.shipmentId, [box], confirmed), 403, 'forbidden', 'Only an admin');
    expectProblem(await pack(going.shipmentId, [box], confirmed, support), 403, 'forbidden', 'support');
    const heavy = await pack(going.shipmentId, [{ ...box, weightGrams: 2_000 }], confirmed, admin);
    expect(heavy).toMatchObject({ status: 200, body: { status: 'ready', parcels: [{ weightGrams: 2_000 }] } });
    await goesOn(going);
  });

  test('before it is picked, while it is on hold, or once it is labelled, is not possible now', async () => {
    const early = await placed();
    const unpicked = await pack(early.shipmentId, [box]);
    expectProblem(unpicked, 409, 'not-allowed-now', 'not picked yet');
    expect(unpicked.body.code).toBe('not_picked');
    for (const id of ['shp_none', 'ord_1', 'pkl_1']) expectProblem(await pack(id, [box]), 404, 'not-found', '');

    const done = await ready();
    const other = await pack(done.shipmentId, [{ ...box, weightGrams: 950 }]);
    expectProblem(other, 409, 'not-allowed-now', 'Its label is bought');
    expect(other.body.code).toBe('labelled');
    expect((await shipment(done.shipmentId)).parcels).toMatchObject([{ weightGrams: 900 }]);
    await goesOn(done);

    const held = await picked();
    await post(`/v1/orders/${held.orderId}/hold`, { reason: 'fraud?' }, support);
    await world.incident(held.orderId, 'hold');
    expectProblem(await pack(held.shipmentId, [box]), 409, 'not-allowed-now', 'on hold');
    await post(`/v1/orders/${held.orderId}/release`, { reason: 'no' }, support);
    await until(async () => (await world.stateOf(held.orderId)).incidents.length === 0);
    await goesOn(held);
    await world.cancel(early.orderId);
  });

  test('that the carrier refuses is done anew, and the incident answered with amend', async () => {
    const going = await picked();
    const fired = await world.fault('carrier', { operation: 'labels.create', kind: 'refuse' });
    const refused = await pack(going.shipmentId, [box]);
    expect(refused).toMatchObject({ status: 200, body: { status: 'packed' } });
    expect(await fired()).toBe(true);
    const { id, answers } = await world.incident(going.orderId, 'buy_label');
    expect(answers).toContain('amend');
    // Without a label nothing leaves, by its shipment or by its parcel.
    const [parcel] = refused.body.parcels;
    const early = await post(`/v1/shipments/${going.shipmentId}/hand-over`);
    expectProblem(early, 409, 'not-allowed-now', 'The shipment is packed: only a ready one');
    expect((await handOver([parcel.id])).body.parcels).toMatchObject([
      { outcome: 'not_ready', detail: 'The shipment is packed: only a ready one (labelled and paid) can leave' },
    ]);
    const smaller = { ...box, heightMm: 100 };
    expect(await pack(going.shipmentId, [smaller])).toMatchObject({
      status: 200,
      body: { status: 'packed', parcels: [{ heightMm: 100 }] },
    });
    const answer = await post(`/v1/incidents/${id}/answer`, { answer: 'amend' }, support);
    expect(answer).toMatchObject({ status: 200, body: { applied: true } });
    await world.shipmentReaches(going.orderId, going.shipmentId, 'ready');
    expect((await shipment(going.shipmentId)).parcels).toMatchObject([
      { heightMm: 100, trackingNumber: expect.any(String) },
    ]);
    await goesOn(going);
  });
});

describe('a hand-over', () => {
  const two = [1, 2].map(() => ({ ...box, units: [{ lineId: 'line_1', quantity: 1 }] }));
  const papersOf = async (id: string) => {
    const path = `/v1/hand-overs/${id}`;
    await until(async () => (await api.ask('GET', path, undefined, picker)).body.manifests !== undefined);
    return (await world.mongo.models.handOvers.findById(id).lean().orFail()).manifests!;
  };

  test('by two scanners at once: both are told that it has left, and it is on one paper', async () => {
    const going = await ready(undefined, two);
    const [one, other] = await Promise.all(
      going.parcels.map(({ id }) => handOver([id], { manifest: true }, randomUUID())),
    );
    const outcomes = [one, other].map((each) => each!.body.parcels[0].outcome);
    // Whoever came first may have been told that the other is still to come.
    expect(outcomes).toContain('handed_over');
    expect(outcomes.every((outcome) => outcome === 'handed_over' || outcome === 'waits')).toBe(true);
    const shipment = await world.mongo.models.shipments.findById(going.shipmentId).lean().orFail();
    expect(shipment.handedOverAt).toBeInstanceOf(Date);
    expect(await papersOf(shipment.leftIn!)).toHaveLength(1);
    await world.carrierSays(going.shipmentId, 'delivered');
    await world.reaches(going.orderId, 'completed');
  });

  test('of the last parcel has the ones before it on its paper', async () => {
    const going = await ready(undefined, two);
    const [first, last] = going.parcels;
    expect((await handOver([first!.id], { manifest: true })).body.parcels).toMatchObject([{ outcome: 'waits' }]);
    const { body } = await handOver([last!.id], { manifest: true });
    expect(await papersOf(body.id)).toHaveLength(1);
    const { manifests } = (await world.control(world.carrier.url, 'GET', '/_sandbox/state')) as {
      manifests: { key: string; labelIds: string[] }[];
    };
    const paper = manifests.find(({ key }) => key.startsWith(body.id))!;
    const { parcels } = await world.mongo.models.shipments.findById(going.shipmentId).lean().orFail();
    expect(paper.labelIds.toSorted()).toEqual(parcels!.map(({ label }) => label!.id).sort());
    await world.carrierSays(going.shipmentId, 'delivered');
    await world.reaches(going.orderId, 'completed');
  });

  test('of many says of each what became of it, and is the same when it is sent again', async () => {
    const [byNumber, byId, left, held, cancelled] = await Promise.all([ready(), ready(), ready(), ready(), ready()]);
    const half = await ready(undefined, [
      { ...box, units: [{ lineId: 'line_1', quantity: 1 }] },
      { ...box, units: [{ lineId: 'line_1', quantity: 1 }] },
    ]);
    const west = await ready([{ sku: 'LAMP', quantity: 1 }]);
    const unlabelled = await picked();
    await world.fault('carrier', { operation: 'labels.create', kind: 'refuse' });
    const { body: packed } = await pack(unlabelled.shipmentId, [box]);
    expect(await handOver([left.parcels[0]!.id])).toMatchObject({ body: { parcels: [{ outcome: 'handed_over' }] } });
    await post(`/v1/orders/${held.orderId}/hold`, { reason: 'fraud?' }, support);
    await until(async () => (await world.readOrder(held.orderId)).status === 'on_hold');
    await world.cancel(cancelled.orderId);

    const scanned = [
      [byNumber.parcels[0]!.trackingNumber, 'handed_over'],
      [half.parcels[0]!.id, 'waits'],
      [packed.parcels[0].id, 'not_ready'],
      [held.parcels[0]!.trackingNumber, 'on_hold'],
      [cancelled.parcels[0]!.id, 'cancelled'],
      [left.parcels[0]!.trackingNumber, 'already'],
      [west.parcels[0]!.id, 'elsewhere'],
      ['1Z999AA10123456784', 'unknown'],
      [byId.parcels[0]!.id, 'handed_over'],
    ] as const;
    const barcodes = scanned.map(([barcode]) => barcode);
    const key = randomUUID();
    const answers = await Promise.all([1, 2, 3].map(() => handOver(barcodes, { manifest: true }, key)));
    const [first] = answers;
    expect(first!.status).toBe(201);
    const outcomes = first!.body.parcels.map(({ barcode, outcome }: Record<string, string>) => [barcode, outcome]);
    expect(outcomes).toEqual(scanned);
    for (const { outcome, detail } of first!.body.parcels) if (outcome !== 'handed_over') expect(detail).toBeTruthy();
    const { id, createdAt, parcels } = first!.body;
    for (const { status, body } of answers)
      expect({ status, body }).toMatchObject({ status: 201, body: { id, createdAt, parcels } });

    const path = `/v1/hand-overs/${id}`;
    await until(async () => (await api.ask('GET', path, undefined, picker)).body.manifests !== undefined);
    const { body: with_ } = await api.ask('GET', path, undefined, picker);
    expect(with_).toMatchObject({ parcels, manifests: [{ carrier: 'sandbox', url: expect.stringMatching(/^http/) }] });
    const paper = await fetch(with_.manifests[0].url);
    expect(paper.headers.get('content-type')).toBe('application/pdf');

    // Sent again it is the first answer, and takes the papers from nobody.
    expect(await handOver(barcodes, { manifest: true }, key)).toMatchObject({ status: 201, body: { id, parcels } });
    expect((await api.ask('GET', path, undefined, picker)).body).toEqual(with_);
    expectProblem(await handOver(barcodes, {}, key), 422, 'idempotency-key-reused', 'use a new one');
    expect(await handOver([byId.parcels[0]!.id])).toMatchObject({ body: { parcels: [{ outcome: 'already' }] } });

    // What did not leave leaves once nothing is in its way.
    await post(`/v1/orders/${held.orderId}/release`, { reason: 'no' }, support);
    await until(async () => (await world.stateOf(held.orderId)).incidents.length === 0);
    await world.answer(unlabelled.orderId, (await world.incident(unlabelled.orderId, 'buy_label')).id, 'retry');
    await world.shipmentReaches(unlabelled.orderId, unlabelled.shipmentId, 'ready');
    const rest = [half.parcels[1]!.id, held.parcels[0]!.id, packed.parcels[0].id];
    const late = await handOver(rest);
    for (const { outcome } of late.body.parcels) expect(outcome).toBe('handed_over');
    expect(await handOver([west.parcels[0]!.id], { warehouseId: 'wh_west' })).toMatchObject({
      body: { parcels: [{ outcome: 'handed_over' }] },
    });
    for (const { orderId, shipmentId } of [byNumber, byId, left, held, half, west, unlabelled]) {
      await world.carrierSays(shipmentId, 'delivered');
      await world.reaches(orderId, 'completed');
    }
  });

  test('of nothing, of one parcel twice, or of what is no barcode is refused', async () => {
    for (const barcodes of [[], ['1', '1'], [{ $ne: '' }], ['ü'], Array.from({ length: 201 }, String)])
      expectProblem(await handOver(barcodes as string[]), 400, 'invalid-request', 'barcodes');
    expectProblem(await handOver(['1'], { warehouseId: 'nowhere' }), 422, 'unknown-warehouse', 'nowhere');
    for (const id of ['man_none', 'pkl_1', 'man_%00'])
      expectProblem(await api.ask('GET', `/v1/hand-overs/${id}`, undefined, picker), 404, 'not-found', '');
    expect(await handOver(['1'], { manifest: true })).toMatchObject({
      status: 201,
      body: { parcels: [{ outcome: 'unknown', detail: 'No parcel has this number, or it was unpacked again' }] },
    });
  });
});

describe('what was cancelled', () => {
  test('belongs on its shelf, and is said to be there', async () => {
    const { orderId, shipmentId } = await picked();
    const early = await post(`/v1/shipments/${shipmentId}/put-back`);
    expectProblem(early, 409, 'not-allowed-now', 'not cancelled: it is to be sent');
    await world.cancel(orderId);
    expect(await shipment(shipmentId)).toMatchObject({ status: 'cancelled', putBack: true });
    const late = await pack(shipmentId, [box]);
    expectProblem(late, 409, 'not-allowed-now', 'put the goods back');
    expect(late.body.code).toBe('cancelled');
    for (let time = 0; time < 2; time += 1)
      expect(await post(`/v1/shipments/${shipmentId}/put-back`)).toMatchObject({
        status: 200,
        body: { putBack: false },
      });
    const { putBackAt } = await world.mongo.models.shipments.findById(shipmentId).lean<Shipment>().orFail();
    expect(putBackAt).toBeInstanceOf(Date);
  });
});

test('a webhook that somebody forged moves no parcel', async () => {
  const going = await ready();
  await post(`/v1/shipments/${going.shipmentId}/hand-over`);
  const { trackingNumber, id } = going.parcels[0]!;
  const event = { id: 'evt_forged', type: 'tracking', status: 'delivered', at: new Date().toISOString(), detail: '' };
  const body = { ...event, trackingNumber, reference: id };
  const time = Math.floor(Date.now() / 1000);
  const forged = createHmac('sha256', 'a guess')
    .update(`${time}.${JSON.stringify(body)}`)
    .digest('hex');
  const response = await fetch(`${api.url}/v1/webhooks/carrier`, {
    method: 'POST',
    headers: { 'carrier-signature': `t=${time},v1=${forged}` },
    body: JSON.stringify(body),
  });
  expectProblem({ status: response.status, body: await response.json() }, 400, 'invalid-signature', /./);
  expect(await world.mongo.models.inbox.countDocuments({ 'payload.trackingNumber': trackingNumber })).toBe(0);
  expect(await shipment(going.shipmentId)).toMatchObject({ status: 'shipped' });
  await world.carrierSays(going.shipmentId, 'delivered');
  await world.reaches(going.orderId, 'completed');
  expect(await world.mongo.models.inbox.countDocuments({ 'payload.trackingNumber': trackingNumber })).toBe(1);
});
