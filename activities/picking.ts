/** Picking: each scan is one conditional write on the shipment's pick list, checked against what was asked. */
import type { PipelineStage } from 'mongoose';
import type { PickLine, Shipment } from '../models/shipment.ts';
import { inTransaction, type Mongo } from '../platform/mongo.ts';
import type { ShortReason } from '../workflows/domain/states.ts';

export type PickRefusal = 'unknown_shipment' | 'cancelled' | 'closed' | 'wrong_item' | 'too_many';

/** A scan that does not fit the pick list. `expected` is what is still to be picked. */
export class PickRefused extends Error {
  override name = 'PickRefused';
  readonly code: PickRefusal;
  readonly expected: { lineId: string; sku: string; left: number }[];
  constructor(code: PickRefusal, message: string, lines: readonly PickLine[] = []) {
    super(message);
    this.code = code;
    this.expected = lines
      .filter((line) => line.state === 'pending')
      .map(({ lineId, sku, quantity, picked }) => ({ lineId, sku, left: quantity - picked }));
  }
}

export interface PickResult {
  /** False for a scan that had counted before. */
  applied: boolean;
  shipment: Shipment;
}

/**
 * Counts units of one SKU as picked; several lines of it are filled in order. A repeated `scanId` counts once.
 * @throws PickRefused
 */
export function scanPick(
  mongo: Mongo,
  scan: { shipmentId: string; scanId: string; sku: string; quantity: number },
): Promise<PickResult> {
  const { sku, quantity } = scan;
  const isPending = (line: string) => ({
    $and: [{ $eq: [`${line}.sku`, { $literal: sku }] }, { $eq: [`${line}.state`, 'pending'] }],
  });
  const leftOf = (line: string) => ({ $subtract: [`${line}.quantity`, `${line}.picked`] });
  const left = { $map: { input: '$lines', as: 'line', in: { $cond: [isPending('$$line'), leftOf('$$line'), 0] } } };
  const enoughLeft = { $gte: [{ $sum: left }, quantity] };

  // Walks the lines with what is left of the scan: each pending line of the SKU takes what it still needs.
  const take = { $cond: [isPending('$$this'), { $min: ['$$value.left', leftOf('$$this')] }, 0] };
  const isFull = { $and: [{ $gt: ['$$take', 0] }, { $eq: ['$$take', leftOf('$$this')] }] };
  const line = {
    $mergeObjects: [
      '$$this',
      { picked: { $add: ['$$this.picked', '$$take'] } },
      { $cond: [isFull, { state: 'picked' }, {}] },
    ],
  };
  const walked = {
    $reduce: {
      input: '$lines',
      initialValue: { left: quantity, lines: [] },
      in: {
        $let: {
          vars: { take },
          in: {
            left: { $subtract: ['$$value.left', '$$take'] },
            lines: { $concatArrays: ['$$value.lines', [line]] },
          },
        },
      },
    },
  };
  return change(mongo, scan, enoughLeft, { $getField: { field: 'lines', input: walked } }, ({ lines }) => {
    const left = lines
      .filter((line) => line.sku === sku && line.state === 'pending')
      .reduce((sum, line) => sum + line.quantity - line.picked, 0);
    return left === 0
      ? new PickRefused('wrong_item', `${sku} is not to be picked here, or is picked already`, lines)
      : new PickRefused('too_many', `${quantity} of ${sku} scanned, ${left} are still to be picked`, lines);
  });
}

/**
 * Says that the rest of a line cannot be picked; what was picked of it so far stays, also where that is nothing.
 * @throws PickRefused
 */
export function reportShort(
  mongo: Mongo,
  report: { shipmentId: string; scanId: string; lineId: string; reason: ShortReason },
): Promise<PickResult> {
  const { lineId, reason } = report;
  const isLine = (line: string) => ({
    $and: [{ $eq: [`${line}.lineId`, { $literal: lineId }] }, { $eq: [`${line}.state`, 'pending'] }],
  });
  const isOpen = { $anyElementTrue: [{ $map: { input: '$lines', as: 'line', in: isLine('$$line') } }] };
  const marked = {
    $map: {
      input: '$lines',
      as: 'line',
      in: {
        $cond: [
          isLine('$$line'),
          { $mergeObjects: ['$$line', { state: 'short', shortReason: { $literal: reason } }] },
          '$$line',
        ],
      },
    },
  };
  return change(mongo, report, isOpen, marked, ({ lines }) => {
    const line = lines.find((candidate) => candidate.lineId === lineId);
    return line === undefined
      ? new PickRefused('wrong_item', `The shipment has no line ${lineId}`, lines)
      : new PickRefused('closed', `Line ${lineId} is ${line.state} already`, lines);
  });
}

/** Whoever packs what was just picked tells the workflow of both: it need not be woken for the picking alone. */
const packedAtOnceMs = 2_000;

/**
 * The conditional write that scans and shorts share. With the last line the list closes, and in the same transaction
 * the inbox gets the event that tells the order's workflow, so that a crash cannot lose it.
 */
function change(
  mongo: Mongo,
  { shipmentId, scanId }: { shipmentId: string; scanId: string },
  condition: object,
  lines: object,
  refusal: (shipment: Shipment) => PickRefused,
): Promise<PickResult> {
  const { shipments, inbox } = mongo.models;
  const isOpen = { $in: ['pending', '$lines.state'] };
  const update: PipelineStage[] = [
    { $set: { lines, scanIds: { $concatArrays: ['$scanIds', [{ $literal: scanId }]] } } },
    { $set: { pickedAt: { $cond: [isOpen, '$$REMOVE', '$$NOW'] } } },
  ];
  return inTransaction(mongo, async (session) => {
    const shipment = await shipments
      .findOneAndUpdate(
        {
          _id: shipmentId,
          cancelledAt: { $exists: false },
          pickedAt: { $exists: false },
          scanIds: { $ne: scanId },
          $expr: condition,
        },
        update as never,
        { session, returnDocument: 'after', updatePipeline: true },
      )
      .lean<Shipment>();
    if (shipment === null) return { applied: false, shipment: await whyNot() };
    if (shipment.pickedAt !== undefined) {
      const short = shipment.lines.some((line) => line.state === 'short');
      const event = {
        _id: `picking:${shipmentId}`,
        source: 'picking' as const,
        type: 'picking.closed',
        payload: { orderId: shipment.orderId, shipmentId, short },
        receivedAt: shipment.pickedAt,
        deliveredAt: null,
        tries: 0,
        nextTryAt: new Date(shipment.pickedAt.getTime() + (short ? 0 : packedAtOnceMs)),
      };
      await inbox.create([event], { session });
    }
    return { applied: true, shipment };

    /** A scan that counted before is answered as it stands; everything else is refused. */
    async function whyNot(): Promise<Shipment> {
      const found = await shipments.findById(shipmentId).session(session).lean<Shipment>();
      if (found === null) throw new PickRefused('unknown_shipment', `There is no shipment ${shipmentId}`);
      if (found.scanIds.includes(scanId)) return found;
      if (found.cancelledAt) throw new PickRefused('cancelled', 'The shipment was cancelled: put the goods back');
      if (found.pickedAt) throw new PickRefused('closed', 'The picking of this shipment is closed');
      throw refusal(found);
    }
  });
}
