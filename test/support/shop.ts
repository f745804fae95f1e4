/** What buyers, the warehouse, support, the bank and the carrier do in a test, as the API would have them do it. */
import { type Client, ServiceError, WithStartWorkflowOperation } from '@temporalio/client';
import { openRefund } from '../../activities/payments/refunds.ts';
import { makePickList } from '../../activities/picking/lists.ts';
import { reportShort, scanPick } from '../../activities/picking/scans.ts';
import { priceBook } from '../../activities/pricing/price-book.ts';
import type { Payments } from '../../activities/providers/stripe.ts';
import { openReturn, type ReturnRequest } from '../../activities/returns/opening.ts';
import { packParcels } from '../../activities/shipping/packing.ts';
import { orderStart } from '../../activities/starts.ts';
import { moveStock } from '../../activities/stock/movements.ts';
import { sent } from '../../api/temporal.ts';
import type { Product } from '../../models/catalogue.ts';
import { newId } from '../../models/id.ts';
import type { Order } from '../../models/order.ts';
import type { Payment } from '../../models/payment.ts';
import { stockId } from '../../models/stock.ts';
import {
  defaultFulfilment,
  defaultPayments,
  defaultSettings,
  type FulfilmentRules,
  type PaymentRules,
} from '../../models/store.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { price as priceOf } from '../../workflows/domain/pricing.ts';
import type { ReturnPolicy, ReturnReason } from '../../workflows/domain/return-policy.ts';
import { defaultReturnPolicy } from '../../workflows/domain/return-policy.ts';
import type { ShipmentStatus, ShortReason } from '../../workflows/domain/states.ts';
import * as messages from '../../workflows/messages.ts';
import { until } from './until.ts';

export const price = 1999;

interface StripeState {
  payment_intents: { id: string; status: string; amount_received: number; metadata: { orderId?: string } }[];
  charges: { payment_intent: string; status: string; amount_captured: number }[];
  refunds: { id: string; payment_intent: string; amount: number; status: string }[];
  disputes: { id: string; payment_intent: string }[];
  undelivered_events: string[];
  idempotency_keys: { key: string }[];
}

export function createShop(outside: {
  mongo: Mongo;
  client: Client;
  payments: Payments;
  stripeUrl: string;
  carrierUrl: string;
}) {
  const { mongo, client, stripeUrl, carrierUrl } = outside;
  const { models } = mongo;
  const actor = 'test';
  let skus = 0;

  const orderHandle = (orderId: string) => client.workflow.getHandle(messages.workflowIds.order(orderId));
  const returnHandle = (returnId: string) => client.workflow.getHandle(messages.workflowIds.return(returnId));
  const refundHandle = (refundId: string) => client.workflow.getHandle(messages.workflowIds.refund(refundId));
  const readOrder = (orderId: string) => models.orders.findById(orderId).lean().orFail() as Promise<Order>;
  const paymentOf = (orderId: string) => models.payments.findOne({ orderId }).lean<Payment>().orFail();
  const stateOf = async (orderId: string) => (await readOrder(orderId)).state!;
  const shipmentsOf = async (orderId: string) => (await stateOf(orderId)).shipments;
  const statusOf = async (orderId: string, shipmentId: string) =>
    (await readOrder(orderId)).state?.shipments.find(({ id }) => id === shipmentId)?.status;

  async function seed(): Promise<void> {
    const address = { name: 'Waybill', line1: 'Dock 1', city: 'Town', postalCode: '10000', country: 'US' };
    for (const [id, region] of [
      ['wh_east', 'NY'],
      ['wh_west', 'CA'],
      ['wh_south', 'TX'],
    ] as const) {
      await models.warehouses.create([
        { _id: id, name: id, address: { ...address, region }, priority: 1, active: true },
      ]);
    }
    await newProduct('MUG', { wh_east: 1000 });
    await newProduct('LAMP', { wh_west: 1000 });
  }

  async function newProduct(
    sku: string,
    stock: Record<string, number>,
    more: Pick<Product, 'bundle' | 'backorder' | 'returnClass'> = {},
  ): Promise<void> {
    const prices = { USD: price, EUR: 1899 };
    await models.products.create([{ _id: sku, name: sku, weightGrams: 400, prices, active: true, ...more }]);
    for (const [warehouseId, quantity] of Object.entries(stock)) await receive(sku, warehouseId, quantity);
  }

  /** A product that nobody else orders, so that its counters are this test's alone. */
  async function newSku(
    stock: Record<string, number>,
    more: Pick<Product, 'bundle' | 'backorder' | 'returnClass'> = {},
  ): Promise<string> {
    skus += 1;
    const sku = `SKU${skus}`;
    await newProduct(sku, stock, more);
    return sku;
  }

  async function receive(sku: string, warehouseId: string, quantity: number): Promise<void> {
    const key = newId('mov');
    const change = { onHandChange: quantity, damagedChange: 0, actor, reason: 'seed', reference: key };
    // The API answers 503 to a receipt that met others for too long; its client asks again under the same key.
    for (let triesLeft = 10; ; triesLeft--) {
      try {
        await moveStock(mongo, { key, sku, warehouseId, kind: 'receive', ...change });
        return;
      } catch (error) {
        if ((error as Error).name !== 'TransactionTimedOut' || triesLeft === 0) throw error;
      }
    }
  }

  async function stock(sku: string, warehouseId: string) {
    const { onHand, damaged, reserved, committed } = await models.stock
      .findById(stockId(sku, warehouseId))
      .lean()
      .orFail();
    return { onHand, damaged, reserved, committed };
  }

  /** Workers remember the settings for a second. */
  async function setPayments(rules: Partial<PaymentRules>): Promise<void> {
    const payments = { ...defaultPayments, ...rules };
    await models.settings.replaceOne({ _id: 'store' }, { ...defaultSettings, payments }, { upsert: true });
    await new Promise((resolve) => setTimeout(resolve, 1_100));
  }

  /** The same for the rules of the warehouses. */
  async function setFulfilment(rules: Partial<FulfilmentRules>): Promise<void> {
    const fulfilment = { ...defaultFulfilment, ...rules };
    await models.settings.replaceOne({ _id: 'store' }, { ...defaultSettings, fulfilment }, { upsert: true });
    await new Promise((resolve) => setTimeout(resolve, 1_100));
  }

  /** What is taken back, by classes; each as by default but for what is said of it. */
  async function setReturns(rules: Record<string, Partial<ReturnPolicy>>): Promise<void> {
    const policies = Object.fromEntries(
      Object.entries(rules).map(([returnClass, rule]) => [returnClass, { ...defaultReturnPolicy, ...rule }]),
    );
    await models.settings.replaceOne({ _id: 'store' }, { ...defaultSettings, returns: { policies } }, { upsert: true });
    await new Promise((resolve) => setTimeout(resolve, 1_100));
  }

  // ---- The buyer ----

  /** Writes the order without starting its workflow, as an API that died at that moment. */
  async function write(order: Partial<Order> = {}): Promise<{ orderId: string; placeBefore: Date }> {
    const orderId = newId('ord');
    const placeBefore = order.placeBefore ?? new Date(Date.now() + 60_000);
    const items = order.items ?? [{ sku: 'MUG', quantity: 2 }];
    const currency = order.currency ?? 'USD';
    const home = { name: 'Buyer', line1: 'Street 1', city: 'Town', region: 'NY', postalCode: '10001', country: 'US' };
    const shipTo = order.shipTo ?? home;
    const book = await priceBook(mongo, { skus: items.map(({ sku }) => sku), codes: order.codes ?? [] });
    const cart = { currency, at: new Date().toISOString(), items, to: shipTo, codes: order.codes };
    const { shipping, total, lines: priced, ...pricing } = priceOf(cart, book);
    const lines = priced.map(({ backorder, ...line }) => {
      return { ...line, ...(order.acceptsBackorder && backorder && { backorder }), allocations: [] };
    });
    await models.orders.create([
      {
        _id: orderId,
        createdAt: new Date(),
        customer: { email: 'buyer@example.com', name: 'Buyer' },
        shipTo,
        currency,
        items,
        lines,
        pricing,
        ...(shipping && { shipping }),
        total,
        paymentMethod: 'pm_card_visa',
        rev: 0,
        status: 'pending',
        ...order,
        placeBefore,
      },
    ]);
    return { orderId, placeBefore };
  }

  async function start({ orderId, placeBefore }: { orderId: string; placeBefore: Date }): Promise<void> {
    await client.workflow.start('order', orderStart({ orderId, placeBefore: placeBefore.toISOString() }));
  }

  async function place(order: Partial<Order> = {}): Promise<{ orderId: string; status: string }> {
    const { orderId, placeBefore } = await write(order);
    const { workflowId, ...options } = orderStart({ orderId, placeBefore: placeBefore.toISOString() });
    const startWorkflowOperation = new WithStartWorkflowOperation('order', { workflowId, ...options });
    const outcome = await client.workflow.executeUpdateWithStart(messages.placeOrder, {
      updateId: 'place',
      startWorkflowOperation,
    });
    return { orderId, status: outcome.status };
  }

  const pay = async (orderId: string, paymentMethod: string): Promise<string> =>
    (await orderHandle(orderId).executeUpdate(messages.payOrder, { args: [{ paymentMethod }] })).status;

  const cancel = async (orderId: string): Promise<string> =>
    (await orderHandle(orderId).executeUpdate(messages.cancelOrder, { args: [{ actor, reason: 'changed my mind' }] }))
      .status;

  /** The order as MongoDB shows it, once its workflow has come there. */
  async function reaches(orderId: string, status: Order['status']): Promise<void> {
    await until(async () => (await readOrder(orderId)).status === status, `${orderId} is ${status}`);
  }

  async function shipmentReaches(orderId: string, shipmentId: string, status: ShipmentStatus): Promise<void> {
    await until(async () => (await statusOf(orderId, shipmentId)) === status, `${shipmentId} is ${status}`);
  }

  // ---- The warehouse ----

  /** A list of this shipment alone, in the hands of the test. */
  async function pickListOf(shipmentId: string): Promise<string> {
    const { pickListId } = await models.shipments.findById(shipmentId).lean().orFail();
    if (pickListId) return pickListId;
    const list = await makePickList(mongo, { id: newId('pkl'), shipmentIds: [shipmentId], actor, take: true });
    return list._id;
  }

  async function scan(shipmentId: string, sku: string, quantity: number): Promise<void> {
    const by = { listId: await pickListOf(shipmentId), scanId: newId('req'), actor, madeAt: new Date() };
    await scanPick(mongo, { ...by, barcode: sku, quantity });
  }

  async function pickAll(shipmentId: string): Promise<void> {
    const shipment = await models.shipments.findById(shipmentId).lean().orFail();
    for (const { sku, quantity } of shipment.lines) await scan(shipmentId, sku, quantity);
  }

  /** Picks this much of each line, and reports the rest short. */
  async function pickShort(shipmentId: string, picked: number, reason: ShortReason = 'stockout'): Promise<void> {
    const shipment = await models.shipments.findById(shipmentId).lean().orFail();
    for (const { sku } of shipment.lines) {
      if (picked > 0) await scan(shipmentId, sku, picked);
      const by = { listId: await pickListOf(shipmentId), scanId: newId('req'), actor, madeAt: new Date() };
      await reportShort(mongo, { ...by, sku, reason });
    }
  }

  async function pack(orderId: string, shipmentId: string): Promise<string> {
    const given = [{ weightGrams: 500, lengthMm: 200, widthMm: 150, heightMm: 100 }];
    const packed = await packParcels(mongo, { shipmentId, given, weighed: true });
    const input = { shipmentId, ...packed!, actor };
    const updateId = newId('req');
    const done = await sent(() =>
      orderHandle(orderId).executeUpdate(messages.packShipment, { args: [input], updateId }),
    );
    return done.status;
  }

  async function handOver(orderId: string, shipmentId: string): Promise<string> {
    const input = { shipmentId, actor };
    const updateId = newId('req');
    const done = await sent(() =>
      orderHandle(orderId).executeUpdate(messages.handOverShipment, { args: [input], updateId }),
    );
    return done.status;
  }

  async function makeReady(orderId: string, shipmentId: string): Promise<void> {
    await pickAll(shipmentId);
    const status = await pack(orderId, shipmentId);
    if (status !== 'ready') throw new Error(`${shipmentId} is ${status} after packing`);
  }

  async function ship(orderId: string, shipmentId: string): Promise<void> {
    await makeReady(orderId, shipmentId);
    await handOver(orderId, shipmentId);
  }

  /** From picking to the door, for all its shipments. */
  async function deliver(orderId: string): Promise<void> {
    for (const { id } of await shipmentsOf(orderId)) {
      await ship(orderId, id);
      await carrierSays(id, 'delivered');
    }
    await reaches(orderId, 'completed');
  }

  /** An order of so many mugs that was paid and delivered. */
  async function delivered(order: Partial<Order> = {}): Promise<string> {
    const { orderId } = await place(order);
    await deliver(orderId);
    return orderId;
  }

  // ---- Support ----

  /** Waits until the order shows an incident of this cause, and answers with it. */
  async function incident(orderId: string, cause: string): Promise<messages.Incident> {
    const find = async () => (await readOrder(orderId)).state?.incidents.find((open) => open.cause === cause);
    await until(async () => (await find()) !== undefined, `${orderId} has an incident ${cause}`);
    return (await find())!;
  }

  async function answer(orderId: string, incidentId: string, given: messages.Answer): Promise<boolean> {
    const input = { incidentId, answer: given, actor };
    const once = { args: [input] as [messages.AnswerInput], updateId: newId('req') };
    const tell = () => orderHandle(orderId).executeUpdate(messages.answerIncident, once);
    // As the API does: an order that would end beside a signal that it has not seen is told once more.
    return (await tell().catch((error) => (error instanceof ServiceError ? tell() : Promise.reject(error)))).applied;
  }

  /** The order that sends the goods of a shipment's first parcel again. */
  async function reshipOf(shipmentId: string): Promise<Order> {
    const { parcels } = await models.shipments.findById(shipmentId).lean().orFail();
    return models.orders.findOne({ reshipOf: parcels![0]!.id }).lean<Order>().orFail();
  }

  /** The templates of the mails that were queued for an order, oldest first. */
  async function mailsOf(orderId: string): Promise<string[]> {
    const mails = await models.mails.find({ orderId }).sort({ createdAt: 1 }).lean();
    return mails.map(({ template }) => template);
  }

  async function refund(orderId: string, amount?: number): Promise<string> {
    const opened = await openRefund(mongo, { key: newId('req'), orderId, amount, reason: 'goodwill', actor });
    if (!('refundId' in opened)) throw new Error(`The refund was refused: ${opened.refused}`);
    await follow('refund', opened.refundId);
    return opened.refundId;
  }

  async function follow(kind: 'refund' | 'return', id: string): Promise<void> {
    const taskQueue = messages.taskQueues.orders;
    const [type, input] =
      kind === 'refund' ? (['refund', { refundId: id }] as const) : (['returnGoods', { returnId: id }] as const);
    await client.workflow.start(type, { workflowId: messages.workflowIds[kind](id), taskQueue, args: [input] });
  }

  async function sendBack(
    orderId: string,
    lines: { lineId: string; quantity: number; reason?: ReturnReason }[],
    more: Pick<ReturnRequest, 'refundTo'> & { by?: ReturnRequest['by'] } = {},
  ): Promise<string> {
    const returnId = newId('ret');
    const asked = lines.map((line) => ({ reason: 'does_not_fit' as const, ...line }));
    const opened = await openReturn(mongo, { returnId, orderId, lines: asked, by: 'support', ...more });
    if (!opened.ok) throw new Error(opened.because);
    await follow('return', returnId);
    return returnId;
  }

  async function returnReaches(returnId: string, status: string): Promise<void> {
    const reached = async () => (await models.returns.findById(returnId).lean().orFail()).status === status;
    await until(reached, `${returnId} is ${status}`);
  }

  // ---- The world outside ----

  /** Of all parcels of a shipment, or of one by its place. */
  async function carrierSays(
    shipmentId: string,
    status: messages.TrackingStatus,
    more: { reason?: string; parcel?: number } = {},
  ): Promise<void> {
    const { parcel, ...said } = more;
    const { parcels } = await models.shipments.findById(shipmentId).lean().orFail();
    for (const [index, { label }] of parcels!.entries()) {
      if (parcel !== undefined && parcel !== index) continue;
      await control(carrierUrl, 'POST', `/_sandbox/tracking/${label!.trackingNumber}`, { status, ...said });
    }
  }

  const intentOf = async (orderId: string): Promise<string> => (await paymentOf(orderId)).intentId!;

  /** The customer in their browser, at the bank or with a card. */
  async function browser(
    orderId: string,
    action: 'authenticate' | 'confirm' | 'expire',
    body: object = {},
  ): Promise<void> {
    await control(stripeUrl, 'POST', `/_sandbox/payment_intents/${await intentOf(orderId)}/${action}`, body);
  }

  /** The same where the method is only saved, to be charged later. */
  async function browserSaves(orderId: string, action: 'authenticate' | 'confirm', body: object): Promise<void> {
    const { setup } = await paymentOf(orderId);
    await control(stripeUrl, 'POST', `/_sandbox/setup_intents/${setup!.id}/${action}`, body);
  }

  const stripeState = () => control(stripeUrl, 'GET', '/_sandbox/state') as Promise<StripeState>;

  /** What Stripe itself holds and took for an order, over all its intents. */
  async function atStripe(orderId: string) {
    const state = await stripeState();
    const intents = state.payment_intents.filter(({ metadata }) => metadata.orderId === orderId);
    const ours = ({ payment_intent }: { payment_intent: string }) => intents.some(({ id }) => id === payment_intent);
    const charges = state.charges.filter(ours).filter(({ status }) => status === 'succeeded');
    return {
      authorizations: charges.length,
      held: intents.filter(({ status }) => status === 'requires_capture').length,
      captured: charges
        .filter(({ amount_captured }) => amount_captured > 0)
        .map(({ amount_captured }) => amount_captured),
      refunds: state.refunds
        .filter(ours)
        .filter(({ status }) => status !== 'failed')
        .map(({ amount }) => amount),
    };
  }

  /** Arms a fault at Stripe or the carrier; the answer tells how often it has fired. */
  async function fault(
    at: 'stripe' | 'carrier',
    armed: { operation: string; kind: string; times?: number; ms?: number; reference?: string },
  ) {
    const url = at === 'stripe' ? stripeUrl : carrierUrl;
    await control(url, 'POST', '/_sandbox/faults', armed);
    const { times = 1 } = armed;
    const index = ((await control(url, 'GET', '/_sandbox/faults')) as { faults: unknown[] }).faults.length - 1;
    return async () => {
      const { faults } = (await control(url, 'GET', '/_sandbox/faults')) as { faults: { fired: number }[] };
      return faults[index]!.fired >= times;
    };
  }

  /** How a provider sends its webhooks from now on. */
  async function webhooks(from: 'stripe' | 'carrier', mode: 'normal' | 'duplicate' | 'shuffle' | 'off'): Promise<void> {
    await control(from === 'stripe' ? stripeUrl : carrierUrl, 'POST', '/_sandbox/webhooks', { mode });
  }

  /**
   * Once Stripe has sent everything and every event was delivered. Hints that are kept back for a moment, as whoever packs
   * is mostly faster, are due at once.
   */
  async function inboxIsEmpty(): Promise<void> {
    await until(async () => {
      await models.inbox.updateMany({ deliveredAt: null, tries: 0 }, { $set: { nextTryAt: new Date() } });
      const part = await control(stripeUrl, 'GET', '/_sandbox/state/undelivered_events');
      const { undelivered_events } = part as Pick<StripeState, 'undelivered_events'>;
      return undelivered_events.length === 0 && (await models.inbox.countDocuments({ deliveredAt: null })) === 0;
    }, 'every event is delivered');
  }

  /** Plays the outside world: faults, customers, banks. */
  async function control(url: string, method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.json().catch(() => undefined);
  }

  return {
    setPayments,
    setFulfilment,
    setReturns,
    orderHandle,
    returnHandle,
    refundHandle,
    readOrder,
    paymentOf,
    stateOf,
    shipmentsOf,
    seed,
    newSku,
    receive,
    stock,
    write,
    start,
    place,
    pay,
    cancel,
    reaches,
    shipmentReaches,
    pickListOf,
    reshipOf,
    scan,
    pickAll,
    pickShort,
    pack,
    handOver,
    makeReady,
    ship,
    deliver,
    delivered,
    incident,
    answer,
    refund,
    follow,
    sendBack,
    returnReaches,
    carrierSays,
    intentOf,
    browser,
    browserSaves,
    mailsOf,
    stripeState,
    atStripe,
    fault,
    webhooks,
    inboxIsEmpty,
    control,
  };
}
