/** A part of an order is cancelled, at every stage on the way to the door: goods, labels and money are right afterwards. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { bookCredit } from '../../activities/payments/credit.ts';
import { makePickList } from '../../activities/picking/lists.ts';
import { readPickList } from '../../activities/picking/read.ts';
import { PickRefused } from '../../activities/picking/scans.ts';
import { newId } from '../../models/id.ts';
import { cancelOrderLines, packShipment } from '../../workflows/messages.ts';
import { type Call, createCrashes, type Moment, type Step, type StepInput } from '../support/crashes.ts';
import { price } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { createWarehouse } from '../support/warehouse.ts';
import { startWorld, type World } from '../support/world.ts';

const crashes = createCrashes();
let world: World;
let warehouse: ReturnType<typeof createWarehouse>;
beforeAll(async () => {
  world = await startWorld({ crashes });
  warehouse = createWarehouse(world);
});
afterAll(async () => {
  await world.stop();
});
afterEach(async () => {
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
});

const idle = { damaged: 0, reserved: 0, committed: 0 };

/** So many of a product that nobody else has, in one warehouse. */
async function ordered(quantity: number, more: { sku: string; quantity: number }[] = []) {
  const sku = await world.newSku({ wh_east: 10 });
  const { orderId } = await world.place({ items: [{ sku, quantity }, ...more] });
  const [shipment] = await world.shipmentsOf(orderId);
  return { sku, orderId, shipmentId: shipment!.id };
}

async function cancelUnits(orderId: string, quantity: number, lineId = 'line_1', updateId: string = newId('req')) {
  const input = { lines: [{ lineId, quantity }], actor: 'support:tok_1', reason: 'note_1' };
  return world.orderHandle(orderId).executeUpdate(cancelOrderLines, { args: [input], updateId });
}

const refusal = (attempt: Promise<unknown>) =>
  attempt.then(
    () => 'done',
    (error) => String(error.cause?.message ?? error.message),
  );

/** What is left is sent, and paid for; nothing else is. */
async function sendTheRest(orderId: string, shipmentId: string, paid: number, back: number[] = []) {
  await world.carrierSays(shipmentId, 'delivered');
  await world.reaches(orderId, 'completed');
  const { captured, refunds, held } = await world.atStripe(orderId);
  expect({ captured, refunds, held }).toEqual({ captured: [paid], refunds: back, held: 0 });
}

test('before it is picked: the units are free again, and only the rest is asked for and paid', async () => {
  const { sku, orderId, shipmentId } = await ordered(3);
  expect(await cancelUnits(orderId, 2)).toEqual({ status: 'confirmed', amountDue: price, currency: 'USD' });
  expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 10, committed: 1 });
  expect((await warehouse.shipmentOf(shipmentId)).lines).toMatchObject([{ quantity: 1, picked: 0 }]);
  expect((await world.stateOf(orderId)).timeline.at(-1)).toMatchObject({
    ...{ what: 'Cancelled: 2 of line_1', actor: 'support:tok_1', why: 'note_1' },
    ...{ before: '59.97 USD', after: '19.99 USD' },
  });
  await world.ship(orderId, shipmentId);
  await sendTheRest(orderId, shipmentId, price);
  expect(await world.mailsOf(orderId)).toContain('items_cancelled');
});

test('while it is picked: what is in the box too much is to be put back, and no more is scanned', async () => {
  const { sku, orderId, shipmentId } = await ordered(3);
  await world.scan(shipmentId, sku, 2);
  await cancelUnits(orderId, 2);
  const { lines, putBack, pickedAt, pickListId } = await warehouse.shipmentOf(shipmentId);
  expect(lines).toMatchObject([{ quantity: 1, picked: 1 }]);
  expect(putBack).toEqual([{ lineId: 'line_1', sku, name: sku, quantity: 1 }]);
  // Nothing is left to be picked, and the workflow knows it.
  expect(pickedAt).toBeInstanceOf(Date);
  await world.shipmentReaches(orderId, shipmentId, 'picked');
  await expect(world.scan(shipmentId, sku, 1)).rejects.toThrow(PickRefused);
  expect((await readPickList(world.mongo, pickListId!))!.shipments).toMatchObject([{ putBack: true, units: 1 }]);
  expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 10, committed: 1 });
  await world.pack(orderId, shipmentId);
  await world.handOver(orderId, shipmentId);
  expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 9 });
  await sendTheRest(orderId, shipmentId, price);
});

test('once it is ready: the label is void, the money goes back, and it is packed anew', async () => {
  const { orderId, shipmentId } = await ordered(2);
  await world.makeReady(orderId, shipmentId);
  const before = (await warehouse.shipmentOf(shipmentId)).parcels![0]!;
  expect(await cancelUnits(orderId, 1)).toMatchObject({ amountDue: price });
  await world.shipmentReaches(orderId, shipmentId, 'picked');
  expect(await refusal(world.handOver(orderId, shipmentId))).toContain('only a ready one');
  const isVoid = async () => (await warehouse.shipmentOf(shipmentId)).unpacked?.[0]?.label?.voided !== undefined;
  await until(isVoid, 'its label is void');
  expect(await warehouse.shipmentOf(shipmentId)).toMatchObject({
    ...{ unpacked: [{ id: before.id, label: { voided: { outcome: 'voided' } } }], changes: 1 },
    putBack: [{ quantity: 1 }],
  });
  expect(await world.pack(orderId, shipmentId)).toBe('ready');
  await world.handOver(orderId, shipmentId);
  await sendTheRest(orderId, shipmentId, 2 * price, [price]);
  const { labels } = await warehouse.carrierState();
  const ofIt = labels.filter(({ reference }) => reference.startsWith('pcl_')).slice(-2);
  expect(ofIt.map(({ status }) => status)).toEqual(['voided', 'in_use']);
});

test('parcels that were filled before something was cancelled are not taken for the shipment', async () => {
  const { orderId, shipmentId } = await ordered(2);
  await world.pickAll(shipmentId);
  await world.shipmentReaches(orderId, shipmentId, 'picked');
  await warehouse.fillBoxes(shipmentId, [[{ lineId: 'line_1', quantity: 2 }]]);
  const stale = { shipmentId, short: false, changes: 0, actor: 'test' };
  await cancelUnits(orderId, 1);
  const packing = world.orderHandle(orderId).executeUpdate(packShipment, { args: [stale] });
  expect(await refusal(packing)).toContain('pack it anew');
  expect(await world.pack(orderId, shipmentId)).toBe('ready');
  await world.handOver(orderId, shipmentId);
  await sendTheRest(orderId, shipmentId, price);
});

test('the last line of one warehouse ends its shipment, and the other is sent', async () => {
  const { sku, orderId } = await ordered(1, [{ sku: 'LAMP', quantity: 1 }]);
  const shipments = await world.shipmentsOf(orderId);
  const lamp = shipments.find(({ warehouseId }) => warehouseId === 'wh_west')!.id;
  const mine = shipments.find(({ warehouseId }) => warehouseId === 'wh_east')!.id;
  await world.makeReady(orderId, mine);
  await cancelUnits(orderId, 1);
  await world.shipmentReaches(orderId, mine, 'cancelled');
  expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 10 });
  await world.ship(orderId, lamp);
  await sendTheRest(orderId, lamp, 2 * price, [price]);
});

test('all units that are left cancel the order', async () => {
  const { sku, orderId } = await ordered(2);
  await cancelUnits(orderId, 1);
  await cancelUnits(orderId, 1);
  await world.reaches(orderId, 'cancelled');
  expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 10 });
  expect(await world.atStripe(orderId)).toMatchObject({ held: 0, captured: [], refunds: [] });
});

test('one that waits for goods: what waits goes first, and the rest is paid for when it is there', async () => {
  const sku = await world.newSku({ wh_east: 1 }, { backorder: { limit: 10, leadDays: 5 } });
  const { orderId } = await world.place({ items: [{ sku, quantity: 3 }], acceptsBackorder: true });
  await world.reaches(orderId, 'confirmed');
  expect(await cancelUnits(orderId, 2)).toMatchObject({ amountDue: price });
  const isAuthorized = async () => (await world.paymentOf(orderId)).status === 'authorized';
  await until(isAuthorized, 'what is there is paid for');
  expect(await world.paymentOf(orderId)).toMatchObject({ amountDue: price, authorized: price });
  const open = (await world.shipmentsOf(orderId)).filter(({ status }) => status !== 'cancelled');
  expect(open).toHaveLength(1);
  await world.shipmentReaches(orderId, open[0]!.id, 'picking');
  await world.ship(orderId, open[0]!.id);
  await sendTheRest(orderId, open[0]!.id, price);
});

test('before it is paid: the old amount cannot be paid any more, and the new one is', async () => {
  const sku = await world.newSku({ wh_east: 10 });
  const paymentMethod = 'pm_card_threeDSecure2Required';
  const { orderId } = await world.place({ items: [{ sku, quantity: 3 }], paymentMethod });
  const old = (await world.paymentOf(orderId)).intentId;
  expect(await cancelUnits(orderId, 2)).toEqual({ status: 'awaiting_payment', amountDue: price, currency: 'USD' });
  expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 10, reserved: 1 });
  const { intentId, pastIntents, amountDue } = await world.paymentOf(orderId);
  expect({ pastIntents, amountDue, isNew: intentId !== old }).toEqual({
    ...{ pastIntents: [old], amountDue: price, isNew: true },
  });
  await world.browser(orderId, 'confirm', { payment_method: 'pm_card_visa' });
  await world.reaches(orderId, 'confirmed');
  const [shipment] = await world.shipmentsOf(orderId);
  await world.ship(orderId, shipment!.id);
  await sendTheRest(orderId, shipment!.id, price);
});

test('while a short pick of it is undecided, also where it is packed meanwhile: the missing unit is not sent', async () => {
  await world.setFulfilment({ shortPick: 'ask' });
  const { sku, orderId, shipmentId } = await ordered(3);
  await world.pickShort(shipmentId, 2);
  await world.incident(orderId, 'short_pick');
  const packing = refusal(world.pack(orderId, shipmentId));
  await until(async () => (await warehouse.shipmentOf(shipmentId)).parcels !== undefined, 'it is packed');
  await cancelUnits(orderId, 1);
  const { id } = await world.incident(orderId, 'short_pick');
  await world.answer(orderId, id, 'cancel');
  await world.shipmentReaches(orderId, shipmentId, 'picked');
  expect(await packing).toMatch(/done|pack it anew/);
  expect(await world.pack(orderId, shipmentId)).toBe('ready');
  await world.handOver(orderId, shipmentId);
  expect(await world.stock(sku, 'wh_east')).toMatchObject({ onHand: 9, committed: 0 });
  await sendTheRest(orderId, shipmentId, price);
  await world.setFulfilment({});
});

test('the order is cancelled while a part of it is: what store credit has paid comes back', async () => {
  const sku = await world.newSku({ wh_east: 3 });
  const grant = {
    customerId: 'cus_lines',
    currency: 'USD',
    amount: price,
    kind: 'grant',
    reason: 'test',
    actor: 'test',
  };
  await bookCredit(world.mongo, { ...grant, key: newId('req'), kind: 'grant' });
  const { orderId } = await world.place({
    ...{ items: [{ sku, quantity: 3 }], customerId: 'cus_lines', credit: price },
    paymentMethod: 'pm_card_threeDSecure2Required',
  });
  await Promise.all([refusal(cancelUnits(orderId, 1)), refusal(world.cancel(orderId))]);
  await world.reaches(orderId, 'cancelled');
  const account = () => world.mongo.models.creditAccounts.findById('cus_lines:USD').lean();
  await until(async () => (await account())?.balance === price, 'the credit is there again');
});

describe('refused, and nothing is changed', () => {
  const unchanged = async (orderId: string, attempt: () => Promise<unknown>) => {
    const before = await world.readOrder(orderId);
    const why = await refusal(attempt());
    const after = await world.readOrder(orderId);
    expect(after.lines).toEqual(before.lines);
    expect(after.state?.amountDue).toBe(before.state?.amountDue);
    return why;
  };

  test('more than there is, or of a line that is not there', async () => {
    const { orderId } = await ordered(2);
    expect(await unchanged(orderId, () => cancelUnits(orderId, 3))).toContain('Of line line_1 2 can be cancelled');
    expect(await unchanged(orderId, () => cancelUnits(orderId, 1, 'line_7'))).toContain('has no line line_7');
    await cancelUnits(orderId, 1);
    expect(await unchanged(orderId, () => cancelUnits(orderId, 2))).toContain('Of line line_1 1 can be cancelled');
    await world.cancel(orderId);
  });

  test('what was handed over', async () => {
    const { orderId, shipmentId } = await ordered(1);
    await world.ship(orderId, shipmentId);
    expect(await unchanged(orderId, () => cancelUnits(orderId, 1))).toContain('only a return');
    await sendTheRest(orderId, shipmentId, price);
  });

  test('a unit that nobody found, before somebody has decided about it', async () => {
    await world.setFulfilment({ shortPick: 'ask' });
    const { orderId, shipmentId } = await ordered(2);
    await world.pickShort(shipmentId, 1);
    await world.incident(orderId, 'short_pick');
    expect(await unchanged(orderId, () => cancelUnits(orderId, 2))).toContain('Of line line_1 1 can be cancelled');
    await world.cancel(orderId);
    await world.setFulfilment({});
  });
});

test('the same request twice cancels once', async () => {
  const { orderId } = await ordered(3);
  const once = newId('req');
  const [first, second] = await Promise.all([
    cancelUnits(orderId, 1, 'line_1', once),
    cancelUnits(orderId, 1, 'line_1', once),
  ]);
  expect(second).toEqual(first);
  expect(await world.stateOf(orderId)).toMatchObject({ amountDue: 2 * price });
  await world.cancel(orderId);
});

test('of a cancellation and a hand-over at the same moment one wins, and the other is told', async () => {
  for (let round = 0; round < 6; round++) {
    const { sku, orderId, shipmentId } = await ordered(2);
    await world.makeReady(orderId, shipmentId);
    const both = [() => cancelUnits(orderId, 1), () => world.handOver(orderId, shipmentId)];
    if (round % 2 === 1) both.reverse();
    const told = await Promise.all(both.map((each) => refusal(each())));
    const [cancelled, left] = round % 2 === 1 ? told.reverse() : told;
    expect([cancelled, left].filter((each) => each === 'done')).toHaveLength(1);
    if (left === 'done') {
      expect(cancelled).toMatch(/handed over/);
      expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 8 });
      await sendTheRest(orderId, shipmentId, 2 * price);
    } else {
      expect(left).toMatch(/to be packed anew|only a ready one/);
      await world.shipmentReaches(orderId, shipmentId, 'picked');
      await world.pack(orderId, shipmentId);
      await world.handOver(orderId, shipmentId);
      expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 9 });
      await sendTheRest(orderId, shipmentId, 2 * price, [price]);
    }
  }
}, 120_000);

test('of a cancellation and the last scan at the same moment no unit is picked that is not sent', async () => {
  for (let round = 0; round < 5; round++) {
    const { sku, orderId, shipmentId } = await ordered(2);
    const list = { id: newId('pkl'), shipmentIds: [shipmentId], actor: 'test', take: true };
    await makePickList(world.mongo, list);
    await Promise.all([refusal(world.scan(shipmentId, sku, 2)), cancelUnits(orderId, 1)]);
    const { lines, putBack = [] } = await warehouse.shipmentOf(shipmentId);
    // Whoever was first: all of the box is the one unit that is sent, or it is not scanned yet.
    expect([
      { picked: 1, back: 1 },
      { picked: 0, back: 0 },
    ]).toContainEqual({
      picked: lines[0]!.picked,
      back: putBack.reduce((sum, { quantity }) => sum + quantity, 0),
    });
    if (lines[0]!.picked === 0) await world.scan(shipmentId, sku, 1);
    await world.shipmentReaches(orderId, shipmentId, 'picked');
    await world.pack(orderId, shipmentId);
    await world.handOver(orderId, shipmentId);
    await sendTheRest(orderId, shipmentId, price);
  }
}, 120_000);

describe('a worker that dies cancels once, and gives back once', () => {
  const isOf = (orderId: string, shipmentId = '') => {
    return async (input: StepInput) => input.orderId === orderId || input.reference === shipmentId;
  };

  test.each<[Step, Moment, Call | undefined]>([
    ['cancelLines', 'before its work', undefined],
    ['cancelLines', 'after its record', undefined],
    ['voidLabels', 'before the call', 'voidLabel'],
    ['voidLabels', 'after the call', 'voidLabel'],
    ['sendRefund', 'before the call', 'createRefund'],
    ['sendRefund', 'after the call', 'createRefund'],
  ])('of one that is ready: %s, %s', async (step, moment, call) => {
    const { sku, orderId, shipmentId } = await ordered(2);
    await world.makeReady(orderId, shipmentId);
    const refundId = async ({ refundId: id }: StepInput) =>
      id !== undefined && (await world.mongo.models.refunds.exists({ _id: id, orderId })) !== null;
    const isMine = step === 'sendRefund' ? refundId : isOf(orderId, shipmentId);
    const fired = crashes.arm({ step, call, moment, isMine });
    await cancelUnits(orderId, 1);
    await world.shipmentReaches(orderId, shipmentId, 'picked');
    expect(await world.pack(orderId, shipmentId)).toBe('ready');
    await world.handOver(orderId, shipmentId);
    expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 9 });
    await sendTheRest(orderId, shipmentId, 2 * price, [price]);
    expect(fired()).toBe(1);
  });

  test.each<[Step, Moment, Call | undefined]>([
    ['withdrawPayment', 'before the call', 'cancelIntent'],
    ['withdrawPayment', 'after the call', 'cancelIntent'],
    ['withdrawPayment', 'after its record', undefined],
    ['cancelLines', 'after its record', undefined],
    ['issuePayment', 'before the call', 'createIntent'],
    ['issuePayment', 'after the call', 'createIntent'],
    ['issuePayment', 'after its record', undefined],
  ])('of one that is not paid yet: %s, %s', async (step, moment, call) => {
    const sku = await world.newSku({ wh_east: 10 });
    const paymentMethod = 'pm_card_threeDSecure2Required';
    const { orderId } = await world.place({ items: [{ sku, quantity: 3 }], paymentMethod });
    const fired = crashes.arm({ step, call, moment, isMine: isOf(orderId) });
    expect(await cancelUnits(orderId, 2)).toMatchObject({ status: 'awaiting_payment', amountDue: price });
    expect(fired()).toBe(1);
    await world.browser(orderId, 'confirm', { payment_method: 'pm_card_visa' });
    await world.reaches(orderId, 'confirmed');
    expect(await world.atStripe(orderId)).toMatchObject({ held: 1 });
    expect(await world.paymentOf(orderId)).toMatchObject({ authorized: price });
    await world.cancel(orderId);
    await world.reaches(orderId, 'cancelled');
  });
});
