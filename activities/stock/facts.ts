/**
 * What the counters of the stock should be, by the facts behind them: the movements, the lines of orders, and what
 * deliveries and transfers still have to bring. The auditor compares, and the command `stock` sets right.
 */
import type { ClientSession } from 'mongoose';
import { openStates } from '../../models/order.ts';
import { type Backlog, type Stock, stockId } from '../../models/stock.ts';
import { inTransaction, type Mongo } from '../../platform/mongo.ts';

const fields = ['onHand', 'damaged', 'seq', 'reserved', 'committed', 'incoming'] as const;
type Field = (typeof fields)[number];

export interface Drift {
  /** `SKU@WAREHOUSE`; of a backlog, the SKU. */
  where: string;
  /** `ledger`: lines are missing, which no command can bring back. */
  field: Field | 'backlog' | 'ledger';
  is: number;
  should: number;
}

interface Found {
  drifts: Drift[];
  stock: Stock[];
  movements: number;
}

/** Everything is read as of one moment, so that what moves meanwhile is no difference. */
export async function findDrifts(mongo: Mongo): Promise<Found> {
  const session = await mongo.connection.startSession({ snapshot: true });
  try {
    return await compare(mongo, session);
  } finally {
    await session.endSession();
  }
}

async function compare({ models }: Mongo, session: ClientSession): Promise<Found> {
  const should = new Map<string, Record<Field, number>>();
  const add = (id: string, field: Field, units: number) => {
    const counters = should.get(id) ?? { onHand: 0, damaged: 0, seq: 0, reserved: 0, committed: 0, incoming: 0 };
    counters[field] += units;
    should.set(id, counters);
  };
  const read = { session, readConcern: { level: 'snapshot' } } as const;

  const drifts: Drift[] = [];
  let movements = 0;
  const sums = models.movements.collection.aggregate(
    [
      {
        $group: {
          _id: { sku: '$sku', warehouseId: '$warehouseId' },
          onHand: { $sum: '$onHandChange' },
          damaged: { $sum: '$damagedChange' },
          count: { $sum: 1 },
          last: { $max: '$seq' },
        },
      },
    ],
    read,
  );
  for await (const { _id, onHand, damaged, count, last } of sums) {
    const id = stockId(_id.sku, _id.warehouseId);
    movements += count;
    add(id, 'onHand', onHand);
    add(id, 'damaged', damaged);
    add(id, 'seq', last);
    // Numbers are unique, so that as many as the last one says are all of them.
    if (count !== last) drifts.push({ where: id, field: 'ledger', is: count, should: last });
  }

  const waiting = new Map<string, number>();
  const claims = models.orders.collection.aggregate(
    [
      { $match: { 'lines.allocations.state': { $in: [...openStates] } } },
      { $unwind: '$lines' },
      { $unwind: '$lines.allocations' },
      { $replaceRoot: { newRoot: { $mergeObjects: [{ sku: '$lines.sku' }, '$lines.allocations'] } } },
      { $match: { state: { $in: [...openStates] } } },
      {
        $group: {
          _id: { sku: '$sku', warehouseId: '$warehouseId', state: '$state' },
          units: { $sum: '$quantity' },
        },
      },
    ],
    read,
  );
  for await (const { _id, units } of claims) {
    const { sku, warehouseId, state } = _id;
    if (state === 'backordered') waiting.set(sku, (waiting.get(sku) ?? 0) + units);
    else add(stockId(sku, warehouseId), state, units);
  }

  const open = { status: { $in: ['expected', 'partly_received', 'in_transit'] } };
  for await (const { warehouseId, lines } of models.deliveries.collection.find(open as never, read)) {
    for (const line of lines)
      add(stockId(line.sku, warehouseId), 'incoming', Math.max(0, line.expected - line.received));
  }
  for await (const { to, lines } of models.transfers.collection.find(open as never, read)) {
    for (const line of lines) add(stockId(line.sku, to), 'incoming', line.sent - line.received);
  }

  const stock = (await models.stock.collection.find({}, read).toArray()) as unknown as Stock[];
  const known = new Map(stock.map((each) => [each._id, each]));
  for (const where of new Set([...known.keys(), ...should.keys()])) {
    for (const field of fields) {
      const is = known.get(where)?.[field] ?? 0;
      const right = should.get(where)?.[field] ?? 0;
      if (is !== right) drifts.push({ where, field, is, should: right });
    }
  }
  const backlogs = (await models.backlogs.collection.find({}, read).toArray()) as unknown as Backlog[];
  const waitsFor = new Map(backlogs.map(({ _id, units }) => [_id, units]));
  for (const where of new Set([...waitsFor.keys(), ...waiting.keys()])) {
    const is = waitsFor.get(where) ?? 0;
    const right = waiting.get(where) ?? 0;
    if (is !== right) drifts.push({ where, field: 'backlog', is, should: right });
  }
  return { drifts, stock, movements };
}

/**
 * Sets right what the facts do not explain. Only the difference is added, so that orders may go on meanwhile: they change
 * a counter and its facts by the same.
 */
export async function rebuild(mongo: Mongo): Promise<Drift[]> {
  const { models } = mongo;
  const { drifts } = await findDrifts(mongo);
  await inTransaction(mongo, async (session) => {
    for (const { where, field, is, should } of drifts) {
      if (field === 'ledger') continue;
      if (field === 'backlog') {
        await models.backlogs.updateOne({ _id: where }, { $inc: { units: should - is } }, { session, upsert: true });
        continue;
      }
      const [sku, warehouseId] = where.split('@') as [string, string];
      const others = Object.fromEntries(fields.filter((other) => other !== field).map((other) => [other, 0]));
      await models.stock.updateOne(
        { _id: where },
        { $inc: { [field]: should - is }, $setOnInsert: { sku, warehouseId, safetyStock: 0, ...others } },
        { session, upsert: true },
      );
    }
  });
  return drifts;
}
