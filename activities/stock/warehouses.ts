import type { Warehouse } from '../../models/catalogue.ts';
import type { Mongo } from '../../platform/mongo.ts';

const freshMs = 1_000;
const read = new WeakMap<Mongo, { at: number; warehouses: Promise<Warehouse[]> }>();

/**
 * The warehouses that are switched on, as of a second ago at the most: they change rarely, and every order asks for them.
 * An order that was placed in that second is given other warehouses when it is confirmed.
 */
export function activeWarehouses(mongo: Mongo): Promise<Warehouse[]> {
  const known = read.get(mongo);
  if (known && Date.now() - known.at < freshMs) return known.warehouses;
  const warehouses = mongo.models.warehouses.find({ active: true }).lean<Warehouse[]>().exec();
  read.set(mongo, { at: Date.now(), warehouses });
  warehouses.catch(() => read.delete(mongo));
  return warehouses;
}
