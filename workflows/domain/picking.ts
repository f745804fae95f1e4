/** Whether what somebody has scanned is what a pick list asks for, and into which boxes it goes. */
import type { PickLineStatus, ShortReason } from './states.ts';

export interface PickLine {
  lineId: string;
  sku: string;
  name: string;
  quantity: number;
  picked: number;
  /** Where it lies. */
  bin?: string;
  state: PickLineStatus;
  shortReason?: ShortReason;
  /** By the scanner's clock. */
  shortAt?: Date;
}

/** A shipment as its pick list sees it. */
export interface PickedShipment {
  id: string;
  /** The number of its box on the trolley. */
  slot: number;
  lines: readonly PickLine[];
  /** Only an open one takes units. */
  state: 'open' | 'closed' | 'held' | 'cancelled';
}

export interface Scan {
  sku: string;
  /** As it was scanned; needed where the goods have a place. */
  bin?: string | undefined;
  quantity: number;
  /** Into this box; where it is not said, boxes are filled in their order. */
  shipmentId?: string | undefined;
  /** When it was made, by the scanner's clock. */
  madeAt: Date;
}

/** Units of a scan that go into one box. */
export interface Put {
  shipmentId: string;
  slot: number;
  lineId: string;
  quantity: number;
}

export type PickRefusal =
  | 'unknown_barcode'
  | 'wrong_item'
  | 'wrong_bin'
  | 'too_many'
  | 'cancelled'
  | 'on_hold'
  | 'closed'
  | 'not_yours';

export type Decision = { ok: true; puts: Put[] } | { ok: false; code: PickRefusal; message: string };

/**
 * All of the scan, or nothing of it. A unit that was scanned before its line was reported short, and whose scan comes
 * later, counts all the same.
 * @param bins where the goods lie by now, beside the places that the lines name
 */
export function decideScan(shipments: readonly PickedShipment[], scan: Scan, bins: readonly string[]): Decision {
  const { sku, quantity, shipmentId } = scan;
  const asked = shipments.filter(({ id }) => shipmentId === undefined || id === shipmentId);
  const lines = asked.flatMap((shipment) =>
    shipment.lines.filter((line) => line.sku === sku).map((line) => ({ ...line, shipment })),
  );
  if (lines.length === 0) return refused('wrong_item', `${sku} is not on this list`);
  const open = lines.filter(({ shipment }) => shipment.state === 'open');
  if (open.length === 0) return notOpen(lines[0]!.shipment);

  const wanted = open.filter((line) => takes(line, scan.madeAt));
  const places = [...new Set([...wanted.flatMap(({ bin }) => bin ?? []), ...bins])];
  const left = wanted.reduce((sum, line) => sum + line.quantity - line.picked, 0);
  if (left === 0) return refused('too_many', `All of ${sku} is picked already: put it back`);
  if (places.length > 0 && !places.includes(scan.bin ?? ''))
    return refused(
      'wrong_bin',
      `${sku} lies in ${places.join(' or ')}, not in ${scan.bin ?? 'a bin that was not scanned'}`,
    );
  if (quantity > left) return refused('too_many', `${quantity} of ${sku} scanned, ${left} are still to be picked`);

  const puts: Put[] = [];
  let rest = quantity;
  for (const { shipment, lineId, quantity: asks, picked } of wanted) {
    const units = Math.min(rest, asks - picked);
    if (units > 0) puts.push({ shipmentId: shipment.id, slot: shipment.slot, lineId, quantity: units });
    rest -= units;
  }
  return { ok: true, puts };
}

function takes({ state, shortAt }: PickLine, madeAt: Date): boolean {
  return state === 'pending' || (state === 'short' && shortAt !== undefined && madeAt < shortAt);
}

function notOpen({ id, state }: PickedShipment): Decision {
  if (state === 'cancelled') return refused('cancelled', `The shipment ${id} was cancelled: put the goods back`);
  if (state === 'held') return refused('on_hold', `The order of ${id} is on hold: leave the goods where they are`);
  return refused('closed', `The picking of ${id} is closed`);
}

/**
 * What is left of a product on the list cannot be picked; what was picked of it so far stays, also where that is nothing.
 */
export function decideShort(
  shipments: readonly PickedShipment[],
  { sku, shipmentId }: Pick<Scan, 'sku' | 'shipmentId'>,
): Decision {
  const asked = shipments.filter(({ id }) => shipmentId === undefined || id === shipmentId);
  const of = asked.filter(({ lines }) => lines.some((line) => line.sku === sku));
  if (of.length === 0) return refused('wrong_item', `${sku} is not on this list`);
  const open = of.filter(({ state }) => state === 'open');
  if (open.length === 0) return notOpen(of[0]!);
  const puts = open.flatMap(({ id, slot, lines }) =>
    lines
      .filter((line) => line.sku === sku && line.state === 'pending')
      .map(({ lineId }) => ({ shipmentId: id, slot, lineId, quantity: 0 })),
  );
  return puts.length > 0 ? { ok: true, puts } : refused('closed', `Nothing of ${sku} is still to be picked`);
}

function refused(code: PickRefusal, message: string): Decision {
  return { ok: false, code, message };
}

export function withScan(line: PickLine, units: number): PickLine {
  const picked = line.picked + units;
  if (picked < line.quantity) return { ...line, picked };
  const { shortReason: _, shortAt: __, ...rest } = line;
  return { ...rest, picked, state: 'picked' };
}

export function withShort(line: PickLine, reason: ShortReason, at: Date): PickLine {
  return { ...line, state: 'short', shortReason: reason, shortAt: at };
}

/** Whether somebody else has this list, or had it when the scan was made: goods must not be in two trolleys. */
export function mayScan(
  assignments: readonly { actor: string; from: Date; until?: Date | undefined }[],
  actor: string,
  madeAt: Date,
): boolean {
  return assignments.some(
    ({ actor: whose, from, until }) => whose === actor && (until === undefined || (madeAt >= from && madeAt <= until)),
  );
}
