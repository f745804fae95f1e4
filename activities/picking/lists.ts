/**
 * Pick lists: made of open shipments, taken by a picker, given back. A shipment names the one list that it is picked by, and
 * is put on it by one conditional write: so no two lists ever take the same units.
 */
import type { Order } from '../../models/order.ts';
import type { PickList } from '../../models/pick-list.ts';
import type { Shipment } from '../../models/shipment.ts';
import type { Mongo } from '../../platform/mongo.ts';

/** Shipments that cannot be picked now, or not by whoever asks. */
export class PickListRefused extends Error {
  override name = 'PickListRefused';
}

/** What of a list is still to be picked. */
export const stillToPick = { pickedAt: { $exists: false }, cancelledAt: { $exists: false } };

/** No list has it, and nobody packs it. */
function isOpen({ pickListId, pickedAt, cancelledAt }: Shipment): boolean {
  return pickListId === null && pickedAt === undefined && cancelledAt === undefined;
}

/** Those whose orders want them picked: one that is held, for one, does not. */
export async function wanted<T extends Pick<Shipment, 'orderId'>>(
  { models }: Mongo,
  shipments: readonly T[],
): Promise<T[]> {
  const ids = [...new Set(shipments.map(({ orderId }) => orderId))];
  // Few are not, so that these are asked for. Unhinted, MongoDB may go through all orders that are over.
  const others = await models.orders
    .find({ _id: { $in: ids }, status: { $nin: ['confirmed', 'processing'] } }, { _id: 1 })
    .hint({ _id: 1 })
    .lean<Pick<Order, '_id'>[]>();
  const unwanted = new Set(others.map(({ _id }) => _id));
  return shipments.filter(({ orderId }) => !unwanted.has(orderId));
}

/**
 * A list of just these shipments, all of them or none. Made again under its id it is the same one.
 * @throws PickListRefused
 */
export async function makePickList(
  mongo: Mongo,
  { id, shipmentIds, actor, take }: { id: string; shipmentIds: readonly string[]; actor: string; take: boolean },
): Promise<PickList> {
  const { models } = mongo;
  const shipments = await models.shipments.find({ _id: { $in: [...shipmentIds] } }).lean<Shipment[]>();
  const missing = shipmentIds.find((each) => !shipments.some(({ _id }) => _id === each));
  if (missing !== undefined) throw new PickListRefused(`There is no shipment ${missing}`);
  const [{ warehouseId }] = shipments as [Shipment];
  const elsewhere = shipments.find((each) => each.warehouseId !== warehouseId);
  if (elsewhere)
    throw new PickListRefused(
      `${elsewhere._id} is in ${elsewhere.warehouseId}, and not in ${warehouseId} as the first`,
    );
  const going = await wanted(mongo, shipments);
  const held = shipments.find((each) => !going.includes(each));
  if (held) throw new PickListRefused(`The order of ${held._id} is on hold, or over`);
  const taken = shipments.find((each) => each.pickListId !== id && !isOpen(each));
  if (taken) throw notOpen(taken);

  const now = new Date();
  const list: PickList = {
    ...{ _id: id, warehouseId, kind: shipments.length === 1 ? 'single' : 'batch', createdAt: now, createdBy: actor },
    shipmentIds: [...shipmentIds],
    units: shipments.reduce((sum, { units }) => sum + units, 0),
    dispatchBy: new Date(Math.min(...shipments.map(({ dispatchBy }) => dispatchBy.getTime()))),
    priority: Math.max(...shipments.map(({ priority }) => priority)),
    assignments: take ? [{ actor, from: now }] : [],
    isFree: !take,
  };
  // The list first: a shipment must not name one that is not there.
  await models.pickLists.updateOne({ _id: id }, { $setOnInsert: list }, { upsert: true });
  await putOnLists(mongo, [list]);
  const found = await models.shipments.find({ _id: { $in: [...shipmentIds] } }).lean<Shipment[]>();
  const lost = found.find(({ pickListId }) => pickListId !== id);
  if (lost === undefined) return (await models.pickLists.findById(id).lean<PickList>())!;
  await disband(mongo, id);
  throw notOpen(lost);
}

function notOpen({ _id, pickListId, pickedAt }: Shipment): PickListRefused {
  const why = pickListId ? `on the pick list ${pickListId}` : pickedAt ? 'picked' : 'cancelled';
  return new PickListRefused(`${_id} is ${why} already`);
}

/** Those of their shipments that nobody else has taken. */
export async function putOnLists(mongo: Mongo, lists: readonly Pick<PickList, '_id' | 'shipmentIds'>[]): Promise<void> {
  if (lists.length === 0) return;
  const puts = lists.map(({ _id, shipmentIds }) => ({
    updateMany: {
      filter: { _id: { $in: shipmentIds }, pickListId: null, ...stillToPick },
      update: { $set: { pickListId: _id } },
    },
  }));
  await mongo.models.shipments.collection.bulkWrite(puts as never[], { ordered: false });
  await offerAgain(
    mongo,
    lists.map(({ _id }) => _id),
  );
}

/** A picker who came before there was anything on a list has put it aside. */
async function offerAgain({ models }: Mongo, listIds: readonly string[]): Promise<void> {
  const isHeld = { $elemMatch: { until: { $exists: false } } };
  const aside = { _id: { $in: [...listIds] }, isFree: false, assignments: { $not: isHeld } };
  for (const { _id } of await models.pickLists.find(aside, { _id: 1 }).lean()) {
    if (await models.shipments.exists({ pickListId: _id, ...stillToPick }))
      await models.pickLists.updateOne({ ...aside, _id }, { $set: { isFree: true } });
  }
}

/**
 * Gives a list to a picker: one that nobody has, or with `takeOver` somebody else's. Scans that the picker before has made
 * until now count whenever they arrive.
 * @throws PickListRefused
 */
export async function takeList(
  { models }: Mongo,
  { listId, actor, takeOver }: { listId: string; actor: string; takeOver: boolean },
): Promise<PickList | null> {
  for (;;) {
    const list = await models.pickLists.findById(listId).lean<PickList>();
    if (!list) return null;
    const holder = holderOf(list);
    if (holder === actor) return list;
    if (holder !== undefined && !takeOver)
      throw new PickListRefused(`${holder} has the pick list ${listId}: take it over, if that is agreed`);
    const now = new Date();
    const assignments = [...ended(list, now), { actor, from: now }];
    const taken = await change(models, list, { assignments, isFree: false });
    if (taken) return taken;
  }
}

/** The picker goes home: what is left of the list is for somebody else. Given back again it changes nothing. */
export async function giveBack(
  mongo: Mongo,
  { listId, actor }: { listId: string; actor: string },
): Promise<PickList | null> {
  const { models } = mongo;
  for (;;) {
    const list = await models.pickLists.findById(listId).lean<PickList>();
    if (!list) return null;
    if (holderOf(list) === undefined) return list;
    if (holderOf(list) !== actor)
      throw new PickListRefused(`${holderOf(list)} has the pick list ${listId}, not ${actor}`);
    const isFree = (await models.shipments.exists({ pickListId: listId, ...stillToPick })) !== null;
    const given = await change(models, list, { assignments: ended(list, new Date()), isFree });
    if (given) return given;
  }
}

/** The most urgent list of a warehouse that nobody has, if there is one. A picker who has one with work left gets that. */
export async function takeNext(
  mongo: Mongo,
  { warehouseId, actor }: { warehouseId: string; actor: string },
): Promise<PickList | null> {
  const { models } = mongo;
  const mine = await models.pickLists
    .find({ warehouseId, assignments: { $elemMatch: { actor, until: { $exists: false } } } })
    .sort({ createdAt: -1 })
    .limit(10)
    .lean<PickList[]>();
  const ids = mine.map(({ _id }) => _id);
  const open = new Set(await models.shipments.distinct('pickListId', { pickListId: { $in: ids }, ...stillToPick }));
  const begun = mine.find(({ _id }) => open.has(_id));
  if (begun) return begun;
  for (;;) {
    const next = await models.pickLists
      .findOneAndUpdate(
        { warehouseId, isFree: true },
        { $set: { isFree: false }, $push: { assignments: { actor, from: new Date() } } },
        { returnDocument: 'after', sort: { priority: -1, dispatchBy: 1, createdAt: 1 } },
      )
      .lean<PickList>();
    if (!next) return null;
    // All of it may have been cancelled, or moved to other warehouses, since it was made.
    if (await models.shipments.exists({ pickListId: next._id, ...stillToPick })) return next;
    await change(models, next, { assignments: ended(next, new Date()) });
    await offerAgain(mongo, [next._id]);
  }
}

/** Takes the shipments from a list that nobody has begun to pick: they are open for others. */
export async function disband({ models }: Mongo, listId: string): Promise<void> {
  await models.shipments.updateMany(
    { pickListId: listId, begunAt: { $exists: false }, ...stillToPick },
    { $set: { pickListId: null } },
  );
  const isEmpty = (await models.shipments.exists({ pickListId: listId, ...stillToPick })) === null;
  if (isEmpty) await models.pickLists.updateOne({ _id: listId }, { $set: { isFree: false } });
}

/** Also of the list that it is on, which is as urgent as the most urgent of its shipments. */
export async function setPriority({ models }: Mongo, shipmentId: string, priority: number): Promise<Shipment | null> {
  const shipment = await models.shipments
    .findOneAndUpdate({ _id: shipmentId }, { $set: { priority } }, { returnDocument: 'after' })
    .lean<Shipment>();
  const listId = shipment?.pickListId;
  if (!listId) return shipment;
  const [first] = await models.shipments
    .find({ pickListId: listId, ...stillToPick }, { priority: 1 })
    .sort({ priority: -1 })
    .limit(1)
    .lean<Shipment[]>();
  if (first) await models.pickLists.updateOne({ _id: listId }, { $set: { priority: first.priority } });
  return shipment;
}

export function holderOf({ assignments }: Pick<PickList, 'assignments'>): string | undefined {
  return assignments.find(({ until }) => until === undefined)?.actor;
}

function ended({ assignments }: PickList, until: Date): PickList['assignments'] {
  return assignments.map((each) => (each.until === undefined ? { ...each, until } : each));
}

/** Unless somebody else was faster. */
function change(models: Mongo['models'], list: PickList, fields: Partial<PickList>): Promise<PickList | null> {
  return models.pickLists
    .findOneAndUpdate({ _id: list._id, assignments: list.assignments }, { $set: fields }, { returnDocument: 'after' })
    .lean<PickList>();
}
