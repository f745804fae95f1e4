/**
 * Scans of a picker. Each is checked against what its list still asks for, and counts once however often it is sent. Those
 * that come at one moment go to MongoDB in one transaction: each writes a line of the journal and the shipments that it
 * fills, and whoever cancels or fills them at the same time is met there.
 */
import type { ClientSession } from 'mongoose';
import type { InboxEvent } from '../../models/inbox.ts';
import type { Order } from '../../models/order.ts';
import type { PickList, PickScan } from '../../models/pick-list.ts';
import type { Shipment } from '../../models/shipment.ts';
import { stockId } from '../../models/stock.ts';
import { batched } from '../../platform/batch.ts';
import { inTransaction, type Mongo } from '../../platform/mongo.ts';
import { barcodeKey } from '../../workflows/domain/barcodes.ts';
import {
  type Decision,
  decideScan,
  decideShort,
  mayScan,
  type PickedShipment,
  type PickRefusal,
  type Put,
  withScan,
  withShort,
} from '../../workflows/domain/picking.ts';
import type { ShortReason } from '../../workflows/domain/states.ts';
import { holderOf, stillToPick } from './lists.ts';

/** A scan that does not fit its list. `expected` is what is still to be picked. */
export class PickRefused extends Error {
  override name = 'PickRefused';
  readonly code: PickRefusal | 'unknown_list';
  readonly expected: Expected[];
  constructor(code: PickRefused['code'], message: string, expected: Expected[] = []) {
    super(message);
    this.code = code;
    this.expected = expected;
  }
}

export interface Expected {
  shipmentId: string;
  slot: number;
  sku: string;
  bin?: string;
  left: number;
}

interface Asked {
  listId: string;
  /** Made by the scanner, new for each scan. */
  scanId: string;
  actor: string;
  /** Into this box, or about this one only. */
  shipmentId?: string | undefined;
  /** By the scanner's clock. */
  madeAt: Date;
}

export interface ScanRequest extends Asked {
  barcode: string;
  bin?: string | undefined;
  quantity: number;
}

export interface ShortRequest extends Asked {
  sku: string;
  reason: ShortReason;
}

export interface PickResult {
  /** False for a scan that had counted before. */
  applied: boolean;
  puts: Put[];
}

/** @throws PickRefused */
export function scanPick(mongo: Mongo, scan: ScanRequest): Promise<PickResult> {
  return withExpected(mongo, scan.listId, inBatch(mongo, scan));
}

/** Says that what is left of a product on the list cannot be picked. @throws PickRefused */
export function reportShort(mongo: Mongo, short: ShortRequest): Promise<PickResult> {
  return withExpected(mongo, short.listId, inBatch(mongo, short));
}

async function withExpected(mongo: Mongo, listId: string, result: Promise<PickResult>): Promise<PickResult> {
  try {
    return await result;
  } catch (error) {
    if (!(error instanceof PickRefused) || error.code === 'unknown_list') throw error;
    throw new PickRefused(error.code, error.message, await expectedOf(mongo, listId));
  }
}

/** So much is told of what was expected. */
const mostExpected = 20;

async function expectedOf({ models }: Mongo, listId: string): Promise<Expected[]> {
  const list = await models.pickLists.findById(listId).lean<PickList>();
  const shipments = await models.shipments.find({ pickListId: listId, ...stillToPick }).lean<Shipment[]>();
  return shipments
    .flatMap(({ _id: shipmentId, lines }) =>
      lines
        .filter(({ state }) => state === 'pending')
        .map(({ sku, bin, quantity, picked }) => ({
          ...{ shipmentId, slot: slotOf(list, shipmentId), sku, left: quantity - picked },
          ...(bin !== undefined && { bin }),
        })),
    )
    .slice(0, mostExpected);
}

const inBatch = batched<Mongo, ScanRequest | ShortRequest, PickResult>(100, (mongo, asked) =>
  inTransaction(mongo, (session) => decideTogether(mongo, session, asked)),
);

/** What the barcodes mean. A SKU is a barcode of its own. */
async function skusOf({ models }: Mongo, asked: readonly (ScanRequest | ShortRequest)[]): Promise<Map<string, string>> {
  const barcodes = asked.flatMap((each) => ('barcode' in each ? each.barcode : []));
  const keys = [...new Set(barcodes.map(barcodeKey))];
  const products = await models.products
    .find({ $or: [{ barcodeKeys: { $in: keys } }, { _id: { $in: keys } }] }, { barcodeKeys: 1 })
    .lean<{ _id: string; barcodeKeys?: string[] }[]>();
  const skus = new Map<string, string>();
  for (const { _id: sku, barcodeKeys = [] } of products) {
    for (const key of barcodeKeys) skus.set(key, sku);
    skus.set(sku, sku);
  }
  return skus;
}

async function decideTogether(
  mongo: Mongo,
  session: ClientSession,
  asked: readonly (ScanRequest | ShortRequest)[],
): Promise<PromiseSettledResult<PickResult>[]> {
  const { models } = mongo;
  // What is written here is read in the transaction; all else beside it, for fewer round trips. A list that is taken over
  // meanwhile is still the one's who had it when the scan came.
  const [skus, lists, near] = await Promise.all([
    skusOf(mongo, asked),
    models.pickLists.find({ _id: unique(asked.map(({ listId }) => listId)) }).lean<PickList[]>(),
    models.shipments.find(nearTo(asked), undefined, { session }).lean<Shipment[]>(),
  ]);
  const skuOf = (each: ScanRequest | ShortRequest) => ('sku' in each ? each.sku : skus.get(barcodeKey(each.barcode)));
  const askedSkus = unique(asked.flatMap((each) => skuOf(each) ?? []));
  const shipments = near.filter(({ lines }) => lines.some(({ sku }) => askedSkus.includes(sku)));
  const warehouses = unique(lists.map(({ warehouseId }) => warehouseId));
  const places = warehouses.flatMap((warehouseId) => askedSkus.map((sku) => stockId(sku, warehouseId)));
  const [known, orders, stock] = await Promise.all([
    models.pickScans.find({ _id: asked.map(idOf) }, undefined, { session }).lean<PickScan[]>(),
    models.orders
      .find({ _id: unique(shipments.map(({ orderId }) => orderId)) }, { status: 1 })
      .lean<Pick<Order, '_id' | 'status'>[]>(),
    models.stock.find({ _id: places }, { bins: 1 }).lean<{ _id: string; bins?: string[] }[]>(),
  ]);
  const held = new Set(orders.filter(({ status }) => status === 'on_hold').map(({ _id }) => _id));

  const counted = new Map(known.map((scan) => [scan._id, scan.puts]));
  const now = new Date();
  const scans: PickScan[] = [];
  const changed = new Set<Shipment>();
  const outcomes = asked.map((each): PromiseSettledResult<PickResult> => {
    const before = counted.get(idOf(each));
    if (before) return { status: 'fulfilled', value: { applied: false, puts: before } };
    const list = lists.find(({ _id }) => _id === each.listId);
    if (!list) return rejected(new PickRefused('unknown_list', `There is no pick list ${each.listId}`));
    const sku = skuOf(each);
    const decision = decide(each, list, sku);
    if (!decision.ok) return rejected(new PickRefused(decision.code, decision.message));
    const { puts } = decision;
    for (const put of puts) {
      const shipment = shipments.find(({ _id }) => _id === put.shipmentId)!;
      shipment.lines = shipment.lines.map((line) => {
        if (line.lineId !== put.lineId) return line;
        return 'barcode' in each ? withScan(line, put.quantity) : withShort(line, each.reason, timeOf(each, list, now));
      });
      shipment.begunAt ??= now;
      if (!shipment.lines.some(({ state }) => state === 'pending')) shipment.pickedAt = now;
      changed.add(shipment);
    }
    counted.set(idOf(each), puts);
    scans.push(scanOf(each, sku!, puts, now));
    return { status: 'fulfilled', value: { applied: true, puts } };
  });
  await write();
  return outcomes;

  function decide(each: ScanRequest | ShortRequest, list: PickList, sku: string | undefined): Decision {
    const { actor } = each;
    const madeAt = timeOf(each, list, now);
    if (!mayScan(list.assignments, actor, madeAt)) return notYours(list, actor);
    if (sku === undefined) {
      const barcode = 'barcode' in each ? each.barcode : '';
      return { ok: false, code: 'unknown_barcode', message: `No product has the barcode ${barcode}` };
    }
    const of = shipments
      .filter(({ pickListId }) => pickListId === list._id)
      .map((shipment) => pickedShipment(list, shipment, held.has(shipment.orderId)))
      .sort((a, b) => a.slot - b.slot);
    if ('reason' in each) return decideShort(of, { sku, shipmentId: each.shipmentId });
    const bins = stock.find(({ _id }) => _id === stockId(sku, list.warehouseId))?.bins ?? [];
    return decideScan(of, { ...each, sku, madeAt }, bins);
  }

  async function write(): Promise<void> {
    if (scans.length === 0) return;
    await models.pickScans.collection.insertMany(scans as never[], { session });
    await models.shipments.collection.bulkWrite(
      [...changed].map(({ _id, lines, begunAt, pickedAt }) => ({
        updateOne: { filter: { _id }, update: { $set: { lines, begunAt: begunAt!, ...(pickedAt && { pickedAt }) } } },
      })) as never[],
      { session },
    );
    const closed = [...changed].filter(({ pickedAt }) => pickedAt !== undefined);
    if (closed.length > 0) await models.inbox.collection.insertMany(closed.map(pickingClosed) as never[], { session });
  }
}

/** The boxes that they name; where they name none, all of their list. */
function nearTo(asked: readonly Asked[]) {
  const named = asked.flatMap(({ shipmentId }) => shipmentId ?? []);
  const listIds = asked.filter(({ shipmentId }) => shipmentId === undefined).map(({ listId }) => listId);
  return { $or: [{ _id: { $in: unique(named) } }, { pickListId: { $in: unique(listIds) } }] };
}

/** A clock that tells of a time before there was the list, or that is ahead, is taken for now. */
function timeOf({ madeAt }: Asked, { createdAt }: PickList, now: Date): Date {
  return madeAt < createdAt || madeAt > now ? now : madeAt;
}

function idOf({ listId, scanId }: Asked): string {
  return `${listId}:${scanId}`;
}

function notYours(list: PickList, actor: string): Decision {
  const holder = holderOf(list);
  const why = holder === undefined ? 'nobody has it' : `${holder} has it`;
  return {
    ok: false,
    code: 'not_yours',
    message: `${actor} has not taken the pick list ${list._id}: ${why}. Take it first`,
  };
}

export function pickedShipment(
  list: PickList,
  { _id: id, lines, pickedAt, cancelledAt }: Shipment,
  isHeld: boolean,
): PickedShipment {
  const state = cancelledAt ? 'cancelled' : pickedAt ? 'closed' : isHeld ? 'held' : 'open';
  return { id, slot: slotOf(list, id), lines, state };
}

/** The number of a shipment's box. */
export function slotOf(list: Pick<PickList, 'shipmentIds'> | null, shipmentId: string): number {
  return (list?.shipmentIds.indexOf(shipmentId) ?? -1) + 1;
}

function scanOf(each: ScanRequest | ShortRequest, sku: string, puts: Put[], receivedAt: Date): PickScan {
  const { listId: pickListId, actor, madeAt } = each;
  const common = { _id: idOf(each), pickListId, sku, puts, actor, madeAt, receivedAt };
  if ('reason' in each) return { ...common, shortReason: each.reason };
  return { ...common, barcode: each.barcode, ...(each.bin !== undefined && { bin: each.bin }) };
}

/** Whoever packs what was just picked tells the workflow of both: it need not be woken for the picking alone. */
const packedAtOnceMs = 2_000;

/** Written with the last line of the list, so that a crash cannot lose it. */
function pickingClosed({ _id: shipmentId, orderId, lines, pickedAt }: Shipment): InboxEvent {
  const short = lines.some(({ state }) => state === 'short');
  return {
    _id: `picking:${shipmentId}`,
    source: 'picking',
    type: 'picking.closed',
    payload: { orderId, shipmentId, short },
    receivedAt: pickedAt!,
    deliveredAt: null,
    tries: 0,
    nextTryAt: new Date(pickedAt!.getTime() + (short ? 0 : packedAtOnceMs)),
  };
}

function rejected(reason: PickRefused): PromiseRejectedResult {
  return { status: 'rejected', reason };
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
