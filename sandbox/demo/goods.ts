/** Stories of goods: parcels, stock that runs out, cancellations, returns. */
import { Unexpected } from '../shop/client.ts';
import { eventually, play } from '../shop/outside.ts';
import {
  deliver,
  ending,
  handOverAndFollow,
  openIncident,
  parcel,
  pick,
  place,
  request,
  returnIs,
  type Story,
} from './acts.ts';

export const storiesOfGoods: Story[] = [
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
        // What is in the parcel stands on its customs form.
        reference: 'Wall clock, linden',
      });
      await pick(stage, shipment!.id);
      await stage.shop.pack(shipment!.id, parcel);
      for (const again of [
        'the carrier refuses the label: support retries',
        'refused again: support retries once more',
      ]) {
        const incident = await openIncident(stage, placed.order.id, 'buy_label');
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
    title: 'Delivered, then returned',
    // The delivery stays paid.
    expected: 'completed, partially_refunded, returned',
    async play(stage, tell) {
      const placed = await place(stage, tell, { items: [{ sku: 'PACK-20L', quantity: 1 }] });
      const { id } = placed.order;
      await deliver(stage, tell, id);
      const lines = placed.order.lines.map(({ lineId, quantity }) => ({ lineId, quantity, reason: 'does_not_fit' }));
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
