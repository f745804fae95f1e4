/** The demo's orders: each a short story, told over the public REST API. */
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BuyRequest, type OrderView, type Placed, type ShopClient, Unexpected } from '../shop/client.ts';
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

export const cast: Story[] = [
  {
    title: 'One parcel, delivered',
    expected: 'completed, captured, delivered',
    async play(stage, tell) {
      const placed = await place(stage, tell, {
        items: [
          { sku: 'MUG-BLUE', quantity: 2 },
          { sku: 'FILTER-100', quantity: 1 },
        ],
      });
      await deliver(stage, tell, placed.order.id);
      return ending(stage, placed.order.id);
    },
  },
  {
    title: 'Split over two warehouses',
    expected: 'completed, captured, delivered',
    async play(stage, tell) {
      // The brass lamp is not in Newark, and the print is nowhere else.
      const items = [
        { sku: 'LAMP-DESK', quantity: 1 },
        { sku: 'CHAIR-OAK', quantity: 11 },
      ];
      const placed = await place(stage, tell, { items });
      await deliver(stage, tell, placed.order.id);
      return ending(stage, placed.order.id);
    },
  },
  {
    title: 'Declined, then another card',
    expected: 'completed, captured, delivered',
    async play(stage, tell) {
      const placed = await place(stage, tell, { paymentMethod: 'pm_card_visa_chargeDeclined' });
      tell(`declined (${placed.payment?.declineCode}); the stock stays held`);
      await stage.shop.pay(placed.order.id, placed.link.token, 'pm_card_mastercard');
      tell('paid with another card');
      await deliver(stage, tell, placed.order.id);
      return ending(stage, placed.order.id);
    },
  },
  {
    title: '3-D Secure',
    expected: 'completed, captured, delivered',
    async play(stage, tell) {
      const placed = await place(stage, tell, {
        currency: 'EUR',
        paymentMethod: 'pm_card_authenticationRequired',
        ...german,
      });
      tell('the bank asks the customer');
      const intent = placed.payment!.clientSecret!.split('_secret_')[0];
      await play(stage.stripeUrl, 'POST', `/payment_intents/${intent}/authenticate`, { outcome: 'succeed' });
      await stage.shop.backFromTheBank(placed.order.id, placed.link.token);
      await eventually('the payment is confirmed', async () => {
        const { status } = await stage.shop.order(placed.order.id);
        return status === 'confirmed' ? status : undefined;
      });
      tell('confirmed at the bank');
      await deliver(stage, tell, placed.order.id);
      return ending(stage, placed.order.id);
    },
  },
  {
    title: 'The last unit, wanted by ten',
    expected: 'completed, captured, delivered',
    async play(stage, tell) {
      const order = request({ items: [{ sku: 'PRINT-1OF1', quantity: 1 }] });
      const answers = await Promise.allSettled(Array.from({ length: 10 }, () => stage.shop.buy(order)));
      const won = answers.filter((answer) => answer.status === 'fulfilled');
      const refused = answers.filter(
        (answer) => answer.status === 'rejected' && answer.reason instanceof Unexpected && answer.reason.status === 409,
      );
      tell(`${won.length} got it, ${refused.length} were told that it is out of stock`);
      if (won.length !== 1 || refused.length !== 9) {
        const other = answers.find((answer) => answer.status === 'rejected' && !refused.includes(answer));
        throw new Error(
          `One should have got it, not ${won.length}. ${other?.status === 'rejected' ? other.reason : ''}`,
        );
      }
      const { id } = won[0]!.value.order;
      await deliver(stage, tell, id);
      return ending(stage, id);
    },
  },
  {
    title: 'A backorder, filled by a delivery',
    expected: 'completed, captured, delivered',
    async play(stage, tell) {
      const expectedAt = new Date(Date.now() + 3 * 86_400_000);
      const delivery = await stage.shop.announceDelivery('ROASTER', 'wh-newark', 10, expectedAt);
      const placed = await place(stage, tell, { items: [{ sku: 'ROASTER', quantity: 1 }], acceptBackorder: true });
      tell(`not here yet, expected ${placed.order.expectedAt?.slice(0, 10)}: the card is saved, nothing is charged`);
      await stage.shop.receiveDelivery(delivery.id, 'ROASTER', 10);
      tell('the delivery is here');
      await eventually('the goods are charged and picked', async () => {
        const { paymentStatus, shipments } = await stage.shop.order(placed.order.id);
        return paymentStatus === 'authorized' && shipments[0]?.status === 'picking' ? true : undefined;
      });
      tell('reserved, and the saved card is charged');
      await deliver(stage, tell, placed.order.id);
      return ending(stage, placed.order.id);
    },
  },
  {
    title: 'A bundle beside its part',
    expected: 'completed, captured, delivered',
    async play(stage, tell) {
      const items = [
        { sku: 'COFFEE-SET', quantity: 1 },
        { sku: 'MUG-SAND', quantity: 1 },
      ];
      const placed = await place(stage, tell, { items });
      tell(`two items are ${placed.order.lines.length} lines, each with its share of the price`);
      await deliver(stage, tell, placed.order.id);
      return ending(stage, placed.order.id);
    },
  },
  {
    title: 'Cancelled before shipping',
    expected: 'cancelled, voided, cancelled',
    async play(stage, tell) {
      const placed = await place(stage, tell, { items: [{ sku: 'BLANKET', quantity: 1 }] });
      await stage.shop.cancel(placed.order.id, placed.link.token, 'Changed my mind');
      tell('cancelled: the money is released, the stock is back');
      return ending(stage, placed.order.id);
    },
  },
  {
    title: 'A step that fails until support retries',
    expected: 'completed, captured, delivered',
    async play(stage, tell) {
      const placed = await place(stage, tell, { items: [{ sku: 'CLOCK', quantity: 1 }] });
      const [shipment] = placed.order.shipments;
      await play(stage.carrierUrl, 'POST', '/faults', {
        operation: 'labels.create',
        kind: 'refuse',
        times: 2,
        reference: shipment!.id,
      });
      await pick(stage, shipment!.id);
      await stage.shop.pack(shipment!.id, parcel);
      for (const again of [
        'the carrier refuses the label: support retries',
        'refused again: support retries once more',
      ]) {
        const incident = await openIncident(stage, placed.order.id);
        tell(again);
        await stage.shop.answer(placed.order.id, incident.id, 'retry');
      }
      await handOverAndFollow(stage, tell, placed.order.id, shipment!.id);
      return ending(stage, placed.order.id);
    },
  },
  {
    title: 'A code for one order, wanted by ten',
    expected: 'completed, captured, delivered',
    async play(stage, tell) {
      const order = request({ items: [{ sku: 'TEAPOT-6', quantity: 1 }], codes: ['FIRST25'] });
      const answers = await Promise.allSettled(Array.from({ length: 10 }, () => stage.shop.buy(order)));
      const full = (await stage.shop.quote(request({ items: order.items }))).total;
      const won = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
      const cheaper = won.filter(({ order: { total } }) => total < full);
      // Whoever asked after it was used was quoted the full price, and has paid it.
      for (const { order: other, link } of won.filter((each) => !cheaper.includes(each)))
        await stage.shop.cancel(other.id, link.token, 'Only with the code');
      const told = answers.length - won.length;
      tell(
        `${cheaper.length} had it, ${told} were told that it costs more, ${won.length - cheaper.length} had been told before`,
      );
      if (cheaper.length !== 1) throw new Error(`One should have had it, not ${cheaper.length}`);
      const { id } = cheaper[0]!.order;
      await deliver(stage, tell, id);
      return ending(stage, id);
    },
  },
  {
    title: 'Store credit and a card, in euros, with an invoice',
    expected: 'completed, captured, delivered',
    async play(stage, tell) {
      const { shop } = stage;
      const { email, name } = german.customer;
      const { id: customerId } = await shop.createCustomer(email, name);
      await shop.grantCredit(customerId, 'EUR', 2_000, 'For the chipped mug');
      const { token } = await shop.signIn(customerId);
      const items = [
        { sku: 'KETTLE-1L', quantity: 1 },
        { sku: 'FILTER-100', quantity: 3 },
      ];
      const order = request({ items, currency: 'EUR', useStoreCredit: true, ...german });
      const placed = await shop.buy(order, token);
      const { id, total, tax, payment } = placed.order;
      tell(`${euros(total)} with ${euros(tax)} VAT in it: ${euros(payment!.credit)} by credit, the rest by card`);
      await deliver(stage, tell, id);
      const [invoice] = await shop.invoices(id, placed.link.token);
      const file = join(tmpdir(), `waybill-demo-${invoice!.number}.pdf`);
      await writeFile(file, await shop.invoicePdf(invoice!.href, placed.link.token));
      tell(`invoiced as ${invoice!.number}: ${file}`);
      const ended = await ending(stage, id);
      return { ...ended, document: `${invoice!.number}: ${file}` };
    },
  },
  {
    title: 'Delivered, then returned',
    // The delivery stays paid.
    expected: 'completed, partially_refunded, returned',
    async play(stage, tell) {
      const placed = await place(stage, tell, { items: [{ sku: 'PACK-20L', quantity: 1 }] });
      const { id } = placed.order;
      await deliver(stage, tell, id);
      const lines = placed.order.lines.map(({ lineId, quantity }) => ({ lineId, quantity, reason: 'too small' }));
      const back = await stage.shop.sendBack(id, placed.link.token, lines);
      await returnIs(stage, back.id, 'approved');
      tell('return approved, label sent');
      await stage.shop.receive(
        back.id,
        lines.map(({ lineId, quantity }) => ({ lineId, quantity, reception: 'received' })),
      );
      await stage.shop.inspect(
        back.id,
        lines.map(({ lineId, quantity }) => ({ lineId, quantity, disposition: 'restock' })),
      );
      tell('received, inspected, back on the shelf');
      await returnIs(stage, back.id, 'completed');
      tell('refunded');
      return ending(stage, id);
    },
  },
];

// ---- What the stories have in common ----

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
const german = {
  customer: { email: 'konrad@example.com', name: 'Konrad Zuse' },
  shippingAddress: {
    name: 'Konrad Zuse',
    line1: 'Methfesselstraße 7',
    city: 'Berlin',
    postalCode: '10965',
    country: 'DE',
  },
};
const parcel = { weightGrams: 1500, lengthMm: 300, widthMm: 200, heightMm: 150 };

function request(given: Partial<BuyRequest>): BuyRequest {
  return {
    currency: 'USD',
    paymentMethod: 'pm_card_visa',
    items: [{ sku: 'MUG-SAND', quantity: 1 }],
    ...american,
    ...given,
  };
}

async function place(stage: Stage, tell: Tell, given: Partial<BuyRequest>): Promise<Placed> {
  const placed = await stage.shop.buy(request(given));
  tell(`placed ${placed.order.id}: ${placed.order.status}`);
  return placed;
}

async function deliver(stage: Stage, tell: Tell, orderId: string): Promise<void> {
  const { shipments } = await stage.shop.order(orderId);
  await Promise.all(
    shipments.map(async ({ id, warehouseId }) => {
      await pick(stage, id);
      tell(`picked in ${warehouseId}`);
      await stage.shop.pack(id, parcel);
      await handOverAndFollow(stage, tell, orderId, id);
    }),
  );
}

async function pick({ shop }: Stage, shipmentId: string): Promise<void> {
  const { lines } = await shop.shipment(shipmentId);
  for (const { sku, quantity } of lines) await shop.scan(shipmentId, sku, quantity);
  await eventually(`${shipmentId} is picked`, async () => {
    const { status } = await shop.shipment(shipmentId);
    return status === 'picked' ? status : undefined;
  });
}

async function handOverAndFollow(
  { shop, carrierUrl }: Stage,
  tell: Tell,
  orderId: string,
  shipmentId: string,
): Promise<void> {
  const { trackingNumber } = await eventually(`${shipmentId} is ready`, async () => {
    const shipment = await shop.shipment(shipmentId);
    return shipment.status === 'ready' ? shipment : undefined;
  });
  await shop.handOver(shipmentId);
  tell('handed over to the carrier');
  for (const status of ['in_transit', 'out_for_delivery', 'delivered']) {
    await play(carrierUrl, 'POST', `/tracking/${trackingNumber}`, { status });
    await eventually(`${shipmentId} is ${status}`, async () => {
      const { shipments } = await shop.order(orderId);
      return shipments.find(({ id }) => id === shipmentId)?.status === status ? true : undefined;
    });
    tell(status.replaceAll('_', ' '));
  }
}

async function openIncident({ shop }: Stage, orderId: string): Promise<{ id: string }> {
  return eventually('an incident', async () =>
    (await shop.order(orderId)).incidents?.find(({ cause }) => cause === 'buy_label'),
  );
}

async function returnIs({ shop }: Stage, returnId: string, wanted: string): Promise<void> {
  await eventually(`the return is ${wanted}`, async () => {
    const { status } = await shop.returned(returnId);
    return status === wanted ? status : undefined;
  });
}

function euros(amount: number): string {
  return `${(amount / 100).toFixed(2)} EUR`;
}

async function ending({ shop }: Stage, orderId: string): Promise<Ending> {
  const ended = ['completed', 'cancelled'];
  const order: OrderView = await eventually(`${orderId} has ended`, async () => {
    const seen = await shop.order(orderId);
    return ended.includes(seen.status) ? seen : undefined;
  });
  const total = `${(order.total / 100).toFixed(2)} ${order.currency}`;
  return { orderId, total, status: `${order.status}, ${order.paymentStatus}, ${order.fulfillmentStatus}` };
}
