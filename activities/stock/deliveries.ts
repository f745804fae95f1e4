/** Goods that a supplier brings: announced, then received as they come, in one or more parts, more or less than expected. */
import type { ClientSession } from 'mongoose';
import type { Delivery } from '../../models/stock-work.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { overDelivery } from '../../workflows/domain/stock.ts';
import { fillFromQueue } from './backorders.ts';
import { changeStock } from './ledger.ts';
import { type Needs, StockRefused, type Work } from './work.ts';

export interface ReceivedLine {
  sku: string;
  quantity: number;
  /** So many of them are broken, or to be looked at first: they are set aside. */
  damaged: number;
}

/** Announcing it again under its id changes nothing. */
export function announceDelivery(mongo: Mongo, delivery: Delivery): Promise<Delivery> {
  return changeStock(mongo, {
    skus: delivery.lines.map(({ sku }) => sku),
    documents: [['deliveries', delivery._id]],
    make(work) {
      const known = work.document('deliveries', delivery._id);
      if (known) return known;
      for (const { sku, expected } of delivery.lines) work.expect(sku, delivery.warehouseId, expected);
      work.put('deliveries', delivery);
      return delivery;
    },
  });
}

/**
 * Posts what came, serves who waits for it, and closes the delivery once all of it is there, or where nothing more will
 * come. A repeated key has no second effect.
 * @throws StockRefused where more came than is allowed without a question, or nothing more is expected
 */
export function receiveDelivery(
  mongo: Mongo,
  receipt: {
    key: string;
    deliveryId: string;
    lines: readonly ReceivedLine[];
    /** Nothing more will come. */
    last: boolean;
    /** Somebody has looked: it is more than was ordered, and it stays. */
    acceptOver: boolean;
    actor: string;
  },
): Promise<Delivery | undefined> {
  const { key, deliveryId, lines, last, acceptOver, actor } = receipt;
  const skus = lines.map(({ sku }) => sku);
  return changeStock(mongo, {
    queues: skus,
    documents: [
      ['deliveries', deliveryId],
      ...lines.map(({ sku }) => ['movements', `${key}:${sku}`] as ['movements', string]),
    ],
    // Closing it changes what is incoming of its other lines as well.
    find: linesOf(deliveryId),
    make(work) {
      const delivery = work.document('deliveries', deliveryId);
      if (!delivery) return undefined;
      if (delivery.status === 'received' && lines.length === 0) return delivery;
      if (lines.some(({ sku }) => work.document('movements', `${key}:${sku}`))) return delivery;
      if (delivery.closedAt)
        throw new StockRefused('wrong_state', `The delivery is ${delivery.status}: nothing more is expected of it`);
      for (const line of lines) receiveLine(work, delivery, line, { key, acceptOver, actor });
      const complete = delivery.lines.every(({ expected, received }) => received >= expected);
      if (last || complete) close(work, delivery, 'received');
      else delivery.status = 'partly_received';
      work.put('deliveries', delivery);
      for (const sku of skus) fillFromQueue(work, sku);
      return delivery;
    },
  });
}

function receiveLine(
  work: Work,
  delivery: Delivery,
  { sku, quantity, damaged }: ReceivedLine,
  { key, acceptOver, actor }: { key: string; acceptOver: boolean; actor: string },
): void {
  const { _id, warehouseId, reference, tolerancePercent } = delivery;
  const line = delivery.lines.find((each) => each.sku === sku);
  if (!line) throw new StockRefused('not_part_of_it', `${sku} is not part of the delivery ${_id}`);
  const most = line.expected + overDelivery(line.expected, tolerancePercent);
  if (line.received + quantity > most && !acceptOver) {
    const what = `${line.received + quantity} of ${sku} would be received, ${line.expected} were expected and at most ${most} are taken without a question`;
    throw new StockRefused('too_much', `${what}; send "acceptOver": true where they stay`);
  }
  const open = Math.max(0, line.expected - line.received);
  work.expect(sku, warehouseId, -Math.min(open, quantity));
  line.received += quantity;
  const movement = { key: `${key}:${sku}`, sku, warehouseId, kind: 'receive' as const, actor };
  const reason = `Delivery ${reference}`;
  work.move({ ...movement, onHandChange: quantity, damagedChange: damaged, reason, reference: _id });
}

/** What is still open will not come. */
function close(work: Work, delivery: Delivery, status: 'received' | 'cancelled'): void {
  for (const { sku, expected, received } of delivery.lines)
    work.expect(sku, delivery.warehouseId, -Math.max(0, expected - received));
  delivery.status = status;
  delivery.closedAt = new Date();
}

/** @throws StockRefused where something of it came already, or it is closed */
export function cancelDelivery(mongo: Mongo, deliveryId: string): Promise<Delivery | undefined> {
  return changeDelivery(mongo, deliveryId, (work, delivery) => {
    if (delivery.status === 'cancelled') return;
    if (delivery.status !== 'expected')
      throw new StockRefused('wrong_state', `The delivery is ${delivery.status}: it cannot be cancelled`);
    close(work, delivery, 'cancelled');
  });
}

export function postponeDelivery(mongo: Mongo, deliveryId: string, expectedAt: Date): Promise<Delivery | undefined> {
  return changeDelivery(mongo, deliveryId, (_work, delivery) => {
    if (delivery.closedAt)
      throw new StockRefused('wrong_state', `The delivery is ${delivery.status}: nothing more is expected of it`);
    delivery.expectedAt = expectedAt;
  });
}

function changeDelivery(
  mongo: Mongo,
  deliveryId: string,
  make: (work: Work, delivery: Delivery) => void,
): Promise<Delivery | undefined> {
  return changeStock(mongo, {
    documents: [['deliveries', deliveryId]],
    find: linesOf(deliveryId),
    make(work) {
      const delivery = work.document('deliveries', deliveryId);
      if (!delivery) return undefined;
      make(work, delivery);
      work.put('deliveries', delivery);
      return delivery;
    },
  });
}

function linesOf(deliveryId: string) {
  return async ({ models }: Mongo, session: ClientSession): Promise<Needs> => {
    const found = await models.deliveries.findById(deliveryId, { lines: 1 }, { session }).lean();
    return { skus: found?.lines.map(({ sku }) => sku) ?? [] };
  };
}
