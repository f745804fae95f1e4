/** An order on hold, by a person, by a rule of risk or by a dispute: nothing of it is packed or handed over meanwhile. */
import { CancellationScope, setHandler } from '@temporalio/workflow';
import type { PaymentOutcome } from './activities.ts';
import { shipmentUnpicked } from './domain/states.ts';
import type { Answer, HoldInput, OrderDispute } from './messages.ts';
import { holdOrder, orderDisputed, releaseOrder, tryToHold, tryToRelease } from './messages.ts';
import type { Order } from './order-context.ts';
import { cancel, mayCancel, moveOrder } from './order-context.ts';

export function isHeld(order: Order): boolean {
  return order.record.state.incidents.some((incident) => incident.cause === 'hold');
}

/**
 * A held order needs a person, so a hold is an incident; `release` or the signal of that name ends it. What has left
 * cannot be held: once nothing else is there, the hold is over.
 */
function hold(order: Order, input: HoldInput & { by?: string }): void {
  const { reason, actor, until, by = 'person' } = input;
  const { record, holds } = order;
  if (holds.has(by) || !mayCancel(order)) return;
  holds.set(by, {});
  record.changed('Held', actor, { why: reason, after: until && `until ${until}` });
  if (until !== undefined) endHoldAt(order, by, until, input.afterwards);
  const held = record.state.incidents.find((incident) => incident.cause === 'hold');
  if (held) {
    held.why += `; ${reason}`;
    return;
  }
  const report = { cause: 'hold', why: reason, answers: ['release', 'cancel'] satisfies Answer[] };
  void CancellationScope.nonCancellable(async () => {
    const answer = await record.incident(report, () => !mayCancel(order));
    holds.clear();
    if (answer === 'cancel') cancel(order, { actor: 'support', reason: 'Cancelled while on hold' });
    if (record.state.status === 'on_hold') moveOrder(order, hasStarted(order) ? 'processing' : 'confirmed');
  });
  if (record.state.status === 'confirmed' || record.state.status === 'processing') moveOrder(order, 'on_hold');
}

/** Nobody has to remember it. Where it was released and held anew meanwhile, it is the new hold that counts. */
function endHoldAt(order: Order, by: string, until: string, afterwards: HoldInput['afterwards'] = 'release'): void {
  const mine = order.holds.get(by);
  const isOver = () => order.holds.get(by) !== mine;
  void CancellationScope.nonCancellable(async () => {
    const ended = await order.record.waitFor('hold_end', Date.parse(until) - Date.now(), isOver);
    order.record.forgetDeadline('hold_end');
    if (ended === 'done') return;
    order.record.changed('The time of the hold is over');
    if (afterwards === 'release') releaseHold(order, by);
    else cancel(order, { actor: 'system', reason: 'Nobody released it in time' });
  });
}

/** Of a dispute that is over, or a time. Who holds it besides still does. */
function releaseHold({ record, holds }: Order, by: string): void {
  if (!holds.delete(by) || holds.size > 0) return;
  const held = record.state.incidents.find((incident) => incident.cause === 'hold');
  if (held) record.answer({ incidentId: held.id, answer: 'release', actor: 'system' });
}

/** What was cancelled was perhaps never begun with. */
function hasStarted(order: Order): boolean {
  return order.record.state.shipments.some(
    ({ status }) => status !== 'cancelled' && !shipmentUnpicked.includes(status),
  );
}

/** A person looks at each risk once, also where the money is authorized anew. */
export function holdIfRisky(order: Order, { risks, lookBy }: PaymentOutcome): void {
  const news = risks.filter((risk) => !order.risks.includes(risk));
  order.risks.push(...news);
  if (news.length > 0) hold(order, { actor: 'system', reason: news.join('; '), until: lookBy, afterwards: 'cancel' });
}

/** The bank disputes the payment: what has not left stays here until it has decided for us, or a person does. */
function dispute(order: Order, { disputeId, kind, status }: OrderDispute): void {
  const { record, disputes } = order;
  if (disputes.get(disputeId)?.status === status) return;
  disputes.set(disputeId, { kind, status });
  const against = [...disputes.values()].filter((each) => each.kind !== 'fraud_warning');
  record.state.payment.disputed = against.some((each) => each.status === 'open' || each.status === 'lost');
  record.changed(`${disputeWords[kind]} ${disputeId}: ${status}`, 'provider');
  if (status === 'open' || status === 'lost')
    hold(order, { actor: 'system', reason: `Dispute ${disputeId}`, by: disputeId });
  else releaseHold(order, disputeId);
}

const disputeWords = { chargeback: 'Chargeback', inquiry: 'Inquiry', fraud_warning: 'Warning of fraud' };

/** Called before the workflow's first await, as every handler. */
export function listenForHolds(order: Order): void {
  const { record } = order;
  const release = ({ actor, reason }: HoldInput) => {
    const held = record.state.incidents.find((incident) => incident.cause === 'hold');
    if (held) record.answer({ incidentId: held.id, answer: 'release', actor }, reason);
  };
  const then = (act: (input: HoldInput) => void) => async (input: HoldInput) => {
    act(input);
    await record.saved();
    return { status: record.state.status };
  };
  setHandler(orderDisputed, (input) => dispute(order, input));
  setHandler(holdOrder, (input) => hold(order, input));
  setHandler(releaseOrder, release);
  setHandler(
    tryToHold,
    then((input) => hold(order, input)),
    {
      validator(_input: HoldInput) {
        if (!mayCancel(order)) throw new Error('Nothing of it is here any more: there is nothing to hold');
        if (order.holds.has('person')) throw new Error('The order is on hold already');
      },
    },
  );
  setHandler(tryToRelease, then(release), {
    validator(_input: HoldInput) {
      if (!isHeld(order)) throw new Error('The order is not on hold');
    },
  });
}
