/** Whether parcels can be what they are said to be, and hold what was picked. */
import { unitsByLine } from './units.ts';

/** Grams and millimetres. */
export interface Measured {
  weightGrams: number;
  lengthMm: number;
  widthMm: number;
  heightMm: number;
}

/** Without anything else that is known of it. */
export function measuresOf({ weightGrams, lengthMm, widthMm, heightMm }: Measured): Measured {
  return { weightGrams, lengthMm, widthMm, heightMm };
}

export interface Contents {
  lineId: string;
  quantity: number;
}

/** What was picked of a line. */
export interface PickedLine {
  lineId: string;
  sku: string;
  picked: number;
  /** Of a unit; 0 where nobody knows. */
  weightGrams: number;
  /** Outer size of a unit in millimetres. */
  sizeMm?: { length: number; width: number; height: number } | undefined;
}

/** By how much a parcel may weigh more or less than its goods. */
export interface WeightTolerance {
  percent: number;
  /** What box and padding weigh at most, and what scales are wrong by. */
  grams: number;
}

export type ParcelRefusal = 'units_do_not_fit' | 'wrong_weight' | 'impossible' | 'too_small';

export type ParcelsChecked<P> = { ok: true; parcels: P[] } | { ok: false; code: ParcelRefusal; message: string };

/**
 * Every picked unit is in one parcel, and none is in a parcel that was not picked. One parcel that does not say what is in
 * it has everything.
 * @param tolerance without one, weights are not compared with those of the goods
 */
export function checkParcels<P extends Measured & { units?: readonly Contents[] | undefined }>(
  lines: readonly PickedLine[],
  given: readonly P[],
  tolerance: WeightTolerance | undefined,
): ParcelsChecked<P & { units: Contents[] }> {
  const everything = lines.flatMap(({ lineId, picked }) => (picked > 0 ? [{ lineId, quantity: picked }] : []));
  const parcels = given.map((parcel) => ({ ...parcel, units: [...(parcel.units ?? everything)] }));
  const wrong =
    findMissing(lines, parcels) ?? firstOf(parcels, (parcel, name) => findImpossible(parcel, name, lines, tolerance));
  return wrong ?? { ok: true, parcels };
}

type Refused = { ok: false; code: ParcelRefusal; message: string };

function firstOf<P>(
  parcels: readonly P[],
  check: (parcel: P, name: string) => Refused | undefined,
): Refused | undefined {
  for (const [index, parcel] of parcels.entries()) {
    const refused = check(parcel, parcels.length === 1 ? 'The parcel' : `Parcel ${index + 1}`);
    if (refused) return refused;
  }
  return undefined;
}

function findMissing(
  lines: readonly PickedLine[],
  parcels: readonly { units: readonly Contents[] }[],
): Refused | undefined {
  const packed = unitsByLine(parcels.flatMap(({ units }) => units));
  const unknown = [...packed.keys()].find((lineId) => !lines.some((line) => line.lineId === lineId));
  if (unknown !== undefined) return refused('units_do_not_fit', `The shipment has no line ${unknown}`);
  for (const { lineId, sku, picked } of lines) {
    const units = packed.get(lineId) ?? 0;
    if (units !== picked)
      return refused('units_do_not_fit', `${units} of ${sku} (${lineId}) are in the parcels, ${picked} were picked`);
  }
  return undefined;
}

/** Osmium, the densest of all elements, has 22.6: whoever says more has measured in other units. */
const densest = 22.6;

function findImpossible(
  parcel: Measured & { units: readonly Contents[] },
  name: string,
  lines: readonly PickedLine[],
  tolerance: WeightTolerance | undefined,
): Refused | undefined {
  const { weightGrams, lengthMm, widthMm, heightMm } = parcel;
  const density = weightGrams / ((lengthMm * widthMm * heightMm) / 1_000);
  if (density > densest) {
    const size = `${lengthMm} x ${widthMm} x ${heightMm} mm`;
    return refused('impossible', `${name} of ${size} cannot weigh ${weightGrams} g: lengths are in millimetres`);
  }
  const goods = parcel.units.map(({ lineId, quantity }) => ({
    ...lines.find((line) => line.lineId === lineId)!,
    quantity,
  }));
  const inside = [lengthMm, widthMm, heightMm].sort(byNumber);
  const tooLarge = goods.find(({ sizeMm }) => {
    if (sizeMm === undefined) return false;
    const unit = [sizeMm.length, sizeMm.width, sizeMm.height].sort(byNumber);
    return unit.some((length, index) => length > inside[index]!);
  });
  if (tooLarge)
    return refused('too_small', `${tooLarge.sku} does not fit into a box of ${inside.toReversed().join(' x ')} mm`);
  if (tolerance === undefined || goods.some((line) => line.weightGrams === 0)) return undefined;
  const expected = goods.reduce((sum, line) => sum + line.quantity * line.weightGrams, 0);
  const slack = (expected * tolerance.percent) / 100;
  const least = Math.floor(expected - slack);
  const most = Math.ceil(expected + slack + tolerance.grams);
  if (weightGrams >= least && weightGrams <= most) return undefined;
  return refused(
    'wrong_weight',
    `${name} weighs ${weightGrams} g, and what should be in it ${expected} g (${least} to ${most} g are fine): look what is in it`,
  );
}

function byNumber(a: number, b: number): number {
  return a - b;
}

function refused(code: ParcelRefusal, message: string): Refused {
  return { ok: false, code, message };
}
