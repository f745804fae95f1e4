import { afterAll, beforeAll, test } from '@jest/globals';
import { moveStock } from '../../activities/stock/movements.ts';
import { newId } from '../../models/id.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld({ workers: false });
});
afterAll(() => world.stop());

test('goods that came are picked before their order has heard of them', async () => {
  await world.startWorker('providers');
  let stop = await world.startWorker('orders');
  const sku = await world.newSku({ wh_east: 1 });
  const { orderId } = await world.place({ items: [{ sku, quantity: 1 }] });
  const what = { actor: 'test', reason: 'Dropped', reference: 'test', onHandChange: 0, damagedChange: 1 };
  await moveStock(world.mongo, { key: newId('mov'), sku, warehouseId: 'wh_east', kind: 'damage', ...what });
  const waits = async () => (await world.shipmentsOf(orderId)).find(({ status }) => status === 'backordered');
  await until(async () => (await waits()) !== undefined, 'it waits');
  const { id } = (await waits())!;
  await stop();
  await world.receive(sku, 'wh_west', 1);
  await world.pickShort(id, 0);
  await until(
    async () =>
      (await world.mongo.models.inbox.countDocuments({ 'payload.orderId': orderId, deliveredAt: null })) === 0,
    'all is delivered',
  );
  stop = await world.startWorker('orders');
  await world.shipmentReaches(orderId, id, 'cancelled');
});
