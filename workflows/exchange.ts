/** Other goods in place of the money of a return: an order that is linked to it, and paid by what comes back. */
import { condition, getExternalWorkflowHandle, setHandler } from '@temporalio/workflow';
import { local } from './activities.ts';
import { deadlines } from './domain/limits.ts';
import { formatMoney } from './domain/money.ts';
import { hasEnded, returnStates } from './domain/states.ts';
import type { Actor, ExchangeNews } from './messages.ts';
import { endExchange, exchangeMoved, releaseExchange, workflowIds } from './messages.ts';
import { startLinked } from './reship.ts';
import type { Return } from './return-context.ts';

/** Once the return is approved. Its order keeps the goods from then on. */
export async function openExchange({ id: returnId, record }: Return): Promise<void> {
  const next = await record.must('open_exchange', () => local.openExchange({ returnId }));
  record.state.exchange = { orderId: next.orderId, status: 'open' };
  record.changed(`Exchange opened as ${next.orderId}`);
  await startLinked(next, `in exchange for ${returnId}`);
}

/** Called before the workflow's first await, as every handler. */
export function listenForExchangeNews(work: Return): void {
  const { record } = work;
  const { state } = record;
  setHandler(exchangeMoved, ({ stage, status }: ExchangeNews) => {
    const { exchange } = state;
    if (!exchange || work.exchangeEnded || hasEnded(returnStates, state.status)) return;
    if (stage === 'left') {
      work.exchangeLeft += 1;
      return;
    }
    work.exchangeEnded ||= stage === 'ended';
    const fails = stage === 'ended' && status !== 'completed';
    exchange.status = stage === 'accepted' ? stage : fails ? 'failed' : 'confirmed';
    record.changed(`Exchange ${exchange.orderId}: ${fails ? status : exchange.status}`);
    // Without the goods there is no refund to go on as.
    if (fails && !work.cancelled && !work.isGivenUp) record.mail('exchange_failed');
  });
}

/**
 * Nothing came back, or it was withdrawn: what is not sent is called off. For what has left, the goods have to come, unless
 * somebody gives them up.
 *
 * @returns whether the return may end
 */
export async function giveUpExchange(work: Return): Promise<boolean> {
  const { record, id: returnId } = work;
  work.isGivenUp = true;
  if ((await callOff(work, 'Nothing came back')) === 'ended') return true;
  // It may have been lost on its way, and paid back.
  if ((await record.must('weigh_exchange', () => local.weighExchange({ returnId }))).transferred === 0) return true;
  work.isGivenUp = false;
  // More may come from here on.
  work.isAllHere = false;
  if (work.cancelled) {
    work.cancelled = undefined;
    record.changed('Not cancelled: the exchange has left, and the goods have to come back');
    return false;
  }
  const why = `${record.state.exchange!.orderId} has left, and the goods that it is in exchange for did not come`;
  const given = await record.incident(
    { cause: 'exchange_unreturned', why, answers: ['wait', 'skip'] },
    () => work.arrivals.length > 0,
  );
  if (given !== 'skip' || work.arrivals.length > 0) return false;
  work.isAllHere = true;
  await record.must('settle_return', () => local.settleReturn({ returnId, actor: 'support', bear: true }));
  record.changed('The store bears the exchange', 'support');
  return true;
}

/** Settles the return, with what its exchange has come to. Answers with the refund, where there is one. */
export async function settleWithExchange(work: Return, actor: Actor): Promise<string | null> {
  const { id: returnId, record } = work;
  const { exchange } = record.state;
  if (exchange) await decide(work);
  let bear = false;
  let hasLeft = work.exchangeEnded;
  for (;;) {
    const settled = await record.must('settle_return', () => local.settleReturn({ returnId, actor, bear }));
    if (!('shortfall' in settled)) return settled.refundId;
    const { worth, transferred, currency } = settled.shortfall;
    const why = `What was accepted is worth ${formatMoney(worth, currency)}, and ${exchange!.orderId} was given for ${formatMoney(transferred, currency)}`;
    const given = await record.incident(
      { cause: 'exchange_shortfall', why, answers: hasLeft ? ['skip'] : ['skip', 'cancel'] },
      () => exchange!.status === 'failed',
    );
    if (given === 'skip') bear = true;
    else if (given === 'cancel' && (await callOff(work, 'Less came back')) === 'left') {
      hasLeft = true;
      record.changed('The exchange has left, and cannot be cancelled any more');
    }
  }
}

/** Until it is certain whether the order is paid: it leaves, or the return is paid back. */
async function decide(work: Return): Promise<void> {
  const { id: returnId, record } = work;
  const exchange = record.state.exchange!;
  const isPast = (status: string) => () => exchange.status !== status;
  await record.expect('exchange_payment', deadlines.backorderPayment + deadlines.late, isPast('open'));
  if (exchange.status !== 'accepted') return;
  const { isShort } = await record.must('weigh_exchange', () => local.weighExchange({ returnId }));
  if (isShort) {
    await callOff(work, 'Less came back than the exchange was given for');
    return;
  }
  await orderOf(exchange.orderId)
    .signal(releaseExchange)
    .catch(() => {});
  await record.expect('exchange_payment', deadlines.backorderPayment + deadlines.late, isPast('accepted'));
}

/** Undoes the order, as far as it is still here. */
async function callOff(work: Return, reason: string): Promise<'ended' | 'left'> {
  const exchange = work.record.state.exchange!;
  const seen = work.exchangeLeft;
  if (!work.exchangeEnded)
    await orderOf(exchange.orderId)
      .signal(endExchange, { actor: 'system', reason })
      .catch(() => {});
  await condition(() => work.exchangeEnded || work.exchangeLeft > seen);
  return exchange.status === 'failed' ? 'ended' : 'left';
}

function orderOf(orderId: string) {
  return getExternalWorkflowHandle(workflowIds.order(orderId));
}
