/** A shipment as the warehouse sees it: what to pick, how it is packed and, once its label is bought, where it goes. */
import type { z } from 'zod';
import type { Order } from '../../models/order.ts';
import type { PackedParcel, Shipment } from '../../models/shipment.ts';
import type { shipment as shipmentSchema } from '../schemas/shipments.ts';

type ShipmentView = z.input<typeof shipmentSchema>;

export function viewShipment(
  shipment: Shipment,
  order: Pick<Order, 'state'> | undefined,
  shipTo?: Order['shipTo'],
): ShipmentView {
  const { _id: id, orderId, warehouseId, createdAt, pickedAt, parcels, handedOverAt, cancelledAt } = shipment;
  const { priority, dispatchBy, promisedBy, pickListId, deliveredAt, onTime, putBackAt } = shipment;
  // Its status is its order's to say; before the order has said anything it is freshly allocated.
  const known = order?.state?.shipments.find((each) => each.id === id)?.status;
  const isLabelled = parcels?.some(({ label }) => label !== undefined) ?? false;
  const toPutBack = (shipment.putBack ?? []).filter(({ at }) => at === undefined);
  const begun = shipment.lines.some(({ picked }) => picked > 0);
  return {
    id,
    orderId,
    warehouseId,
    status: known ?? (cancelledAt ? 'cancelled' : 'allocated'),
    createdAt: createdAt.toISOString(),
    lines: shipment.lines.map(({ lineId, sku, name, bin, quantity, picked, state, shortReason }) => ({
      lineId,
      sku,
      name,
      bin,
      quantity,
      picked,
      state,
      shortReason,
    })),
    priority,
    dispatchBy: dispatchBy.toISOString(),
    promisedBy,
    pickListId: pickListId ?? undefined,
    pickedAt: pickedAt?.toISOString(),
    // What the label says is for whoever may know where it goes.
    parcels: parcels?.map((parcel) => viewParcel(parcel, isHere(shipment) || shipTo !== undefined)),
    handedOverAt: handedOverAt?.toISOString(),
    deliveredAt: deliveredAt?.toISOString(),
    onTime,
    ...(cancelledAt && begun && { putBack: putBackAt === undefined }),
    ...(toPutBack.length > 0 && { toPutBack }),
    ...(isLabelled && shipTo && { shipTo: withoutPhone(shipTo) }),
  };
}

/** To be sent from here: whoever packs may know where it goes. */
export function isHere({ handedOverAt, cancelledAt }: Shipment): boolean {
  return !handedOverAt && !cancelledAt;
}

export function viewParcel(parcel: PackedParcel, mayPrint = true) {
  const { id, weightGrams, lengthMm, widthMm, heightMm, units, label, tracking, expectedOn, proof } = parcel;
  return {
    ...{ id, weightGrams, lengthMm, widthMm, heightMm, units },
    ...(label && {
      ...{ carrier: label.carrier, service: label.service, trackingNumber: label.trackingNumber },
      ...{ cost: label.cost, currency: label.currency, ...(mayPrint && { labelUrl: label.url }) },
    }),
    ...{ status: tracking?.status, expectedOn, proof },
    handedOverAt: parcel.handedOverAt?.toISOString(),
    deliveredAt: parcel.deliveredAt?.toISOString(),
  };
}

/** The label needs it and has it; the packer does not. */
function withoutPhone({ phone: _, ...address }: Order['shipTo']): Omit<Order['shipTo'], 'phone'> {
  return address;
}
