/** The way through a warehouse, from the names of its bins. */

/**
 * Natural order: A-2 before A-10, aisles as in a dictionary (A, AA, B). The parts between dashes, dots, slashes,
 * underscores and spaces are compared one by one; upper and lower case and leading zeros only where nothing else differs.
 * What has no bin comes last.
 */
export function compareBins(a: string | undefined, b: string | undefined): number {
  const ours = partsOf(a);
  const theirs = partsOf(b);
  const missing = Number(ours.length === 0) - Number(theirs.length === 0);
  return missing || compareLists(ours, theirs, comparePart) || compareText(a ?? '', b ?? '');
}

/** The place of each bin among these. Whoever sorts a lot by few bins compares their names only here. */
export function binRanks(bins: Iterable<string>): ReadonlyMap<string, number> {
  return new Map([...new Set(bins)].sort(compareBins).map((bin, rank) => [bin, rank]));
}

/**
 * The lines in the order of a walk. Where bins look like AISLE-BAY-LEVEL it goes up one aisle and down the next: of the
 * aisles with something to fetch, every second is walked from its last bay to its first. The levels of a bay are in
 * natural order both ways, and lines of the same bin stay in their order.
 */
export function walkingOrder<T>(lines: readonly T[], binOf: (line: T) => string | undefined): T[] {
  const sorted = lines.map((line) => ({ line, parts: partsOf(binOf(line)), bin: binOf(line) }));
  sorted.sort((a, b) => compareBins(a.bin, b.bin));
  let walked = 0;
  const order = groupBy(sorted, ({ parts }) => parts[0]).flatMap((aisle) => {
    if (!aisle.every(({ parts }) => hasBay(parts))) return aisle;
    walked += 1;
    const bays = groupBy(aisle, ({ parts }) => parts[1]);
    return walked % 2 === 1 ? aisle : bays.reverse().flat();
  });
  return order.map(({ line }) => line);
}

function hasBay(parts: readonly string[]): boolean {
  return parts.length >= 3 && /^\d+$/.test(parts[1]!);
}

/** As they are compared: in capitals, without leading zeros. */
function partsOf(bin: string | undefined): string[] {
  const parts = (bin ?? '').toUpperCase().split(/[\s\-./_]+/);
  return parts
    .filter((part) => part !== '')
    .map((part) => part.replace(/\d+/g, (digits) => digits.replace(/^0+\B/, '')));
}

function comparePart(a: string, b: string): number {
  return compareLists(a.match(/\d+|\D+/g)!, b.match(/\d+|\D+/g)!, compareRun);
}

/** Of digits, which come first, or of anything else. Numbers may have more digits than are exact in JavaScript. */
function compareRun(a: string, b: string): number {
  const areNumbers = [a, b].map((run) => /^\d/.test(run));
  if (areNumbers[0] !== areNumbers[1]) return areNumbers[0] ? -1 : 1;
  return (areNumbers[0] ? a.length - b.length : 0) || compareText(a, b);
}

/** By the first place where they differ; of two that do not, the shorter is first. */
function compareLists<T>(a: readonly T[], b: readonly T[], compare: (a: T, b: T) => number): number {
  const at = a.findIndex((each, index) => index >= b.length || compare(each, b[index]!) !== 0);
  return at === -1 || at >= b.length ? a.length - b.length : compare(a[at]!, b[at]!);
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string | undefined): T[][] {
  const groups = new Map<string | undefined, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return [...groups.values()];
}
