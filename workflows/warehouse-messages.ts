/** What the warehouse tells an order: a list is picked, a shipment is packed, a shipment leaves. */
import { ApplicationFailure, condition, setHandler } from '@temporalio/workflow';
import { commitDecision } from './activities.ts';
import { isHeld } from './hold.ts';
import { handOverShipment, packShipment, pickingClosed } from './messages.ts';
import type { Order } from './order-context.ts';

/** Called before the workflow's first await, as every handler. */
export function listenToWarehouse(order: Order): void {
  const { record } = order;
  const { state } = record;
  const shipmentOf = (shipmentId: string) => state.shipments.find((shipment) => shipment.id === shipmentId);

  setHandler(pickingClosed, ({ shipmentId, short }) => {
    order.picked.set(shipmentId, { short });
  });

  setHandler(
    packShipment,
    async ({ shipmentId, short, actor }) => {
      if (!order.picked.has(shipmentId)) order.picked.set(shipmentId, { short });
      order.packed.set(shipmentId, actor);
      const status = () => shipmentOf(shipmentId)!.status;
      const addressAsked = () => state.incidents.some(({ cause }) => cause === 'undeliverable_address');
      const parked = () =>
        (status() === 'packed' && (order.payAsked || addressAsked())) ||
        state.incidents.some((incident) => incident.shipmentId === shipmentId);
      const underWay = ['picking', 'picked', 'packed'];
      // Or what was packed is not to be sent like that any more.
      const unpacked = () => !order.packed.has(shipmentId);
      await condition(() => !underWay.includes(status()) || parked() || unpacked());
      await record.saved();
      if (unpacked() && underWay.includes(status()))
        throw ApplicationFailure.nonRetryable(
          'Units of the shipment were cancelled: take them out and pack it anew',
          'ChangeRefused',
        );
      return { status: status() };
    },
    {
      validator({ shipmentId, changes }) {
        if (isHeld(order)) throw new Error('The order is on hold');
        if (order.changing.has(shipmentId) || (order.contents.get(shipmentId) ?? 0) !== changes)
          throw new Error('Units of the shipment were cancelled meanwhile: take them out and pack it anew');
        const status = shipmentOf(shipmentId)?.status;
        if (status === 'picking' || status === 'picked') return;
        if (status === 'packed') throw new Error('The shipment is packed, and its label is being bought');
        throw new Error(`The shipment is ${status ?? 'unknown'}: only a picked one can be packed`);
      },
    },
  );

  setHandler(
    handOverShipment,
    async ({ shipmentId, actor }) => {
      commitDecision();
      order.handedOverBy.set(shipmentId, actor);
      await condition(() => shipmentOf(shipmentId)!.status !== 'ready');
      await record.saved();
      return { status: shipmentOf(shipmentId)!.status };
    },
    {
      validator({ shipmentId }) {
        if (isHeld(order)) throw new Error('The order is on hold');
        if (order.changing.has(shipmentId) || order.unpacking.has(shipmentId))
          throw new Error('Units of the shipment are being cancelled: it is to be packed anew');
        const status = shipmentOf(shipmentId)?.status;
        if (status !== 'ready')
          throw new Error(
            `The shipment is ${status ?? 'unknown'}: only a ready one (labelled and paid) can be handed over`,
          );
        if (order.warehouseScopes.get(shipmentId)?.consideredCancelled)
          throw new Error('The shipment is being cancelled: put the goods back');
      },
    },
  );
}
