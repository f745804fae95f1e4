/** What the parcels of a shipment make of it. */
import { hasEnded, mayGo, type ParcelStatus, parcelStates, type ShipmentStatus } from './states.ts';

export interface TrackedParcel {
  status: ParcelStatus;
  resolved?: string | undefined;
}

/**
 * Where a shipment is that was handed over. While something is wrong with one of its parcels, something is wrong with it;
 * it is lost, or came back, where nothing of it arrived.
 */
export function statusOfParcels(parcels: readonly TrackedParcel[]): ShipmentStatus {
  const isOver = ({ status, resolved }: TrackedParcel) => resolved !== undefined || hasEnded(parcelStates, status);
  const onTheWay = parcels.filter((parcel) => !isOver(parcel));
  if (onTheWay.length === 0) {
    if (parcels.some(({ status, resolved }) => status === 'delivered' && resolved === undefined)) return 'delivered';
    return parcels.some(({ status }) => status === 'returned_to_sender') ? 'returned_to_sender' : 'lost';
  }
  if (onTheWay.some(({ status }) => status === 'exception' || status === 'lost')) return 'exception';
  if (onTheWay.every(({ status }) => status === 'out_for_delivery')) return 'out_for_delivery';
  return parcels.some(({ status }) => status !== 'shipped') ? 'in_transit' : 'shipped';
}

/** What stops a parcel until somebody does something about it. A customer who was not at home is no such thing. */
export function needsHelp(reason: string | undefined): boolean {
  return reason !== 'not_home';
}

/**
 * Events come late, twice and out of order. What is older than what was heard says nothing new, but how a parcel ended: a
 * depot's clock can be ahead of the door's. Times are ISO 8601 in UTC.
 */
export function isNews(
  parcel: { status: ParcelStatus; heardAt?: string | undefined },
  event: { status: ParcelStatus | 'accepted'; at: string },
): event is { status: ParcelStatus; at: string } {
  if (event.status === parcel.status) return isStillMoving(parcel, event.at);
  if (event.status === 'accepted' || !mayGo(parcelStates, parcel.status, event.status)) return false;
  return parcel.heardAt === undefined || event.at >= parcel.heardAt || hasEnded(parcelStates, event.status);
}

const stillMovingMs = 2 * 86_400_000;

/** From depot to depot for days: nobody is to be asked about a parcel that nothing was heard of. */
function isStillMoving(
  { status, heardAt }: { status: ParcelStatus; heardAt?: string | undefined },
  at: string,
): boolean {
  const moves = status === 'in_transit' || status === 'out_for_delivery';
  return moves && heardAt !== undefined && Date.parse(at) - Date.parse(heardAt) >= stillMovingMs;
}
