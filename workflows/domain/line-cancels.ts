/** Which units are given up when a part of an order is cancelled, and what that leaves to be picked. */
import type { PickLine } from './picking.ts';

/** Units of a line in one shipment that may still be given up. */
export interface Cancellable {
  lineId: string;
  shipmentId: string;
  quantity: number;
}

export interface LineQuantity {
  lineId: string;
  quantity: number;
}

/** What became of the shipments that units were taken from. */
export type LineCancellation =
  | {
      outcome: 'cancelled';
      shipments: {
        shipmentId: string;
        left: 'nothing' | 'less';
        /** How often units of it were cancelled since it was made to be picked. */
        changes?: number;
        /** Nothing of it is to be picked any more. */
        closed?: { short: boolean };
      }[];
      /** Minor units: what the goods that are still meant to be sent cost. */
      amountDue: number;
      /** Nothing of the order was sent, or is to be. */
      isNothingLeft: boolean;
    }
  | { outcome: 'refused'; why: string };

export type Chosen = { ok: true; units: Cancellable[] } | { ok: false; lineId: string; left: number };

/**
 * Takes them from the shipments in their order; the first ones are those that the least work was done for. A line that has
 * fewer units left than are asked for is named, and nothing is chosen.
 */
export function chooseUnits(
  asked: readonly LineQuantity[],
  cancellable: readonly Cancellable[],
  shipmentIds: readonly string[],
): Chosen {
  const inOrder = [...cancellable].sort(
    (a, b) => shipmentIds.indexOf(a.shipmentId) - shipmentIds.indexOf(b.shipmentId),
  );
  const units: Cancellable[] = [];
  for (const { lineId, quantity } of asked) {
    const ofLine = inOrder.filter((each) => each.lineId === lineId);
    let open = quantity;
    for (const each of ofLine) {
      const taken = Math.min(open, each.quantity);
      if (taken > 0) units.push({ ...each, quantity: taken });
      open -= taken;
    }
    if (open > 0) return { ok: false, lineId, left: quantity - open };
  }
  return { ok: true, units };
}

/**
 * A pick line that asks for fewer units, and how many of those in the box belong on the shelf again.
 * @param owed units of the line that could have been taken: a missing one that nobody has decided about could not
 */
export function withLess(line: PickLine, units: number, owed: number): { line: PickLine; putBack: number } {
  const quantity = line.quantity - units;
  const picked = Math.min(line.picked, owed - units);
  const isPicked = line.state === 'pending' && picked === quantity;
  return { line: { ...line, quantity, picked, ...(isPicked && { state: 'picked' }) }, putBack: line.picked - picked };
}
