import type { Warehouse } from '../../models/catalogue.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { remembered } from '../../platform/remember.ts';

/**
 * The warehouses that are switched on, as of a second ago at the most: they change rarely, and every order asks for them.
 * An order that was placed in that second is given other warehouses when it is confirmed.
 */
export const activeWarehouses = remembered(1_000, ({ models }: Mongo) =>
  models.warehouses.find({ active: true }).lean<Warehouse[]>().exec(),
);

/** For `nearest`. */
export function senderOf({ _id: warehouseId, address, priority, calendar }: Warehouse) {
  return { warehouseId, country: address.country, region: address.region, priority, calendar };
}
