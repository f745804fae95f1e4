/** Units that are named more than once, added up. */

export function unitsByLine(units: readonly { lineId: string; quantity: number }[]): Map<string, number> {
  return addUp(units.map(({ lineId, quantity }) => [lineId, quantity]));
}

export function unitsBySku(units: readonly { sku: string; quantity: number }[]): Map<string, number> {
  return addUp(units.map(({ sku, quantity }) => [sku, quantity]));
}

function addUp(units: readonly (readonly [key: string, quantity: number])[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const [key, quantity] of units) sums.set(key, (sums.get(key) ?? 0) + quantity);
  return sums;
}
