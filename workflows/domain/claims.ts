/** What customers may claim of goods that were sent, and what a store approves without a person. */
import type { ClaimKind, ParcelStatus } from './states.ts';

/** Claims of goods that were delivered so many days ago, or longer, are for a person. */
export const claimWindowDays = 30;

export interface Units {
  lineId: string;
  quantity: number;
}

/** Units of one parcel that a claim is about. */
export interface ClaimedParcel {
  shipmentId: string;
  parcelId: string;
  units: Units[];
}

/** A parcel that was handed over and not given up, with what of it nobody has claimed yet. */
export interface ClaimableParcel extends ClaimedParcel {
  status: ParcelStatus;
  /** Something of it is claimed already. */
  isClaimed: boolean;
}

/** What of the lines is settled otherwise. Lines of which nothing is are not there. */
export interface GoneUnits {
  /** Sent back, or on their way back. */
  returning: ReadonlyMap<string, number>;
  /** Paid back by support. */
  paidBack: ReadonlyMap<string, number>;
}

export type Claimable = { ok: true; parcels: ClaimedParcel[] } | { ok: false; because: string };

/**
 * Finds the claimed units in the parcels. Nobody says which of two equal units is broken: the first parcels that have some
 * are taken. A parcel is lost as a whole, and one that the carrier has lost comes first.
 */
export function findClaimed(
  kind: ClaimKind,
  asked: readonly Units[],
  parcels: readonly ClaimableParcel[],
  gone: GoneUnits,
): Claimable {
  const isLost = kind === 'lost_in_transit';
  const concerned = parcels.filter(({ status }) => (status === 'delivered') !== isLost);
  for (const { lineId, quantity } of asked) {
    const returning = gone.returning.get(lineId) ?? 0;
    const sent = unitsOf(parcels, lineId) - returning - (gone.paidBack.get(lineId) ?? 0);
    const here = unitsOf(concerned, lineId) - (isLost ? 0 : returning);
    const left = Math.max(0, Math.min(sent, here));
    const where = isLost ? 'are on their way' : 'were delivered';
    if (quantity > left) {
      const because = `Line ${lineId}: ${quantity} claimed, of ${left} that ${where} and are not settled otherwise`;
      return { ok: false, because };
    }
  }
  return isLost ? findWhole(asked, concerned) : { ok: true, parcels: fill(asked, concerned) };
}

function fill(asked: readonly Units[], parcels: readonly ClaimableParcel[]): ClaimedParcel[] {
  const open = new Map(asked.map(({ lineId, quantity }) => [lineId, quantity]));
  return parcels.flatMap(({ shipmentId, parcelId, units }) => {
    const taken = units.flatMap(({ lineId, quantity: there }) => {
      const quantity = Math.min(there, open.get(lineId) ?? 0);
      open.set(lineId, (open.get(lineId) ?? 0) - quantity);
      return quantity > 0 ? [{ lineId, quantity }] : [];
    });
    return taken.length > 0 ? [{ shipmentId, parcelId, units: taken }] : [];
  });
}

const worstFirst: readonly ParcelStatus[] = ['lost', 'returned_to_sender', 'exception'];

function findWhole(asked: readonly Units[], parcels: readonly ClaimableParcel[]): Claimable {
  const open = new Map(asked.map(({ lineId, quantity }) => [lineId, quantity]));
  const rank = ({ status }: ClaimableParcel) => {
    const place = worstFirst.indexOf(status);
    return place < 0 ? worstFirst.length : place;
  };
  const whole = parcels.filter(({ isClaimed }) => !isClaimed);
  const sorted = whole.toSorted((a, b) => rank(a) - rank(b));
  const taken = sorted.filter(({ units }) => {
    if (units.some(({ lineId, quantity }) => quantity > (open.get(lineId) ?? 0))) return false;
    for (const { lineId, quantity } of units) open.set(lineId, open.get(lineId)! - quantity);
    return true;
  });
  if ([...open.values()].every((left) => left === 0))
    return { ok: true, parcels: taken.map(({ shipmentId, parcelId, units }) => ({ shipmentId, parcelId, units })) };
  const inside = sorted.map(({ parcelId, units }) => {
    return `${parcelId} (${units.map(({ lineId, quantity }) => `${quantity} of ${lineId}`).join(', ')})`;
  });
  return { ok: false, because: `A parcel is lost as a whole: claim all that is in it, of ${inside.join(' or ')}` };
}

function unitsOf(parcels: readonly ClaimedParcel[], lineId: string): number {
  return parcels
    .flatMap(({ units }) => units)
    .reduce((sum, unit) => (unit.lineId === lineId ? sum + unit.quantity : sum), 0);
}

/** Minor units by currency. Without an amount for its currency, a person decides about a claim. */
export interface ClaimRules {
  /** Claims up to here are approved by themselves: all of an order together. */
  autoApproveUpTo?: Readonly<Record<string, number>>;
  /** From here on they are so with evidence only. */
  evidenceNeededFrom?: Readonly<Record<string, number>>;
}

export function decideClaim(
  /** `worth` in minor units, with that of the order's earlier claims; `days` since the last parcel came, if one did. */
  { worth, currency, evidence, days = 0 }: { worth: number; currency: string; evidence: number; days?: number },
  { autoApproveUpTo, evidenceNeededFrom }: ClaimRules,
): { decision: 'approve' | 'ask'; because: string } {
  const most = autoApproveUpTo?.[currency];
  if (most === undefined) return { decision: 'ask', because: 'A person decides about every claim' };
  if (worth > most) return { decision: 'ask', because: 'The claims of the order are worth more than the rule allows' };
  const from = evidenceNeededFrom?.[currency];
  if (from !== undefined && worth >= from && evidence === 0)
    return { decision: 'ask', because: 'There is no evidence of it' };
  if (days > claimWindowDays) return { decision: 'ask', because: `Delivered ${Math.floor(days)} days ago` };
  return { decision: 'approve', because: 'Within the rule for claims' };
}
