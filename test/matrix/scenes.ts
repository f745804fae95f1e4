/** An order, and a return, brought into each state that it can rest in. */
import type { Order } from '../../models/order.ts';
import { hasEnded, orderStates, type ReturnStatus, returnStates } from '../../workflows/domain/states.ts';
import {
  cancelReturn,
  decideReturn,
  holdOrder,
  inspectReturn,
  receiveReturn,
  returnMoved,
  setDeadline,
} from '../../workflows/messages.ts';
import { until } from '../support/until.ts';
import { createWarehouse } from '../support/warehouse.ts';
import type { World } from '../support/world.ts';

export interface OrderScene {
  orderId: string;
  /** The one that the state is about, where the warehouse has one. */
  shipmentId?: string | undefined;
  /** Nobody rests in it for long. */
  end?(): Promise<unknown>;
}

export interface ReturnScene extends OrderScene {
  returnId: string;
}

const waiting = { backorder: { limit: 10, leadDays: 5 } };
const needsCustomer = { paymentMethod: 'pm_card_threeDSecure2Required' };

/** By what support calls the state. */
export function orderScenes(world: World): Record<string, () => Promise<OrderScene>> {
  const warehouse = () => createWarehouse(world);
  const place = async (order: Partial<Order> = {}): Promise<OrderScene> => {
    const { orderId } = await world.place({ items: [{ sku: 'MUG', quantity: 2 }], ...order });
    const shipment = await world.mongo.models.shipments.findOne({ orderId }, { _id: 1 }).lean();
    return { orderId, shipmentId: shipment?._id };
  };
  /** In its state, and the shipment in this one. */
  const after = (...steps: ((scene: { orderId: string; shipmentId: string }) => Promise<unknown>)[]) => {
    return async () => {
      const { orderId, shipmentId } = await place();
      const scene = { orderId, shipmentId: shipmentId! };
      for (const step of steps) await step(scene);
      return scene;
    };
  };
  type At = { orderId: string; shipmentId: string };
  const is = (status: Parameters<World['shipmentReaches']>[2]) => (at: At) =>
    world.shipmentReaches(at.orderId, at.shipmentId, status);
  const pick = ({ shipmentId }: At) => world.pickAll(shipmentId);
  const ready = ({ orderId, shipmentId }: At) => world.makeReady(orderId, shipmentId);
  const ship = ({ orderId, shipmentId }: At) => world.ship(orderId, shipmentId);
  const says = (status: Parameters<World['carrierSays']>[1], more = {}) => {
    return ({ shipmentId }: At) => world.carrierSays(shipmentId, status, more);
  };
  /** Where the order has ended, its workflow has as well: until then it is the one that refuses. */
  const ends = (status: Order['status']) => async (at: { orderId: string }) => {
    await world.reaches(at.orderId, status);
    if (hasEnded(orderStates, status)) await world.orderHandle(at.orderId).result();
  };
  const asked = (cause: string) => (at: At) => world.incident(at.orderId, cause);

  return {
    'pending, not begun': async () => {
      const written = await world.write();
      return { orderId: written.orderId, end: () => world.start(written) };
    },
    'awaiting payment': () => place(needsCustomer),
    'waiting for goods': async () => {
      const sku = await world.newSku({}, waiting);
      return place({ items: [{ sku, quantity: 2 }], acceptsBackorder: true });
    },
    'on hold': after(
      ({ orderId }) => world.orderHandle(orderId).signal(holdOrder, { actor: 'test', reason: 'note_1' }),
      ends('on_hold'),
    ),
    picking: after(is('picking')),
    picked: after(pick, is('picked')),
    'packed, refused by the carrier': after(
      pick,
      is('picked'),
      async ({ shipmentId }) => {
        const [reference] = await warehouse().fillBoxes(shipmentId, [[{ lineId: 'line_1', quantity: 2 }]]);
        await world.fault('carrier', { operation: 'labels.create', kind: 'refuse', reference, times: 1_000 });
        await warehouse().tellPacked(shipmentId);
      },
      asked('buy_label'),
    ),
    ready: after(ready),
    shipped: after(ship, is('shipped')),
    'in transit': after(ship, says('in_transit'), is('in_transit')),
    'out for delivery': after(ship, says('out_for_delivery'), is('out_for_delivery')),
    'delivery exception': after(ship, says('exception', { reason: 'address' }), asked('delivery_exception')),
    lost: after(ship, says('lost'), asked('lost')),
    'partly delivered': async () => {
      const { orderId } = await place({
        items: [
          { sku: 'MUG', quantity: 1 },
          { sku: 'LAMP', quantity: 1 },
        ],
      });
      const shipments = await world.shipmentsOf(orderId);
      const [first, second] = ['wh_east', 'wh_west'].map(
        (warehouse) => shipments.find(({ warehouseId }) => warehouseId === warehouse)!.id,
      ) as [string, string];
      await world.ship(orderId, first);
      await world.carrierSays(first, 'delivered');
      await world.shipmentReaches(orderId, first, 'delivered');
      await world.shipmentReaches(orderId, second, 'picking');
      return { orderId, shipmentId: second };
    },
    delivered: after(ship, says('delivered'), ends('completed')),
    'returned to sender': after(ship, says('returned_to_sender'), ends('completed')),
    'cancelled, paid back': after(ready, ({ orderId }) => world.cancel(orderId), ends('cancelled')),
    'cancelled before payment': async () => {
      const scene = await place(needsCustomer);
      await world.cancel(scene.orderId);
      await ends('cancelled')(scene);
      return scene;
    },
    rejected: async () => {
      const scene = await place({ items: [{ sku: await world.newSku({ wh_east: 1 }), quantity: 2 }] });
      await ends('rejected')(scene);
      return scene;
    },
    expired: async () => {
      const { orderId, placeBefore } = await world.write({ placeBefore: new Date(Date.now() - 1_000) });
      await world.start({ orderId, placeBefore });
      await ends('expired')({ orderId });
      return { orderId };
    },
  };
}

/** Goods of the class `asked` are taken back where a person says so. */
export function returnScenes(world: World): Record<string, () => Promise<ReturnScene>> {
  const actor = 'test';
  const open = async (returnClass?: string) => {
    const sku = await world.newSku({ wh_east: 2 });
    await world.mongo.models.products.updateOne({ _id: sku }, { returnClass });
    const orderId = await world.delivered({ items: [{ sku, quantity: 2 }] });
    const returnId = await world.sendBack(orderId, [{ lineId: 'line_1', quantity: 2 }]);
    return { orderId, returnId };
  };
  const after = (returnClass: string | undefined, ...steps: ((returnId: string) => Promise<unknown>)[]) => {
    return async () => {
      const scene = await open(returnClass);
      for (const step of steps) await step(scene.returnId);
      return scene;
    };
  };
  /** At rest: it waits for somebody, or has ended. */
  const is = (status: ReturnStatus) => async (returnId: string) => {
    await world.returnReaches(returnId, status);
    if (hasEnded(returnStates, status)) {
      await world.returnHandle(returnId).result();
      return;
    }
    const find = () => world.mongo.models.returns.findById(returnId, { state: 1 }).lean();
    const events = ['approval', 'return_arrival', 'inspection'];
    const rests = async () => events.includes((await find())?.state?.waitingFor?.event ?? '');
    await until(rests, `${returnId} waits for somebody`);
  };
  const lines = [{ lineId: 'line_1', quantity: 2 }];
  const receive = (returnId: string) =>
    world.returnHandle(returnId).executeUpdate(receiveReturn, {
      args: [{ lines: lines.map((line) => ({ ...line, reception: 'received' as const })), actor }],
    });
  const inspect = (returnId: string) =>
    world.returnHandle(returnId).executeUpdate(inspectReturn, {
      args: [{ lines: lines.map((line) => ({ ...line, disposition: 'restock' as const })), actor }],
    });
  const reject = (returnId: string) =>
    world.returnHandle(returnId).executeUpdate(decideReturn, {
      args: [{ approve: false, actor, reason: 'note_1' }],
    });
  const withdraw = (returnId: string) =>
    world.returnHandle(returnId).executeUpdate(cancelReturn, { args: [{ actor, reason: 'note_1' }] });

  const moves = (returnId: string) => world.returnHandle(returnId).signal(returnMoved, { status: 'in_transit' });
  const runsOut = (returnId: string) =>
    world.returnHandle(returnId).executeUpdate(setDeadline, {
      args: [{ event: 'return_arrival', deadline: new Date(0).toISOString(), actor, reason: 'note_1' }],
    });
  const broughtBack = async () => {
    const scene = await orderScenes(world)['returned to sender']!();
    const find = () => world.mongo.models.returns.findOne({ orderId: scene.orderId }).lean();
    await until(async () => (await find())?.state?.waitingFor !== undefined, 'its return has begun');
    return { ...scene, returnId: (await find())!._id };
  };

  return {
    requested: after('asked', is('requested')),
    approved: after(undefined, is('approved')),
    'in transit': after(undefined, is('approved'), moves, is('in_transit')),
    'returned to sender': broughtBack,
    received: after(undefined, is('approved'), receive, is('received')),
    completed: after(undefined, is('approved'), receive, inspect, is('completed')),
    rejected: after('asked', is('requested'), reject, is('rejected')),
    expired: after(undefined, is('approved'), runsOut, is('expired')),
    cancelled: after(undefined, is('approved'), withdraw, is('cancelled')),
  };
}
