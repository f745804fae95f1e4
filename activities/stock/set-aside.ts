/** What a picker did not find: nobody is sold it before somebody has counted what is there. */
import type { Shipment } from '../../models/shipment.ts';
import type { StockCount } from '../../models/stock-work.ts';
import type { PickLine } from '../../workflows/domain/picking.ts';
import { salable } from '../../workflows/domain/stock.ts';
import { sumOf } from './shipments.ts';
import { type Allocation, isOpen, type Work } from './work.ts';

export function missingOf({ lines }: Shipment, allocations: readonly Allocation[]): PickLine[] {
  const isOwed = ({ lineId }: PickLine) => allocations.some((each) => each.lineId === lineId && isOpen(each));
  return lines
    .filter((line) => line.state === 'short' && isOwed(line))
    .map((line) => ({ ...line, quantity: line.quantity - line.picked }));
}

/**
 * The books still have what the picker did not find. What is damaged stays so; for the rest somebody has to look. To be
 * called while the missing units are still claimed: what nobody claims is what else the shelf should have.
 */
export function setAside(work: Work, { _id: shipmentId, warehouseId }: Shipment, missing: readonly PickLine[]): void {
  const uncertain: StockCount['lines'] = [];
  for (const sku of new Set(missing.map((line) => line.sku))) {
    const lines = missing.filter((line) => line.sku === sku);
    const reasons = [...new Set(lines.map(({ shortReason }) => shortReason ?? 'could_not_locate'))];
    const isEmpty = lines.some(({ shortReason }) => shortReason === 'stockout');
    const stock = work.stock(sku, warehouseId);
    const onlyBin = (stock?.bins?.length ?? 0) <= 1;
    // On an empty shelf there is nothing to sell, whatever the books say.
    const others = isEmpty && onlyBin && stock ? Math.max(0, salable(stock)) : 0;
    const damagedChange = sumOf(lines) + others;
    const movement = { key: `short:${shipmentId}:${sku}`, sku, warehouseId, kind: 'damage' as const };
    const reason = `short pick: ${reasons.join(', ')}`;
    work.move({ ...movement, onHandChange: 0, damagedChange, actor: 'system', reason, reference: shipmentId });
    const units = damagedChange - sumOf(lines.filter(({ shortReason }) => shortReason === 'damaged'));
    if (units > 0) uncertain.push({ sku, setAside: units });
  }
  if (uncertain.length === 0) return;
  work.put('counts', {
    _id: `cnt_${shipmentId.slice('shp_'.length)}`,
    ...{ warehouseId, lines: uncertain, status: 'open', reason: `Short pick of ${shipmentId}` },
    ...{ actor: 'system', createdAt: new Date() },
  });
}
