/** What the warehouse does beside the shop's everyday work: several parcels, and scans at the door, as the API has them. */
import { WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import {
  type Departure,
  findLeaving,
  leave,
  type ScannedParcel,
  type Told,
} from '../../activities/shipping/hand-overs.ts';
import { packParcels } from '../../activities/shipping/packing.ts';
import { startManifest } from '../../activities/starts.ts';
import { newId } from '../../models/id.ts';
import type { Shipment } from '../../models/shipment.ts';
import type { Contents } from '../../workflows/domain/parcels.ts';
import type { ShipmentStatus } from '../../workflows/domain/states.ts';
import * as messages from '../../workflows/messages.ts';
import type { World } from './world.ts';

const actor = 'test';
const box = { weightGrams: 500, lengthMm: 200, widthMm: 150, heightMm: 100 };

/** A label as the carrier has it. */
export interface SoldLabel {
  id: string;
  trackingNumber: string;
  reference: string;
  status: 'created' | 'in_use' | 'voided';
}

interface CarrierState {
  labels: SoldLabel[];
  manifests: { id: string; key: string; labelIds: string[] }[];
}

export function createWarehouse(world: World) {
  const { mongo, client } = world;
  const { models } = mongo;

  const shipmentOf = (shipmentId: string) => models.shipments.findById(shipmentId).lean<Shipment>().orFail();
  const carrierState = () => world.control(world.carrier.url, 'GET', '/_sandbox/state') as Promise<CarrierState>;

  /** Says what is in which parcel; the order is not told yet. Answers with their ids. */
  async function fillBoxes(shipmentId: string, boxes: readonly (readonly Contents[])[]): Promise<string[]> {
    const given = boxes.map((units) => ({ ...box, units }));
    await packParcels(mongo, { shipmentId, given, weighed: true });
    return (await shipmentOf(shipmentId)).parcels!.map(({ id }) => id);
  }

  /** Tells the order that the boxes are filled: labels are bought. */
  async function tellPacked(shipmentId: string): Promise<ShipmentStatus> {
    const { orderId, lines, changes = 0 } = await shipmentOf(shipmentId);
    const input = { shipmentId, short: lines.some(({ state }) => state === 'short'), changes, actor };
    return (await world.orderHandle(orderId).executeUpdate(messages.packShipment, { args: [input] })).status;
  }

  async function packInto(shipmentId: string, boxes: readonly (readonly Contents[])[]): Promise<ShipmentStatus> {
    await fillBoxes(shipmentId, boxes);
    return tellPacked(shipmentId);
  }

  /** The parcels' ids or tracking numbers, scanned as they leave. */
  async function scanOut(
    warehouseId: string,
    barcodes: readonly string[],
    { handOverId = newId('man'), manifest = false } = {},
  ): Promise<ScannedParcel[]> {
    const { leaving, unknown } = await findLeaving(mongo, barcodes);
    const left = await Promise.all(
      leaving.map((each) => leave(mongo, each, { warehouseId, handOverId, actor }, tellOrder)),
    );
    const parcels = [...unknown, ...left.flat()];
    const wantsManifest = manifest && parcels.some(({ outcome }) => outcome === 'handed_over');
    const handOver = { _id: handOverId, warehouseId, createdAt: new Date(), actor, parcels, wantsManifest };
    await models.handOvers.replaceOne({ _id: handOverId }, handOver, { upsert: true });
    if (wantsManifest) await startManifest(client, { handOverId });
    return parcels;
  }

  async function tellOrder({ orderId, updateId, input }: Departure): Promise<Told> {
    try {
      const options = { updateId, args: [input] as [messages.HandOverInput] };
      return await world.orderHandle(orderId).executeUpdate(messages.handOverShipment, options);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return { refused: error.message };
    }
  }

  return { shipmentOf, carrierState, fillBoxes, tellPacked, packInto, scanOut };
}

/** The order's workflow has refused, or has ended. */
export function isRefusal(error: unknown): error is Error {
  return error instanceof WorkflowUpdateFailedError || error instanceof WorkflowNotFoundError;
}
