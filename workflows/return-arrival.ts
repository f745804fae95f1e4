/** Goods on their way back: waited for, reminded of, and written down parcel by parcel. */
import { local } from './activities.ts';
import { deadlines } from './domain/limits.ts';
import type { ReceiveReturnInput } from './messages.ts';
import { moveReturn, type Return } from './return-context.ts';

/** Until all of it is here. What does not come until the deadline does not count any more. */
export async function receiveGoods(work: Return): Promise<'here' | 'nothing' | 'cancelled'> {
  const { record } = work;
  // Whoever could not withdraw has no more time for it.
  const isLeft = work.arriveBy !== undefined && work.arriveBy > Date.now();
  let until = isLeft ? work.arriveBy! : Date.now() + deadlines.returnArrival;
  work.arriveBy = until;
  for (;;) {
    const arrived = record.waitFor(
      'return_arrival',
      until - Date.now(),
      () => work.arrivals.length > 0 || (work.cancelled !== undefined && work.recorded === 0),
    );
    if (work.recorded === 0 && work.isAnnounced) void remind(work);
    await arrived;
    const arrival = work.arrivals.shift();
    if (arrival) {
      await writeDown(work, arrival);
      if (arrival.more !== true) return 'here';
    } else if (work.recorded > 0) {
      work.isAllHere = true;
      moveReturn(work, 'received', 'Nothing more came in time');
      return 'here';
    } else if (work.cancelled) return 'cancelled';
    else if (work.parcel === undefined || (await isGivenUp(work))) {
      work.isAllHere = true;
      return 'nothing';
    } else until = Date.now() + deadlines.returnArrival;
  }
}

async function writeDown(work: Return, arrival: ReceiveReturnInput): Promise<void> {
  const { record } = work;
  const number = work.recorded + 1;
  const { units } = await record.must('record_reception', () =>
    local.recordReception({ returnId: work.id, number, ...arrival }),
  );
  work.units = units;
  if (arrival.more !== true) moveReturn(work, 'received', 'Received', arrival.actor);
  else if (record.state.status === 'approved') moveReturn(work, 'in_transit', 'A part has arrived', arrival.actor);
  else record.changed('A part has arrived', arrival.actor);
  tellOfStrangeGoods(work, arrival);
  work.recorded = number;
}

/** What is not of the order is nobody's stock and nobody's money: a person finds out whose it is, beside the story. */
function tellOfStrangeGoods({ record }: Return, { lines, unexpected = [] }: ReceiveReturnInput): void {
  const others = lines
    .filter(({ reception, quantity }) => reception === 'wrong_item' && quantity > 0)
    .map(({ lineId, quantity }) => `${quantity} of something else in place of ${lineId}`);
  const strange = [...unexpected.map(({ what, quantity }) => `${quantity} of ${what}`), ...others];
  if (strange.length === 0) return;
  const why = `Not of this order: ${strange.join('; ')}`;
  void record.incident({ cause: 'unexpected_goods', why, answers: ['skip'] });
}

/** A parcel that the carrier was to bring back and did not. */
async function isGivenUp(work: Return): Promise<boolean> {
  const { record, parcel } = work;
  const why = `The carrier was to bring ${parcel!.parcelId} back, and it did not arrive`;
  const given = await record.incident(
    { cause: 'overdue_return_arrival', why, answers: ['wait', 'refund', 'reship'] },
    () => work.arrivals.length > 0,
  );
  // What is here by now is received, whatever was answered.
  if (work.arrivals.length > 0 || (given !== 'refund' && given !== 'reship')) return false;
  record.state.resolution = given;
  return true;
}

/** Once, some days before the time is up, however often that is moved. */
async function remind(work: Return): Promise<void> {
  const { record } = work;
  const deadline = () => record.deadlineOf('return_arrival');
  const isAwaited = () => record.state.status === 'approved' && work.announced === 0 && !work.cancelled;
  for (;;) {
    const until = deadline();
    if (until === undefined || !isAwaited()) return;
    const left = Date.parse(until) - Date.now();
    if (left <= 0) return;
    if (left > deadlines.returnReminder) {
      await record.waitFor(undefined, left - deadlines.returnReminder, () => !isAwaited() || deadline() !== until);
      continue;
    }
    record.mail('return_expiring');
    record.changed('Reminded of the goods');
    return;
  }
}
