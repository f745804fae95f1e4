/**
 * The auditor: reads MongoDB, the payment provider and Temporal, and lists every violation of the guarantees G1 to G7.
 * It expects quiet: while orders move, the three tell of slightly different moments.
 */
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { invoiceCounterId, invoiceKinds } from '../models/invoice.ts';
import { type Order, type OrderLine, openStates } from '../models/order.ts';
import type { Payment } from '../models/payment.ts';
import type { Mongo } from '../platform/mongo.ts';
import { payableUnit, shareOfLine } from '../workflows/domain/money.ts';
import { amountDue } from '../workflows/domain/sales.ts';
import { hasEnded, orderStates, returnStates } from '../workflows/domain/states.ts';
import { isPaid } from '../workflows/domain/statuses.ts';
import { salable } from '../workflows/domain/stock.ts';
import { workflowIds } from '../workflows/messages.ts';
import { checkClaims } from './audit-claims.ts';
import { checkExchanges } from './audit-exchanges.ts';
import { checkShipments } from './audit-warehouse.ts';
import { sentOf } from './payments/refunds.ts';
import type { AuditedIntent, Payments } from './providers/stripe.ts';
import { type Drift, findDrifts } from './stock/facts.ts';

export interface Violation {
  guarantee: 'G1' | 'G2' | 'G3' | 'G4' | 'G5' | 'G6' | 'G7';
  /** The record that breaks it: an id, or SKU@warehouse. */
  where: string;
  what: string;
}

export interface AuditResult {
  violations: Violation[];
  /** How much was looked at: an audit of nothing finds nothing. */
  checked: {
    orders: number;
    stock: number;
    movements: number;
    payments: number;
    intents: number;
    invoices: number;
    workflows: number;
  };
}

interface Sources {
  mongo: Mongo;
  payments: Payments;
  temporal: Client;
}

/** How long after its deadline a wait must have become an incident, and an event must have been delivered. */
const patienceMs = 60_000;

export async function audit(sources: Sources): Promise<AuditResult> {
  const { mongo, payments } = sources;
  const { models } = mongo;
  const result: AuditResult = {
    violations: [],
    checked: { orders: 0, stock: 0, movements: 0, payments: 0, intents: 0, invoices: 0, workflows: 0 },
  };
  const oldest = await models.orders.findOne({}, { createdAt: 1 }).sort({ createdAt: 1 }).lean();
  const intents = new Map<string, AuditedIntent[]>();
  for (const intent of oldest ? await payments.intentsSince(oldest.createdAt) : []) {
    intents.set(intent.orderId, [...(intents.get(intent.orderId) ?? []), intent]);
    result.checked.intents += 1;
  }

  const withheld = await withheldAtProvider(payments, oldest?.createdAt);

  const invoicing = await checkDocuments(mongo, result);
  for await (const order of models.orders.find().lean().cursor()) {
    result.checked.orders += 1;
    const payment = await models.payments.findOne({ orderId: order._id }).lean();
    if (payment) result.checked.payments += 1;
    checkPrice(order, payment, result);
    checkMoney(order, payment, intents.get(order._id) ?? [], result);
    checkWithheld(payment, intents.get(order._id) ?? [], withheld, result);
    checkInvoiced(payment, invoicing, result);
    await checkGoods(mongo, order, payment, result);
    await checkProgress(sources, order, result);
  }
  await checkStock(mongo, result);
  await checkPromotions(mongo, result);
  await checkCredit(mongo, result);
  await checkOpenWork(sources, result);
  for await (const finding of checkShipments(mongo)) result.violations.push(finding);
  for await (const finding of checkClaims(mongo)) result.violations.push(finding);
  for await (const finding of checkExchanges(mongo)) result.violations.push(finding);
  return result;
}

/** G1 and G2. */
async function checkStock(mongo: Mongo, { violations, checked }: AuditResult): Promise<void> {
  const { drifts, stock, movements } = await findDrifts(mongo);
  checked.stock = stock.length;
  checked.movements = movements;
  for (const each of stock) {
    if (salable(each) < 0) violations.push({ guarantee: 'G1', where: each._id, what: `salable is ${salable(each)}` });
  }
  for (const { where, field, is, should } of drifts)
    violations.push({ guarantee: 'G2', where, what: `${field} is ${is}, ${explains[field]} ${should}` });
}

const explains: Record<Drift['field'], string> = {
  onHand: 'the movements add up to',
  damaged: 'the movements add up to',
  seq: 'the last movement is',
  ledger: 'movements are there, numbered to',
  reserved: "the orders' lines say",
  committed: "the orders' lines say",
  incoming: 'open deliveries and transfers bring',
  backlog: 'the orders wait for',
};

/** G4 and G5 of what it costs: its parts add up to it, and what is held for it is enough. */
function checkPrice(order: Order, payment: Payment | null, { violations }: AuditResult): void {
  const { _id: where, lines, shipping, total, credit = 0 } = order;
  const parts = lines.reduce((sum, line) => sum + line.total, 0) + (shipping?.total ?? 0);
  if (parts !== total) violations.push({ guarantee: 'G4', where, what: `it costs ${total}, its parts ${parts}` });
  if (payment?.status !== 'authorized' || payment.captured > 0 || payment.closedAt) return;
  const due = amountDue(order) - credit;
  if (payment.amountDue < due)
    violations.push({ guarantee: 'G5', where, what: `${payment.amountDue} is held, and ${due} is due` });
}

/** G3, G4 and the money's part of G5 and G6. */
function checkMoney(
  order: Order,
  payment: Payment | null,
  intents: AuditedIntent[],
  { violations }: AuditResult,
): void {
  const report = (guarantee: Violation['guarantee'], what: string) =>
    violations.push({ guarantee, where: order._id, what });
  // Those that others have replaced may have been captured in part before.
  const past = payment?.pastIntents ?? [];
  const live = intents.filter(({ id, status }) => isPaid(status) && !(status === 'captured' && past.includes(id)));
  if (live.length > 1) report('G3', `${live.length} live payments: ${live.map(({ id }) => id).join(', ')}`);
  const ended = hasEnded(orderStates, order.status);
  if (ended && intents.some(({ status }) => status === 'authorized')) report('G6', 'the provider still holds money');
  if (!payment) {
    if (live.length > 0) report('G4', 'the provider has a payment that we have no record of');
    return;
  }

  const { captured, authorized, refunded, refundPending, refundedAsCredit, credit, creditReturned, ledger } = payment;
  if (captured > authorized) report('G3', `captured ${captured} of ${authorized} authorized`);
  const back = refunded + refundPending + refundedAsCredit;
  if (back > captured) report('G3', `refunds of ${back} exceed the captured ${captured}`);
  if (creditReturned > credit) report('G3', `${creditReturned} of ${credit} in store credit were given back`);
  const ours = intents.filter(({ id }) => id === payment.intentId || past.includes(id));
  const taken = ours.reduce((sum, intent) => sum + intent.captured, 0);
  if (taken !== captured) report('G4', `captured ${captured}, the provider says ${taken}`);
  for (const { id, captured, refunded } of intents.filter((intent) => !ours.includes(intent)))
    if (captured > refunded) report('G3', `${id} took ${captured}, and is not the order's payment`);
  const theirRefunds = ours.reduce((sum, intent) => sum + intent.refunded, 0);
  if (theirRefunds < refunded || theirRefunds > refunded + refundPending) {
    report('G4', `refunded ${refunded} (${refundPending} pending), the provider says ${theirRefunds}`);
  }
  for (const [kind, amount] of [
    ['capture', captured],
    ['refund', refunded],
  ] as const) {
    const booked = ledger.filter((entry) => entry.kind === kind).reduce((sum, entry) => sum + entry.amount, 0);
    if (booked !== amount) report('G4', `${kind}: the ledger says ${booked}, the payment ${amount}`);
  }
}

/** Minor units that the provider took for disputes and did not give back, by intent. */
async function withheldAtProvider(payments: Payments, since: Date | undefined): Promise<Map<string, number>> {
  const withheld = new Map<string, number>();
  for (const { intentId = '', movements } of since ? await payments.disputesSince(since) : []) {
    const net = movements.reduce((sum, { amount }) => sum + amount, 0);
    withheld.set(intentId, (withheld.get(intentId) ?? 0) - net);
  }
  return withheld;
}

/** G4 for disputes. Warnings of fraud, and inquiries, move nothing. */
function checkWithheld(
  payment: Payment | null,
  intents: AuditedIntent[],
  atProvider: ReadonlyMap<string, number>,
  { violations }: AuditResult,
): void {
  if (!payment) return;
  const report = (what: string) => violations.push({ guarantee: 'G4', where: payment.orderId, what });
  const { withheld, ledger } = payment;
  const theirs = intents.reduce((sum, { id }) => sum + (atProvider.get(id) ?? 0), 0);
  if (theirs !== withheld) report(`withheld ${withheld}, the provider says ${theirs}`);
  const booked = ledger.filter(({ kind }) => kind === 'dispute').reduce((sum, { amount }) => sum - amount, 0);
  if (booked !== withheld) report(`withheld: the ledger says ${booked}, the payment ${withheld}`);
}

/** G6 for limited promotions: they are used by the orders that have them, and by no other. */
async function checkPromotions({ models }: Mongo, { violations }: AuditResult): Promise<void> {
  const used = new Map<string, number>();
  const having = { redemptions: { $exists: true }, 'lines.allocations.0': { $exists: true }, releasedAt: null };
  for await (const { redemptions = [] } of models.orders.find(having, { redemptions: 1 }).lean().cursor()) {
    for (const { promotionId } of redemptions) used.set(promotionId, (used.get(promotionId) ?? 0) + 1);
  }
  const counts = new Map((await models.promotionCounts.find().lean()).map((count) => [count._id, count.used]));
  for (const id of new Set([...used.keys(), ...counts.keys()])) {
    const [is, should] = [counts.get(id) ?? 0, used.get(id) ?? 0];
    if (is !== should)
      violations.push({ guarantee: 'G6', where: id, what: `used ${is} times, ${should} orders have it` });
  }
}

/** G4 for store credit: a balance is the sum of its entries, and what orders have spent and got back is among them. */
async function checkCredit({ models }: Mongo, { violations }: AuditResult): Promise<void> {
  const report = (where: string, what: string) => violations.push({ guarantee: 'G4', where, what });
  const sums = await models.creditEntries.aggregate<{ _id: string; sum: number; entries: number }>([
    { $group: { _id: '$accountId', sum: { $sum: '$amount' }, entries: { $sum: 1 } } },
  ]);
  for (const { _id, balance, seq } of await models.creditAccounts.find().lean()) {
    const { sum = 0, entries = 0 } = sums.find((each) => each._id === _id) ?? {};
    if (balance < 0) report(_id, `the balance is ${balance}`);
    if (balance !== sum || seq !== entries)
      report(_id, `the balance is ${balance} after ${seq} entries, ${entries} are there and add up to ${sum}`);
  }
  const having = { $or: [{ credit: { $gt: 0 } }, { refundedAsCredit: { $gt: 0 } }] };
  for (const { orderId, credit: spent, creditReturned, refundedAsCredit, transfer } of await models.payments
    .find(having)
    .lean()) {
    const entries = await models.creditEntries.find({ orderId }).lean();
    const booked = entries.reduce((total, { amount }) => total + amount, 0);
    // What a return pays is no store credit: see audit-exchanges.ts.
    const should = refundedAsCredit + (transfer ? 0 : creditReturned - spent);
    if (booked !== should) report(orderId, `${booked} in store credit were booked, the payment says ${should}`);
  }
}

/** What the documents say of orders. */
interface Invoicing {
  /** Who pays from then on gets an invoice: when the first was issued. */
  since?: Date;
  /** Minor units of the invoice that are not credited, by order. */
  left: Map<string, number>;
}

/** G4 for documents: numbers without a gap, sums that add up, and no more credited than was invoiced. */
async function checkDocuments({ models }: Mongo, { violations, checked }: AuditResult): Promise<Invoicing> {
  const report = (where: string, what: string) => violations.push({ guarantee: 'G4', where, what });
  const settings = await models.settings.findById('store').lean();
  const first = settings?.seller && (await models.invoices.findOne({}, { issuedAt: 1 }).sort({ issuedAt: 1 }).lean());
  const left = new Map<string, number>();
  const last = new Map<string, number>();
  for (const kind of invoiceKinds) {
    const found = models.invoices.find({ kind }, { pdf: 0 }).sort({ year: 1, seq: 1 });
    for await (const { number, year, seq, orderId, content } of found.lean().cursor()) {
      checked.invoices += 1;
      const counter = invoiceCounterId(kind, year);
      const before = last.get(counter) ?? 0;
      if (seq !== before + 1) report(number, `the number before it is ${before}`);
      last.set(counter, seq);

      const { gross, net, tax, paid } = content;
      const lines = content.lines.reduce((sum, { total }) => sum + total, 0);
      if (gross !== lines || gross !== net + tax)
        report(number, `it is over ${gross}, its lines say ${lines}, net and tax ${net + tax}`);
      if (paid && paid.card + paid.credit !== gross)
        report(number, `it is over ${gross}, and ${paid.card + paid.credit} was paid`);
      const open = left.get(orderId) ?? 0;
      if (kind === 'credit_note' && gross > open) report(number, `it credits ${gross}, ${open} are left`);
      left.set(orderId, kind === 'invoice' ? gross : open - gross);
    }
  }
  const counters = await models.invoiceCounters.find().lean();
  for (const counter of new Set([...last.keys(), ...counters.map(({ _id }) => _id)])) {
    const said = counters.find(({ _id }) => _id === counter)?.last;
    if (said !== last.get(counter))
      report(counter, `the last number is ${last.get(counter)}, the counter says ${said}`);
  }
  return { ...(first && { since: first.issuedAt }), left };
}

function checkInvoiced(payment: Payment | null, { since, left }: Invoicing, { violations }: AuditResult): void {
  if (!payment?.sale || since === undefined || left.has(payment.orderId)) return;
  const { sale, captured, credit } = payment;
  const isPaid = captured > 0 || (sale.total > 0 && sale.total <= credit);
  if (!isPaid || sale.at < since) return;
  violations.push({ guarantee: 'G4', where: payment.orderId, what: 'it was paid, and has no invoice' });
}

/** G5 and G6: no goods without money, no money without goods, nothing held after the end. */
async function checkGoods(
  { models }: Mongo,
  order: Order,
  payment: Payment | null,
  { violations }: AuditResult,
): Promise<void> {
  const report = (guarantee: Violation['guarantee'], what: string) =>
    violations.push({ guarantee, where: order._id, what });
  const sent = valueSent(order);
  const taken = payment ? payment.captured + payment.credit : 0;
  if (order.total > 0 && sent > taken) report('G5', `goods for ${sent} were handed over, ${taken} is paid`);
  if (!hasEnded(orderStates, order.status)) return;

  if (order.lines.some((line) => openStates.some((state) => hasState(line, state)))) {
    report('G6', `the order is ${order.status} and still holds stock, or waits for it`);
  }
  if (!payment) return;
  // What was refunded because the goods were never sent; returns and goodwill come on top of it.
  const refunds = await models.refunds.find({ orderId: order._id }).lean();
  const settled = refunds.filter(({ unsent, status }) => unsent && status !== 'failed');
  const skipped = refunds.filter(({ status, paidOtherwiseAt }) => status === 'failed' && paidOtherwiseAt);
  const paid = payment.captured + payment.credit;
  const kept = paid - settled.reduce((sum, { amount, uncaptured }) => sum + amount - uncaptured, 0);
  const due = order.status === 'completed' ? amountDue(order) : 0;
  const back = payment.refunded + payment.refundPending + payment.refundedAsCredit + payment.creditReturned;
  const otherwise = skipped.reduce((sum, refund) => sum + sentOf(refund), 0);
  const ours = paid - back - otherwise - payment.withheld;
  // Between them is what was given back on purpose, by whatever way, or taken by the bank.
  if ((kept > due && ours > due) || (kept < due && ours < due))
    report('G5', `the goods cost ${due}, the customer paid ${kept}`);
}

/** Minor units: what was handed over, with its shipping. */
function valueSent({ lines, shipping, currency }: Order): number {
  const goods = lines.reduce((sum, line) => {
    const units = line.allocations.reduce((n, { state, quantity }) => (state === 'shipped' ? n + quantity : n), 0);
    return sum + shareOfLine(line.total, line.quantity, 0, units, payableUnit(currency));
  }, 0);
  const any = lines.some((line) => hasState(line, 'shipped'));
  return any ? goods + (shipping?.total ?? 0) : 0;
}

function hasState(line: OrderLine, state: OrderLine['allocations'][number]['state']): boolean {
  return line.allocations.some((allocation) => allocation.state === state && allocation.quantity > 0);
}

/** G7: an open order waits for something in time, or for a person, and its workflow runs. */
async function checkProgress(
  { mongo: { models }, temporal }: Sources,
  order: Order,
  { violations, checked }: AuditResult,
): Promise<void> {
  const report = (what: string) => violations.push({ guarantee: 'G7', where: order._id, what });
  if (hasEnded(orderStates, order.status)) {
    if (order.state?.waitingFor) report(`it is ${order.status}, and waits for ${order.state.waitingFor.event}`);
    return;
  }
  const late = Date.now() - patienceMs;
  if (order.rev === 0) {
    if (order.placeBefore.getTime() < late) report('it was never started');
    return;
  }
  const { state } = order;
  if ((state?.incidents.length ?? 0) === 0) {
    if (!state?.waitingFor) report(`it is ${order.status} and waits for nothing`);
    else if (Date.parse(state.waitingFor.deadline) < late)
      report(`${state.waitingFor.event} is overdue and nobody was told`);
  }
  checked.workflows += 1;
  const status = await statusOf(temporal, workflowIds.order(order._id));
  if (status === 'RUNNING') return;
  // It may have ended since it was read.
  const now = await models.orders.findById(order._id, { status: 1 }).lean();
  if (!now || !hasEnded(orderStates, now.status)) report(`it is ${order.status}, and its workflow is ${status}`);
}

/** G7 for what comes after the order's end, and for what came in. */
async function checkOpenWork(
  { mongo: { models }, temporal }: Sources,
  { violations, checked }: AuditResult,
): Promise<void> {
  const report = (where: string, what: string) => violations.push({ guarantee: 'G7', where, what });
  const late = new Date(Date.now() - patienceMs);
  for (const event of await models.inbox.find({ deliveredAt: null, receivedAt: { $lt: late } }).lean()) {
    report(event._id, `not delivered after ${event.tries} tries`);
  }
  const ended = Object.keys(returnStates).filter((state) => hasEnded(returnStates, state));
  const open = [
    ...(await models.returns.find({ status: { $nin: ended as never[] } }).lean()).map(({ _id }) =>
      workflowIds.return(_id),
    ),
    ...(await models.claims.find({ status: { $in: ['open', 'approved'] } }).lean()).map(({ _id }) =>
      workflowIds.claim(_id),
    ),
    ...(await models.refunds.find({ status: 'pending' }).lean()).map(({ workflowId }) => workflowId),
    ...(await models.disputes.find({ status: 'open' }).lean()).map(({ _id }) => workflowIds.dispute(_id)),
  ];
  for (const workflowId of open) {
    checked.workflows += 1;
    const status = await statusOf(temporal, workflowId);
    if (status !== 'RUNNING') report(workflowId, `there is work left, and the workflow is ${status}`);
  }
}

async function statusOf(temporal: Client, workflowId: string): Promise<string> {
  try {
    return (await temporal.workflow.getHandle(workflowId).describe()).status.name;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'not there';
    throw error;
  }
}
