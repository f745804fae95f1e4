/** What the documents of a sale say in figures: an invoice over what was bought, and credit notes over what is paid back. */
import { payableUnit, shareOfLine, split } from './money.ts';
import type { PricedLine, PricedShipping } from './pricing.ts';
import { type Levied, rateKey, type TaxPart } from './taxes.ts';

/** What of an order its invoice is made of. */
export interface Sold {
  currency: string;
  /** `sold` of the units that were ordered. */
  lines: readonly (Pick<PricedLine, 'lineId' | 'sku' | 'name' | 'quantity' | 'total' | 'taxes'> & { sold: number })[];
  shipping?: Pick<PricedShipping, 'name' | 'net' | 'taxes'> | undefined;
}

/** How it was paid. Minor units. */
export interface Paid {
  /** Its credit is what the goods brought that it is in exchange for. */
  byReturn?: true;
  card: number;
  credit: number;
}

/** An amount without taxes, and what each rate levies on it. Without rates it is not taxed. */
export interface Part {
  net: number;
  rates: Levied[];
}

/** Minor units. `net` and `tax` are the total, and both are what the parts add up to. */
export interface InvoiceLine {
  /** Absent where it is no line of the order. */
  lineId?: string;
  sku?: string;
  name: string;
  quantity: number;
  net: number;
  tax: number;
  total: number;
  parts: Part[];
}

/** What is levied by one rate; what is not taxed is levied 0 %. */
export interface RateSum {
  name: string;
  ppm: number;
  net: number;
  tax: number;
}

export interface InvoiceContent {
  lines: InvoiceLine[];
  rates: RateSum[];
  net: number;
  tax: number;
  /** What the lines' totals add up to. */
  gross: number;
  /** Of an invoice. */
  paid?: Paid;
}

/** The units that are sold, and the delivery where there are any. */
export function invoiceOf({ currency, lines, shipping }: Sold, paid: Paid): InvoiceContent {
  const unit = payableUnit(currency);
  const kept = lines.flatMap((line) => {
    const { lineId, sku, name, sold: quantity } = line;
    if (quantity === 0) return [];
    const share = (amount: number) => shareOfLine(amount, line.quantity, 0, quantity, unit);
    const levied = line.taxes.map((tax) => ({ ...tax, amount: share(tax.amount) }));
    const net = share(line.total) - sum(levied, ({ amount }) => amount);
    const taxes = levied.map((tax) => ({ ...tax, base: net }));
    return [lineOf({ lineId, sku, name, quantity }, partsOf(net, taxes))];
  });
  if (shipping && kept.length > 0)
    kept.push(lineOf({ name: shipping.name, quantity: 1 }, partsOf(shipping.net, shipping.taxes)));
  return { ...contentOf(kept), paid };
}

/**
 * A credit note over an amount, or over what is left of the invoice where that is less. What is credited of lines falls on
 * their rates, and all else on each rate by what is left of it. Once everything is credited, the notes add up to the
 * invoice, net and tax of each rate.
 */
export function creditNoteOf(
  invoice: InvoiceContent,
  earlier: readonly InvoiceContent[],
  amount: number,
  lines: readonly { lineId: string; quantity: number; amount: number }[] = [],
): InvoiceContent {
  const parts = ({ lines: its }: InvoiceContent) => its.flatMap((line) => line.parts);
  let left = added([...parts(invoice), ...earlier.flatMap(parts).map(negated)]);
  let open = Math.min(amount, sum(left, grossOf));
  const take = (from: readonly Part[], upTo: number): Part[] => {
    const rooms = from.map(grossOf);
    const shares = split(Math.min(upTo, open, sum(rooms, Number)), rooms);
    const taken = from.map((part, index) => partOf(part, shares[index]!));
    left = added([...left, ...taken.map(negated)]);
    open -= sum(taken, grossOf);
    return taken;
  };
  const credited = lines.flatMap((each) => {
    const line = invoice.lines.find(({ lineId }) => lineId === each.lineId);
    if (line === undefined) return [];
    const { lineId, sku, name } = line;
    const keys = new Set(line.parts.map(keyOf));
    const taken = take(
      left.filter((part) => keys.has(keyOf(part))),
      each.amount,
    );
    return [lineOf({ lineId, sku, name, quantity: each.quantity }, taken)];
  });
  const rest = lineOf({ name: 'Refund', quantity: 1 }, take(left, open));
  return contentOf([...credited, rest].filter(({ total }) => total > 0));
}

/**
 * What each rate is levied on. Parts lie side by side where there is room for that, as in a delivery of goods of two tax
 * classes; else one upon the other, the narrow upon the broad.
 */
function partsOf(net: number, unsorted: readonly TaxPart[]): Part[] {
  const taxes = [...unsorted].sort((a, b) => (rateKey(a) < rateKey(b) ? -1 : 1));
  const bases = taxes.map(({ base }) => base);
  const sideBySide = sum(bases, Number) <= net;
  const steps = [...new Set(bases)].sort((a, b) => a - b);
  const parts: Part[] = sideBySide
    ? bases.map((base) => ({ net: base, rates: [] }))
    : steps.map((step, index) => ({ net: step - (steps[index - 1] ?? 0), rates: [] }));
  for (const [index, { name, ppm, base, amount }] of taxes.entries()) {
    const levied = sideBySide ? [parts[index]!] : parts.slice(0, steps.indexOf(base) + 1);
    const shares = split(
      amount,
      levied.map((part) => part.net),
    );
    for (const [place, part] of levied.entries()) part.rates.push({ name, ppm, amount: shares[place]! });
  }
  return [...parts, { net: net - sum(parts, (part) => part.net), rates: [] }];
}

function lineOf(about: Pick<InvoiceLine, 'lineId' | 'sku' | 'name' | 'quantity'>, parts: readonly Part[]): InvoiceLine {
  const filled = added(parts);
  const net = sum(filled, (part) => part.net);
  const total = sum(filled, grossOf);
  return { ...about, net, tax: total - net, total, parts: filled };
}

function contentOf(lines: InvoiceLine[]): InvoiceContent {
  const net = sum(lines, (line) => line.net);
  const tax = sum(lines, (line) => line.tax);
  return { lines, rates: ratesOf(lines), net, tax, gross: net + tax };
}

function ratesOf(lines: readonly InvoiceLine[]): RateSum[] {
  const sums = new Map<string, RateSum>();
  for (const { net, rates } of added(lines.flatMap(({ parts }) => parts))) {
    for (const { name, ppm, amount } of rates.length > 0 ? rates : [untaxed]) {
      const key = rateKey({ name, ppm });
      const before = sums.get(key) ?? { net: 0, tax: 0 };
      sums.set(key, { name, ppm, net: before.net + net, tax: before.tax + amount });
    }
  }
  return [...sums.values()].sort((a, b) => b.ppm - a.ppm || (a.name < b.name ? -1 : 1));
}

const untaxed: Levied = { name: 'No tax', ppm: 0, amount: 0 };

/** What is levied by the same rates as one; what comes to nothing is left out. */
function added(parts: readonly Part[]): Part[] {
  const sums = new Map<string, Part>();
  for (const part of parts) {
    const key = keyOf(part);
    const { net, rates } = sums.get(key) ?? { net: 0, rates: part.rates.map((rate) => ({ ...rate, amount: 0 })) };
    sums.set(key, {
      net: net + part.net,
      rates: rates.map((rate, index) => ({ ...rate, amount: rate.amount + part.rates[index]!.amount })),
    });
  }
  const filled = [...sums].filter(([, part]) => grossOf(part) !== 0);
  return filled.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, part]) => part);
}

function keyOf({ rates }: Part): string {
  return rates.map(rateKey).join('|');
}

function partOf({ net, rates }: Part, gross: number): Part {
  const [shareOfNet, ...shares] = split(gross, [net, ...rates.map(({ amount }) => amount)]);
  return { net: shareOfNet!, rates: rates.map((rate, index) => ({ ...rate, amount: shares[index]! })) };
}

function negated({ net, rates }: Part): Part {
  return { net: -net, rates: rates.map((rate) => ({ ...rate, amount: -rate.amount })) };
}

function grossOf({ net, rates }: Part): number {
  return net + sum(rates, ({ amount }) => amount);
}

function sum<T>(all: readonly T[], of: (each: T) => number): number {
  return all.reduce((total, each) => total + of(each), 0);
}
