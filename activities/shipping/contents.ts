/** What is in a parcel, and what it is worth: for the customs, and for a claim against the carrier. */
import type { Order } from '../../models/order.ts';
import type { PackedParcel } from '../../models/shipment.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { payableUnit, shareOfLine } from '../../workflows/domain/money.ts';
import { paidOrderOf } from '../payments/reships.ts';
import type { LabelRequest } from '../providers/carrier.ts';

/** Worth what it was sold for, also where it is sent again at no charge. */
export async function contentsOf(
  mongo: Mongo,
  order: Order,
  units: PackedParcel['units'],
): Promise<LabelRequest['contents']> {
  const { lines, currency } = await paidOrderOf(mongo, order);
  return units.map(({ lineId, quantity }) => {
    const line = lines.find((each) => each.lineId === lineId)!;
    const value = shareOfLine(line.total, line.quantity, 0, quantity, payableUnit(currency));
    return { description: line.name, quantity, weightGrams: line.weightGrams * quantity, value, currency };
  });
}
