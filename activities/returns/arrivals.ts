/** What came back, parcel by parcel, and where it went. */
import type { ClientSession } from 'mongoose';
import type { Arrival, Return, ReturnLine } from '../../models/return.ts';
import { inTransaction, type Mongo } from '../../platform/mongo.ts';
import type { LocalSteps } from '../../workflows/activities.ts';
import { policyOf, termsOfUnasked } from '../../workflows/domain/return-policy.ts';
import type { Disposition, Reception } from '../../workflows/domain/states.ts';
import type { InspectReturnInput, ReceiveReturnInput } from '../../workflows/messages.ts';
import { readOrder } from '../payments/sales.ts';
import { postMovement } from '../stock/movements.ts';
import { returnRules } from '../store-settings.ts';
import { awaited } from './opening.ts';
import { readReturn } from './records.ts';

/** More than was asked for is recorded as it came, and so is what nobody asked for. A repeat changes nothing. */
export async function recordReception(
  mongo: Mongo,
  input: { returnId: string; number: number } & ReceiveReturnInput,
): ReturnType<LocalSteps['recordReception']> {
  const { returnId, more, after: _, ...arrival } = input;
  const { policies } = await returnRules(mongo);
  return inTransaction(mongo, async (session) => {
    const found = await readReturn(mongo, returnId, session);
    if (found.inspectedAt || found.arrivals.some(({ number }) => number === input.number))
      return { units: unitsOf(found.lines) };
    const order = await readOrder(mongo, found.orderId, session);
    const arrivals: Arrival[] = [...found.arrivals, { ...arrival, at: new Date() }];
    const known = new Set(found.lines.map(({ lineId }) => lineId));
    const strangers = [...new Set(arrival.lines.map(({ lineId }) => lineId))].filter((lineId) => !known.has(lineId));
    const unasked = strangers.map((lineId): ReturnLine => {
      const { returnClass } = order.lines.find((line) => line.lineId === lineId)!;
      const terms = termsOfUnasked(policyOf(policies, returnClass));
      return { ...awaited(order, lineId, 0), reason: 'never_asked_for', terms };
    });
    const lines = [...found.lines, ...unasked].map((line) => withWhatCame(line, arrivals, more !== true));
    await mongo.models.returns.updateOne({ _id: returnId }, { $set: { arrivals, lines } }, { session });
    return { units: unitsOf(lines) };
  });
}

/** Until all of it is there, a line of which nothing came is still awaited; then it came not at all. */
function withWhatCame(line: ReturnLine, arrivals: readonly Arrival[], isAll: boolean): ReturnLine {
  const said = arrivals.flatMap((arrival) => arrival.lines).filter(({ lineId }) => lineId === line.lineId);
  const units = (as: Reception) =>
    said.filter(({ reception }) => reception === as).reduce((sum, each) => sum + each.quantity, 0);
  const [received, wrong] = [units('received'), units('wrong_item')];
  const missing = said.at(-1)?.reception ?? (isAll ? 'lost_in_transit' : 'awaiting');
  const reception = received > 0 ? 'received' : wrong > 0 ? 'wrong_item' : missing;
  return { ...line, received, wrong, reception };
}

function unitsOf(lines: readonly ReturnLine[]): number {
  return lines.reduce((sum, { received }) => sum + received, 0);
}

export async function recordInspection(mongo: Mongo, input: { returnId: string } & InspectReturnInput): Promise<void> {
  const { returnId, actor } = input;
  return inTransaction(mongo, async (session) => {
    const found = await readReturn(mongo, returnId, session);
    if (found.inspectedAt) return;
    const lines = found.lines.map((line) => ({ ...line, dispositions: fatesOf(line, input.lines) }));
    for (const { lineId, sku, dispositions } of lines) {
      for (const [index, { disposition, quantity }] of dispositions.entries()) {
        const key = `${returnId}:${lineId}:${index}`;
        await putAway(mongo, session, { key, found, sku, quantity, disposition, actor });
      }
    }
    await mongo.models.returns.updateOne({ _id: returnId }, { $set: { lines, inspectedAt: new Date() } }, { session });
  });
}

/** Units of a line may have several fates; together they cannot be more than what was received. */
function fatesOf(line: ReturnLine, said: InspectReturnInput['lines']): ReturnLine['dispositions'] {
  let left = line.received;
  const fates: ReturnLine['dispositions'] = [];
  for (const { lineId, disposition, quantity } of said) {
    if (lineId !== line.lineId || left === 0) continue;
    const units = Math.min(quantity, left);
    fates.push({ disposition, quantity: units });
    left -= units;
  }
  // What nobody decided about is put aside until somebody does.
  if (left > 0) fates.push({ disposition: 'quarantine', quantity: left });
  return fates;
}

async function putAway(
  mongo: Mongo,
  session: ClientSession,
  unit: { key: string; found: Return; sku: string; quantity: number; disposition: Disposition; actor: string },
): Promise<void> {
  const { key, found, sku, quantity, disposition, actor } = unit;
  if (disposition === 'return_to_customer') return;
  const common = { sku, warehouseId: found.warehouseId, actor, reason: disposition, reference: found._id };
  const damaged = disposition === 'restock' ? 0 : quantity;
  await postMovement(mongo, session, {
    ...common,
    key,
    kind: 'return',
    onHandChange: quantity,
    damagedChange: damaged,
  });
  if (disposition !== 'scrap') return;
  const gone = { onHandChange: -quantity, damagedChange: -quantity };
  await postMovement(mongo, session, { ...common, key: `${key}:scrap`, kind: 'scrap', ...gone });
}
