/** Which shipments are picked together, and in which order. */
import { binRanks } from './walking.ts';

export interface OpenShipment {
  id: string;
  units: number;
  grams: number;
  /** Higher goes first. */
  priority: number;
  /** Until when it has to be handed over. */
  dispatchBy: Date;
  /** A date. */
  promisedBy?: string | undefined;
  createdAt: Date;
  to: { country: string; region?: string | undefined };
  deliveryMethod?: string | undefined;
  /** Where the first of its goods lie. */
  firstBin?: string | undefined;
}

export const sizes = ['single_unit', 'several_units'] as const;
export type Size = (typeof sizes)[number];
export const groupings = ['delivery_method', 'zone', 'deadline', 'size'] as const;
export type Grouping = (typeof groupings)[number];

export interface WaveRules {
  /** Only those of these, where they are given. */
  dispatchBefore?: Date | undefined;
  deliveryMethods?: readonly string[] | undefined;
  countries?: readonly string[] | undefined;
  size?: Size | undefined;
  /** Shipments that differ in these are not on one list. */
  groupBy: readonly Grouping[];
  /** What one list holds at most. A shipment that is more than that alone has a list of its own. */
  shipmentsAList: number;
  unitsAList: number;
  gramsAList: number;
  /** So many shipments in all; the most urgent first. */
  limit: number;
}

/** By priority, then by when it has to leave and to be there, then first come, first served. */
export function byUrgency(a: OpenShipment, b: OpenShipment): number {
  return (
    b.priority - a.priority ||
    a.dispatchBy.getTime() - b.dispatchBy.getTime() ||
    compare(a.promisedBy ?? '9999', b.promisedBy ?? '9999') ||
    a.createdAt.getTime() - b.createdAt.getTime() ||
    compare(a.id, b.id)
  );
}

/**
 * The lists of a wave, the most urgent first. Of equally urgent shipments, those that begin at the same bins are picked
 * together. Every shipment is on one list at most.
 */
export function planWave(shipments: readonly OpenShipment[], rules: WaveRules): OpenShipment[][] {
  const wanted = shipments.filter((shipment) => isWanted(shipment, rules));
  const urgent = wanted.sort(byUrgency).slice(0, rules.limit);
  const groups = new Map<string, OpenShipment[]>();
  for (const shipment of urgent) {
    const key = rules.groupBy.map((grouping) => groupOf(shipment, grouping)).join('\n');
    const group = groups.get(key);
    if (group) group.push(shipment);
    else groups.set(key, [shipment]);
  }
  const byPlace = placeOrder(urgent);
  const lists = [...groups.values()].flatMap((group) => [...cut(group.sort(byPlace), rules)]);
  return lists.sort((a, b) => byUrgency(mostUrgent(a), mostUrgent(b)));
}

function isWanted(shipment: OpenShipment, { dispatchBefore, deliveryMethods, countries, size }: WaveRules): boolean {
  if (dispatchBefore !== undefined && shipment.dispatchBy >= dispatchBefore) return false;
  if (deliveryMethods !== undefined && !deliveryMethods.includes(shipment.deliveryMethod ?? '')) return false;
  if (countries !== undefined && !countries.includes(shipment.to.country)) return false;
  return size === undefined || sizeOf(shipment) === size;
}

function sizeOf({ units }: OpenShipment): Size {
  return units === 1 ? 'single_unit' : 'several_units';
}

function groupOf(shipment: OpenShipment, grouping: Grouping): string {
  if (grouping === 'delivery_method') return shipment.deliveryMethod ?? '';
  if (grouping === 'zone') return `${shipment.to.country} ${shipment.to.region ?? ''}`;
  if (grouping === 'deadline') return shipment.dispatchBy.toISOString();
  return sizeOf(shipment);
}

/** What has to leave earlier is picked earlier; beyond that, walks are short. */
function placeOrder(shipments: readonly OpenShipment[]): (a: OpenShipment, b: OpenShipment) => number {
  const binOf = ({ firstBin }: OpenShipment) => firstBin ?? '';
  const ranks = binRanks(shipments.map(binOf));
  const rankOf = (shipment: OpenShipment) => ranks.get(binOf(shipment))!;
  return (a, b) =>
    b.priority - a.priority ||
    a.dispatchBy.getTime() - b.dispatchBy.getTime() ||
    rankOf(a) - rankOf(b) ||
    byUrgency(a, b);
}

function* cut(group: readonly OpenShipment[], { shipmentsAList, unitsAList, gramsAList }: WaveRules) {
  let list: OpenShipment[] = [];
  let units = 0;
  let grams = 0;
  for (const shipment of group) {
    const isFull =
      list.length >= shipmentsAList || units + shipment.units > unitsAList || grams + shipment.grams > gramsAList;
    if (list.length > 0 && isFull) {
      yield list;
      list = [];
      units = 0;
      grams = 0;
    }
    list.push(shipment);
    units += shipment.units;
    grams += shipment.grams;
  }
  if (list.length > 0) yield list;
}

export function mostUrgent(list: readonly OpenShipment[]): OpenShipment {
  return list.reduce((first, each) => (byUrgency(each, first) < 0 ? each : first));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
