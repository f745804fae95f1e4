/** What the demo's stories are, and the acts that they have in common. All of it over the public REST API. */
import type { BuyRequest, OrderView, Placed, ShopClient } from '../shop/client.ts';
import { eventually, play } from '../shop/outside.ts';

export interface Stage {
  shop: ShopClient;
  stripeUrl: string;
  carrierUrl: string;
}

/** What a story says as it goes on. */
export type Tell = (what: string) => void;

export interface Ending {
  orderId: string;
  total: string;
  status: string;
  /** What was written, and where it is. */
  document?: string;
}

export interface Story {
  title: string;
  /** The ending that makes it a success, as `status, payment, fulfilment`. */
  expected: string;
  play(stage: Stage, tell: Tell): Promise<Ending>;
}

const american = {
  customer: { email: 'ada@example.com', name: 'Ada Lovelace' },
  shippingAddress: {
    name: 'Ada Lovelace',
    line1: '12 Hudson Street',
    city: 'New York',
    region: 'NY',
    postalCode: '10013',
    country: 'US',
  },
};
export const german = {
  customer: { email: 'konrad@example.com', name: 'Konrad Zuse', language: 'de' },
  shippingAddress: {
    name: 'Konrad Zuse',
    line1: 'Methfesselstraße 7',
    city: 'Berlin',
    postalCode: '10965',
    country: 'DE',
  },
};
export const parcel = { weightGrams: 1500, lengthMm: 300, widthMm: 200, heightMm: 150 };

export function request(given: Partial<BuyRequest>): BuyRequest {
  return {
    currency: 'USD',
    paymentMethod: 'pm_card_visa',
    items: [{ sku: 'MUG-SAND', quantity: 1 }],
    ...american,
    ...given,
  };
}

export async function place(stage: Stage, tell: Tell, given: Partial<BuyRequest>): Promise<Placed> {
  const placed = await stage.shop.buy(request(given));
  tell(`placed ${placed.order.id}: ${placed.order.status}`);
  return placed;
}

export async function deliver(stage: Stage, tell: Tell, orderId: string): Promise<void> {
  const { shipments } = await stage.shop.order(orderId);
  await Promise.all(
    // An edit has replaced others.
    shipments
      .filter(({ status }) => status !== 'cancelled')
      .map(async ({ id, warehouseId }) => {
        await pick(stage, id);
        tell(`picked in ${warehouseId}`);
        await stage.shop.pack(id, parcel);
        await handOverAndFollow(stage, tell, orderId, id);
      }),
  );
}

export async function pick({ shop }: Stage, shipmentId: string): Promise<void> {
  await shop.pickAll(shipmentId);
  await eventually(`${shipmentId} is picked`, async () => {
    const { status } = await shop.shipment(shipmentId);
    return status === 'picked' ? status : undefined;
  });
}

export async function handOverAndFollow(
  { shop, carrierUrl }: Stage,
  tell: Tell,
  orderId: string,
  shipmentId: string,
): Promise<void> {
  const { parcels } = await eventually(`${shipmentId} is ready`, async () => {
    const shipment = await shop.shipment(shipmentId);
    return shipment.status === 'ready' ? shipment : undefined;
  });
  await shop.handOver(shipmentId);
  tell('handed over to the carrier');
  for (const status of ['in_transit', 'out_for_delivery', 'delivered']) {
    for (const { trackingNumber } of parcels!)
      await play(carrierUrl, 'POST', `/tracking/${trackingNumber}`, { status });
    await eventually(`${shipmentId} is ${status}`, async () => {
      const { shipments } = await shop.order(orderId);
      return shipments.find(({ id }) => id === shipmentId)?.status === status ? true : undefined;
    });
    tell(status.replaceAll('_', ' '));
  }
}

export async function openIncident({ shop }: Stage, orderId: string, cause: string): Promise<{ id: string }> {
  return eventually(`an incident ${cause}`, async () =>
    (await shop.order(orderId)).incidents?.find((incident) => incident.cause === cause),
  );
}

export async function returnIs({ shop }: Stage, returnId: string, wanted: string): Promise<void> {
  await eventually(`the return is ${wanted}`, async () => {
    const { status } = await shop.returned(returnId);
    return status === wanted ? status : undefined;
  });
}

export function euros(amount: number): string {
  return `${(amount / 100).toFixed(2)} EUR`;
}

export async function ending({ shop }: Stage, orderId: string): Promise<Ending> {
  const ended = ['completed', 'cancelled'];
  const order: OrderView = await eventually(`${orderId} has ended`, async () => {
    const seen = await shop.order(orderId);
    return ended.includes(seen.status) ? seen : undefined;
  });
  const total = `${(order.total / 100).toFixed(2)} ${order.currency}`;
  return { orderId, total, status: `${order.status}, ${order.paymentStatus}, ${order.fulfillmentStatus}` };
}
