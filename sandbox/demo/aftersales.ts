/** Stories of customers who change their minds: before anybody picks, while somebody does, and once it is there. */
import { eventually } from '../shop/outside.ts';
import { deliver, ending, handOverAndFollow, parcel, pick, place, returnIs, type Story } from './acts.ts';

export const storiesAfterTheSale: Story[] = [
  {
    title: 'Edited: one more, paid by another card',
    expected: 'completed, captured, delivered, for two',
    async play(stage, tell) {
      const { order, link } = await place(stage, tell, {});
      const preview = await stage.shop.previewEdit(order.id, link.token, { items: [{ sku: 'MUG-SAND', quantity: 2 }] });
      tell(`two would cost ${(preview.difference / 100).toFixed(2)} USD more`);
      const edited = await stage.shop.confirmEdit(order.id, link.token, preview.id, 'pm_card_mastercard');
      tell(`edit ${edited.status}`);
      await deliver(stage, tell, order.id);
      const ended = await ending(stage, order.id);
      const { total, lines } = await stage.shop.order(order.id);
      const isTwo = lines[0]!.quantity === 2 && total === order.total + preview.difference;
      return { ...ended, status: `${ended.status}, for ${isTwo ? 'two' : 'something else'}` };
    },
  },
  {
    title: 'One of three cancelled while they are picked',
    expected: 'completed, captured, delivered, one put back',
    async play(stage, tell) {
      const { order, link } = await place(stage, tell, { items: [{ sku: 'LAMP-DESK', quantity: 3 }] });
      const shipmentId = order.shipments[0]!.id;
      await pick(stage, shipmentId);
      tell('three are in the box');
      const left = await stage.shop.cancelUnits(order.id, link.token, order.lines[0]!.lineId, 1);
      tell(`one cancelled: ${(left.amountDue / 100).toFixed(2)} USD are due`);
      const { toPutBack = [] } = await stage.shop.shipment(shipmentId);
      await stage.shop.putBack(shipmentId);
      await stage.shop.pack(shipmentId, parcel);
      await handOverAndFollow(stage, tell, order.id, shipmentId);
      const ended = await ending(stage, order.id);
      const isPutBack = toPutBack.length === 1 && toPutBack[0]!.quantity === 1;
      return { ...ended, status: `${ended.status}, ${isPutBack ? 'one put back' : 'nothing put back'}` };
    },
  },
  {
    title: 'Returned: one accepted, one sent back',
    expected: 'completed, partially_refunded, partially_returned',
    async play(stage, tell) {
      const { order, link } = await place(stage, tell, {
        items: [
          { sku: 'MUG-SAND', quantity: 1 },
          { sku: 'MUG-BLUE', quantity: 1 },
        ],
      });
      await deliver(stage, tell, order.id);
      await ending(stage, order.id);
      const [first, second] = order.lines.map(({ lineId }) => lineId) as [string, string];
      const lines = [first, second].map((lineId) => ({ lineId, quantity: 1 }));
      const back = await stage.shop.sendBack(
        order.id,
        link.token,
        lines.map((line) => ({ ...line, reason: 'does_not_fit' })),
      );
      await returnIs(stage, back.id, 'approved');
      tell('return approved, label sent');
      await stage.shop.receive(
        back.id,
        lines.map((line) => ({ ...line, reception: 'received' })),
      );
      await returnIs(stage, back.id, 'received');
      await stage.shop.inspect(back.id, [
        { lineId: first, quantity: 1, disposition: 'restock' },
        { lineId: second, quantity: 1, disposition: 'return_to_customer' },
      ]);
      tell('one is on its shelf, the other was used: it goes back to its owner');
      await returnIs(stage, back.id, 'completed');
      await eventually('one is paid back', async () => {
        const { refunds } = await stage.shop.order(order.id);
        return refunds.some(({ status }) => status === 'succeeded') ? true : undefined;
      });
      return ending(stage, order.id);
    },
  },
  {
    title: 'Exchanged: a clip lamp for a mug',
    expected: 'completed, captured, delivered, the rest paid back',
    async play(stage, tell) {
      const { order, link } = await place(stage, tell, { items: [{ sku: 'LAMP-CLIP', quantity: 1 }] });
      await deliver(stage, tell, order.id);
      await ending(stage, order.id);
      const lines = [{ lineId: order.lines[0]!.lineId, quantity: 1 }];
      const asked = lines.map((line) => ({ ...line, reason: 'does_not_fit' }));
      const exchangeFor = { items: [{ sku: 'MUG-BLUE', quantity: 1 }] };
      const back = await stage.shop.sendBack(order.id, link.token, asked, exchangeFor);
      const instead = await eventually('the mug is reserved', async () => {
        const { exchange } = await stage.shop.returned(back.id);
        return exchange?.orderId;
      });
      tell(`${instead} is reserved, and waits for the lamp to come back`);
      await returnIs(stage, back.id, 'approved');
      await stage.shop.receive(
        back.id,
        lines.map((line) => ({ ...line, reception: 'received' })),
      );
      await returnIs(stage, back.id, 'received');
      await stage.shop.inspect(
        back.id,
        lines.map((line) => ({ ...line, disposition: 'restock' })),
      );
      await returnIs(stage, back.id, 'completed');
      tell('the lamp is on its shelf: the mug may go');
      await eventually(`${instead} is to be picked`, async () => {
        const { shipments } = await stage.shop.order(instead);
        return shipments.some(({ status }) => status === 'picking') ? true : undefined;
      });
      await deliver(stage, tell, instead);
      const first = await stage.shop.order(order.id);
      const ended = await ending(stage, instead);
      const isPaidBack = first.refunds.some(({ status, amount }) => status === 'succeeded' && amount > 0);
      return { ...ended, status: `${ended.status}, the rest ${isPaidBack ? 'paid back' : 'kept'}` };
    },
  },
];
