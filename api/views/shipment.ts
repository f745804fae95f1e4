/** A shipment as the warehouse sees it: what to pick and, once its label is bought, where it goes. */
import type { z } from 'zod';
import type { Order } from '../../models/order.ts';
import type { Shipment } from '../../models/shipment.ts';
import type { shipment as shipmentSchema } from '../schemas/shipments.ts';

export function viewShipment(
  shipment: Shipment,
  order: Pick<Order, 'state'> | undefined,
  shipTo?: Order['shipTo'],
): z.input<typeof shipmentSchema> {
  const { _id: id, orderId, warehouseId, createdAt, pickedAt, parcel, label, handedOverAt, cancelledAt } = shipment;
  // Its status is its order's to say; before the order has said anything it is freshly allocated.
  const known = order?.state?.shipments.find((each) => each.id === id)?.status;
  return {
    id,
    orderId,
    warehouseId,
    status: known ?? (cancelledAt ? 'cancelled' : 'allocated'),
    createdAt: createdAt.toISOString(),
    lines: shipment.lines.map(({ lineId, sku, name, quantity, picked, state, shortReason }) => ({
      lineId,
      sku,
      name,
      quantity,
      picked,
      state,
      shortReason,
    })),
    pickedAt: pickedAt?.toISOString(),
    parcel,
    trackingNumber: label?.trackingNumber,
    labelUrl: label?.url,
    handedOverAt: handedOverAt?.toISOString(),
    ...(label && shipTo && { shipTo: withoutPhone(shipTo) }),
  };
}

/** The label needs it and has it; the packer does not. */
function withoutPhone({ phone: _, ...address }: Order['shipTo']): Omit<Order['shipTo'], 'phone'> {
  return address;
}
