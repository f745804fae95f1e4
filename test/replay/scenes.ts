/** One life for each state of each workflow, played until it is there. The histories of the replay gate come from these. */
import { openCustomerClaim } from '../../activities/claims.ts';
import { bookCredit } from '../../activities/payments/credit.ts';
import { startClaim } from '../../activities/starts.ts';
import { moveStock } from '../../activities/stock/movements.ts';
import { newId } from '../../models/id.ts';
import type { Order } from '../../models/order.ts';
import { deadlines } from '../../workflows/domain/limits.ts';
import { dayOf } from '../../workflows/domain/reconciliation.ts';
import type { ClaimKind } from '../../workflows/domain/states.ts';
import * as messages from '../../workflows/messages.ts';
import { createBank } from '../support/disputes.ts';
import { createEditor } from '../support/edits.ts';
import { createExchanges } from '../support/exchanges.ts';
import { price } from '../support/shop.ts';
import { until } from '../support/until.ts';
import type { World } from '../support/world.ts';

/** Plays a life, and answers with the id of the workflow that is in the state of the scene's name then. */
type Scene = (world: World) => Promise<string>;

const { workflowIds } = messages;
const newYork = { country: 'US', region: 'NY', postalCode: '10001', city: 'New York' };
const actor = 'test';

/** By the names of their states, `machine.state`; after a dash, by what else happens in them. */
export const scenes: Record<string, Scene> = {
  'order.pending': async (world) => {
    await world.fault('stripe', { operation: 'payment_intents.create', kind: 'drop', times: 10_000 });
    const written = await world.write();
    await world.start(written);
    await until(async () => (await world.readOrder(written.orderId)).rev > 0, 'it has reserved');
    return workflowIds.order(written.orderId);
  },
  'order.awaiting_payment': (world) => placed(world, { paymentMethod: 'pm_card_threeDSecure2Required' }),
  'order.confirmed': (world) => placed(world),
  'order.on_hold': async (world) => {
    const { orderId } = await world.place();
    await world.orderHandle(orderId).signal(messages.holdOrder, { actor, reason: 'asked to' });
    await world.reaches(orderId, 'on_hold');
    return workflowIds.order(orderId);
  },
  'order.processing': (world) => shipment(world, 'ready'),
  'order.completed': async (world) => workflowIds.order(await world.delivered()),
  'order.expired': async (world) => {
    const written = await world.write({ placeBefore: new Date(Date.now() - 1000) });
    await world.start(written);
    await world.reaches(written.orderId, 'expired');
    return workflowIds.order(written.orderId);
  },
  'order.cancelled': async (world) => {
    const { orderId } = await world.place();
    await world.cancel(orderId);
    return workflowIds.order(orderId);
  },
  'order.rejected-the_price_changed': (world) =>
    placed(world, { redemptions: [{ promotionId: 'sold-out', totalLimit: 0, useIds: [] }] }),
  'order.awaiting_payment-a_bank_debit_is_on_its_way': async (world) =>
    placed(world, { paymentMethod: await tokenOf(world, 'pm_usBankAccount_processing') }),
  'order.confirmed-authorized_anew_by_another_card': async (world) => {
    const orderId = await letGo(world);
    await world.pay(orderId, 'pm_card_mastercard');
    return workflowIds.order(orderId);
  },
  'order.processing-packed_and_waits_for_its_money': async (world) => {
    const orderId = await letGo(world);
    const [first] = await world.shipmentsOf(orderId);
    await world.pickAll(first!.id);
    await world.pack(orderId, first!.id);
    return workflowIds.order(orderId);
  },
  'order.completed-captured_parcel_by_parcel': async (world) => {
    await world.setPayments({ multicapture: true });
    const items = ['MUG', 'LAMP'].map((sku) => ({ sku, quantity: 1 }));
    const orderId = await world.delivered({ items });
    await world.setPayments({});
    return workflowIds.order(orderId);
  },
  'order.completed-paid_with_store_credit': async (world) => {
    return workflowIds.order(await world.delivered(await withCredit(world, 2 * price)));
  },
  'order.cancelled-paid_with_store_credit_and_a_card': async (world) => {
    const { orderId } = await world.place(await withCredit(world, 1_000));
    await world.cancel(orderId);
    return workflowIds.order(orderId);
  },
  'order.completed-taxed_by_the_provider': async (world) => {
    const { calculationId } = await world.payments.calculateTaxes({
      ...{ currency: 'USD', inclusive: false, exempt: false, shipping: 0, to: newYork },
      lines: [{ reference: 'line_1', amount: 2 * price, quantity: 2 }],
    });
    return workflowIds.order(await world.delivered({ taxCalculation: calculationId }));
  },
  'order.confirmed-edited_to_cost_more': async (world) => {
    const { orderId } = await world.place();
    return edited(world, orderId, 'pm_card_visa');
  },
  'order.confirmed-an_edit_waits_for_its_customer': async (world) => {
    const { orderId } = await world.place();
    return edited(world, orderId, 'pm_card_authenticationRequired');
  },
  'order.awaiting_payment-edited': async (world) => {
    const { orderId } = await world.place({ paymentMethod: 'pm_card_visa_chargeDeclined' });
    return edited(world, orderId);
  },
  'quote.answered': async (world) => {
    const quoteId = newId('quo');
    const at = new Date();
    await world.mongo.models.quotes.create([
      {
        ...{ _id: quoteId, createdAt: at, expiresAt: at, acceptBackorder: false, useStoreCredit: false, credit: 0 },
        ...{
          usedUp: [],
          cart: { currency: 'USD', at: at.toISOString(), items: [{ sku: 'MUG', quantity: 1 }], to: newYork },
        },
      },
    ]);
    const workflowId = workflowIds.quote(quoteId);
    const args = [{ quoteId, rates: true, taxes: true }] as [messages.QuoteInput];
    await world.client.workflow.execute('quote', { workflowId, taskQueue: messages.taskQueues.orders, args });
    return workflowId;
  },
  'wallet.read': async (world) => {
    const customerId = await withAccount(world);
    await world.place({ customerId, savePaymentMethod: true });
    const workflowId = workflowIds.wallet(customerId);
    const find = async () => (await world.mongo.models.customers.findById(customerId).lean())?.paymentMethods;
    await until(async () => (await find())?.length === 1, 'it is saved');
    await world.inboxIsEmpty();
    await world.client.workflow.getHandle(workflowId).result();
    return workflowId;
  },
  'wallet.changed': async (world) => {
    const ask = { step: 'openMethodSetup' as const, customerId: await withAccount(world), about: newId('set') };
    const workflowId = workflowIds.walletAsk(ask);
    await world.client.workflow.execute('askWallet', {
      workflowId,
      taskQueue: messages.taskQueues.orders,
      args: [ask],
    });
    return workflowId;
  },
  'order.rejected': async (world) => placed(world, { items: [{ sku: await world.newSku({}), quantity: 1 }] }),

  'shipment.allocated': (world) => placed(world, { paymentMethod: 'pm_card_riskLevelElevated' }),
  'shipment.backordered': async (world) => workflowIds.order((await waiting(world)).orderId),
  'shipment.picking': (world) => placed(world),
  'shipment.picked': (world) => shipment(world, 'picked'),
  'shipment.packed': async (world) => {
    await world.fault('carrier', { operation: 'labels.create', kind: 'fail_before', times: 10_000 });
    const { orderId } = await world.place();
    const [first] = await world.shipmentsOf(orderId);
    await world.pickAll(first!.id);
    void world.pack(orderId, first!.id).catch(() => {});
    await world.shipmentReaches(orderId, first!.id, 'packed');
    return workflowIds.order(orderId);
  },
  'shipment.ready': (world) => shipment(world, 'ready'),
  'shipment.shipped': (world) => shipment(world, 'shipped'),
  'shipment.in_transit': (world) => shipment(world, 'shipped', 'in_transit'),
  'shipment.out_for_delivery': (world) => shipment(world, 'shipped', 'out_for_delivery'),
  'shipment.exception': (world) => shipment(world, 'shipped', 'exception'),
  'shipment.delivered': async (world) => workflowIds.order(await world.delivered()),
  'shipment.lost': async (world) => {
    const workflowId = await shipment(world, 'shipped', 'lost');
    const orderId = workflowId.replace('order-', '');
    await world.answer(orderId, (await world.incident(orderId, 'lost')).id, 'refund');
    await world.reaches(orderId, 'completed');
    return workflowId;
  },
  'shipment.returned_to_sender': (world) => shipment(world, 'shipped', 'returned_to_sender'),
  'shipment.cancelled': async (world) => {
    const workflowId = await shipment(world, 'ready');
    await world.cancel(workflowId.replace('order-', ''));
    return workflowId;
  },

  'return.requested': (world) => returned(world, 'requested'),
  'return.approved': (world) => returned(world, 'approved'),
  'return.in_transit': (world) => returned(world, 'in_transit'),
  'return.received': (world) => returned(world, 'received'),
  'return.completed': (world) => returned(world, 'completed'),
  'return.completed-came_in_two_parcels': async (world) => {
    const workflowId = await returned(world, 'approved');
    const handle = world.client.workflow.getHandle(workflowId);
    for (const more of [true, false]) {
      const input = { lines: [{ lineId: 'line_1', quantity: 1, reception: 'received' as const }], more, actor };
      await handle.executeUpdate(messages.receiveReturn, { args: [input] });
    }
    const lines = [{ lineId: 'line_1', quantity: 2, disposition: 'restock' as const }];
    await handle.executeUpdate(messages.inspectReturn, { args: [{ lines, actor }] });
    await handle.result();
    return workflowId;
  },
  'return.in_transit-brought_back_by_the_carrier': broughtBack,
  'return.completed-brought_back_and_sent_again': async (world) => {
    const workflowId = await broughtBack(world);
    const handle = world.client.workflow.getHandle(workflowId);
    const again = { resolution: 'reship' as const, actor, reason: 'note_1' };
    await handle.executeUpdate(messages.resolveReturn, { args: [again] });
    const line = { lineId: 'line_1', quantity: 2 };
    const came = { lines: [{ ...line, reception: 'received' as const }], actor };
    await handle.executeUpdate(messages.receiveReturn, { args: [came] });
    const lines = [{ ...line, disposition: 'restock' as const }];
    await handle.executeUpdate(messages.inspectReturn, { args: [{ lines, actor }] });
    await handle.result();
    return workflowId;
  },
  'return.rejected': async (world) => {
    const workflowId = await returned(world, 'requested');
    const refused = { approve: false, actor, reason: 'too late' };
    await world.client.workflow.getHandle(workflowId).executeUpdate(messages.decideReturn, { args: [refused] });
    return workflowId;
  },
  'return.cancelled': async (world) => {
    const workflowId = await returned(world, 'approved');
    await world.client.workflow
      .getHandle(workflowId)
      .executeUpdate(messages.cancelReturn, { args: [{ actor, reason: 'kept' }] });
    return workflowId;
  },

  'order.confirmed-keeps_its_goods_for_a_return': async (world) => {
    const { exchangeId } = await createExchanges(world).agreed({ release: 'on_receipt' });
    return workflowIds.order(exchangeId);
  },
  'order.completed-in_exchange': async (world) => {
    const { exchangeId } = await exchanged(world);
    await world.deliver(exchangeId);
    return workflowIds.order(exchangeId);
  },
  'order.cancelled-in_exchange': async (world) => {
    const { exchangeId } = await exchanged(world);
    await world.cancel(exchangeId);
    return workflowIds.order(exchangeId);
  },
  'return.completed-exchanged': async (world) => workflowIds.return((await exchanged(world)).returnId),
  'return.inspected-its_exchange_is_not_paid': async (world) => {
    const exchanges = createExchanges(world);
    const dearer = { costs: 2 * price, paymentMethod: 'pm_card_chargeCustomerFail' };
    const { returnId, exchangeId } = await exchanges.agreed({ release: 'on_receipt', ...dearer });
    await exchanges.takenBack(returnId);
    await world.incident(exchangeId, 'backorder_payment');
    return workflowIds.return(returnId);
  },
  'return.cancelled-with_its_exchange': async (world) => {
    const exchanges = createExchanges(world);
    const { returnId } = await exchanges.agreed({ release: 'on_receipt' });
    await exchanges.returns.awaits(returnId, 'return_arrival');
    await world.returnHandle(returnId).executeUpdate(messages.cancelReturn, { args: [{ actor, reason: 'kept' }] });
    return workflowIds.return(returnId);
  },

  'claim.open': (world) => claimed(world),
  'claim.approved': async (world) => {
    const workflowId = await claimed(world, { paymentMethod: 'pm_card_pendingRefund' });
    await decideClaim(world, workflowId, true);
    return workflowId;
  },
  'claim.settled': async (world) => {
    const workflowId = await claimed(world);
    await decideClaim(world, workflowId, true);
    await world.client.workflow.getHandle(workflowId).result();
    return workflowId;
  },
  'claim.settled-sent_again': async (world) => {
    const workflowId = await claimed(world);
    await decideClaim(world, workflowId, true, 'reship');
    await world.client.workflow.getHandle(workflowId).result();
    return workflowId;
  },
  'claim.rejected': async (world) => {
    const workflowId = await claimed(world);
    await decideClaim(world, workflowId, false);
    return workflowId;
  },
  'claim.withdrawn': async (world) => {
    const workflowId = await claimed(world);
    const withdrawn = { actor, reason: 'found it' };
    await world.client.workflow.getHandle(workflowId).executeUpdate(messages.withdrawClaim, { args: [withdrawn] });
    return workflowId;
  },
  'order.completed-its_lost_parcel_was_claimed': async (world) => {
    const { orderId } = await world.place();
    const [first] = await world.shipmentsOf(orderId);
    await world.ship(orderId, first!.id);
    await world.carrierSays(first!.id, 'lost');
    await world.incident(orderId, 'lost');
    await decideClaim(world, await claimOf(world, orderId, 'lost_in_transit'), true);
    await world.reaches(orderId, 'completed');
    return workflowIds.order(orderId);
  },

  'refund.pending': async (world) => {
    const orderId = await world.delivered({ paymentMethod: 'pm_card_pendingRefund' });
    const refundId = await world.refund(orderId, 500);
    const waits = async () => (await world.mongo.models.refunds.findById(refundId).lean())?.state?.waitingFor?.event;
    await until(async () => (await waits()) === 'refund_settled', 'it waits for the bank');
    return workflowIds.refund(refundId);
  },
  'refund.succeeded': async (world) => {
    const refundId = await world.refund(await world.delivered(), 500);
    await world.refundHandle(refundId).result();
    return workflowIds.refund(refundId);
  },
  'refund.failed': async (world) => {
    const refundId = await world.refund(await world.delivered({ paymentMethod: 'pm_card_pendingRefund' }), 500);
    const find = () => world.mongo.models.refunds.findById(refundId).lean().orFail();
    await until(async () => (await find()).providerId !== undefined, 'it is sent');
    const settle = `/_sandbox/refunds/${(await find()).providerId}/settle`;
    await world.control(world.stripe.url, 'POST', settle, { outcome: 'failed' });
    await until(async () => (await find()).state?.incidents.length === 1, 'a person is asked');
    return workflowIds.refund(refundId);
  },

  'dispute.open': (world) => disputed(world),
  'dispute.won': (world) => disputed(world, 'won'),
  'dispute.lost': (world) => disputed(world, 'lost'),
  'dispute.won-answered_by_support': async (world) => {
    const workflowId = await disputed(world);
    await answerDispute(world, workflowId, 'submit');
    await decided(world, workflowId, 'won');
    return workflowId;
  },
  'dispute.won-after_its_order_was_cancelled': async (world) => {
    const workflowId = await disputed(world);
    const { orderId } = await world.mongo.models.disputes
      .findById(workflowId.replace(/^dispute-/, ''))
      .lean()
      .orFail();
    await world.answer(orderId, (await world.incident(orderId, 'hold')).id, 'cancel');
    await world.reaches(orderId, 'cancelled');
    await decided(world, workflowId, 'won');
    return workflowId;
  },
  'dispute.lost-given_in': async (world) => {
    const workflowId = await disputed(world);
    await answerDispute(world, workflowId, 'accept');
    await world.client.workflow.getHandle(workflowId).result();
    return workflowId;
  },
  'dispute.won-delivered_as_it_was_said_not_to_be': async (world) => {
    const bank = createBank(world);
    const disputeId = await bank.open(await world.delivered(), { reason: 'product_not_received' });
    await bank.isSent(disputeId);
    await decided(world, workflowIds.dispute(disputeId), 'won');
    return workflowIds.dispute(disputeId);
  },
  'dispute.closed-an_inquiry_that_was_refunded': async (world) => {
    const bank = createBank(world);
    const disputeId = await bank.open(await world.delivered(), { inquiry: true });
    await bank.answer(disputeId, 'refund');
    await bank.result(disputeId);
    return workflowIds.dispute(disputeId);
  },
  'dispute.lost-an_inquiry_that_became_a_chargeback': async (world) => {
    const bank = createBank(world);
    const disputeId = await bank.open(await world.delivered(), { inquiry: true });
    await bank.answer(disputeId, 'submit');
    await bank.isSent(disputeId);
    await bank.escalate(disputeId);
    await until(async () => (await bank.incident(disputeId)).answers.includes('accept'));
    await bank.answer(disputeId, 'accept');
    await bank.result(disputeId);
    return workflowIds.dispute(disputeId);
  },
  'dispute.closed-a_warning_of_fraud_that_was_refunded': async (world) => warned(world, 'refund'),
  'dispute.closed-a_warning_of_fraud_that_was_skipped': async (world) => warned(world, 'skip'),

  'order.completed-disputed_on_its_way': async (world) => {
    const { orderId } = await world.place();
    const [first] = await world.shipmentsOf(orderId);
    await world.ship(orderId, first!.id);
    const bank = createBank(world);
    const disputeId = await bank.open(orderId, { reason: 'product_not_received' });
    await bank.isStaged(disputeId);
    await world.carrierSays(first!.id, 'delivered');
    await bank.isSent(disputeId);
    await world.reaches(orderId, 'completed');
    return workflowIds.order(orderId);
  },

  'reconcile.open': async (world) => {
    const [lost, phantom] = [await world.delivered(), await world.delivered()];
    const { payments, reconciliations } = world.mongo.models;
    await payments.updateOne({ orderId: lost }, { $pull: { ledger: { kind: 'capture' } } });
    const entry = { key: 'phantom', kind: 'capture' as const, amount: 42, providerId: 'pi_phantom', at: new Date() };
    await payments.updateOne({ orderId: phantom }, { $push: { ledger: entry } });
    const day = dayOf(new Date());
    const workflowId = workflowIds.reconcile(day);
    await world.client.workflow.start('reconcile', {
      ...{ workflowId, taskQueue: messages.taskQueues.orders, args: [{ day }] },
    });
    const asked = async () => (await reconciliations.findById(day).lean())?.state?.incidents.length ?? 0;
    await until(async () => (await asked()) > 1, 'somebody is asked');
    return workflowId;
  },
  // The same day: there is no other whose money moved.
  'reconcile.done': async (world) => {
    const day = dayOf(new Date());
    const handle = world.client.workflow.getHandle(workflowIds.reconcile(day));
    await until(async () => {
      const { status, incidents } = await handle.query(messages.caseState);
      for (const { id: incidentId, answers } of incidents)
        await handle.signal(messages.answerSignal, { incidentId, answer: answers[0]!, actor });
      return status === 'done';
    }, 'everything is answered');
    await handle.result();
    return handle.workflowId;
  },
  'reconcile.due': async (world) => {
    await world.place();
    await world.mongo.models.orders.updateOne({}, { $set: { createdAt: new Date(Date.now() - 2 * 86_400_000) } });
    const handle = await world.client.workflow.start('reconcileDue', {
      ...{ workflowId: 'reconcile-daily', taskQueue: messages.taskQueues.orders },
    });
    await handle.result();
    return handle.workflowId;
  },

  'poll.completed': (world) => polled(world, 'pollCarrier'),
  'poll.completed-what_stripe_missed': (world) => polled(world, 'pollStripe'),

  'order.completed-paid_by_a_second_card_and_picked_short': async (world) => {
    const sku = await world.newSku({ wh_east: 2, wh_west: 1 });
    const { orderId } = await world.place({
      items: [{ sku, quantity: 2 }],
      paymentMethod: 'pm_card_chargeDeclined',
    });
    await world.pay(orderId, 'pm_card_visa');
    const [first] = await world.shipmentsOf(orderId);
    await world.pickShort(first!.id, 1);
    await world.pack(orderId, first!.id);
    await world.handOver(orderId, first!.id);
    const second = (await world.shipmentsOf(orderId))[1]!;
    await world.ship(orderId, second.id);
    for (const { id } of [first!, second]) await world.carrierSays(id, 'delivered');
    await world.reaches(orderId, 'completed');
    return workflowIds.order(orderId);
  },
  'order.completed-waited_for_goods': async (world) => {
    const { orderId, sku } = await waiting(world);
    await world.receive(sku, 'wh_east', 1);
    await until(async () => (await world.shipmentsOf(orderId))[0]?.status === 'picking', 'the goods are there');
    await world.deliver(orderId);
    return workflowIds.order(orderId);
  },
  'order.cancelled-waited_and_could_not_be_charged': async (world) => {
    const { orderId, sku } = await waiting(world, { paymentMethod: 'pm_card_chargeCustomerFail' });
    await world.receive(sku, 'wh_east', 1);
    const first = await world.incident(orderId, 'backorder_payment');
    await world.answer(orderId, first.id, 'retry');
    const asked = async () => (await world.stateOf(orderId)).incidents.find(({ id }) => id !== first.id);
    await until(async () => (await asked()) !== undefined, 'support is asked again');
    await world.answer(orderId, (await asked())!.id, 'cancel');
    await world.reaches(orderId, 'cancelled');
    return workflowIds.order(orderId);
  },
  'order.completed-sent_from_elsewhere': async (world) => {
    const sku = await world.newSku({ wh_east: 3, wh_west: 1 });
    const { orderId } = await world.place({ items: [{ sku, quantity: 3 }] });
    const what = { actor, reason: 'Dropped', reference: 'test', onHandChange: 0, damagedChange: 3 };
    await moveStock(world.mongo, { key: newId('mov'), sku, warehouseId: 'wh_east', kind: 'damage', ...what });
    await until(async () => (await world.shipmentsOf(orderId)).length === 3, 'others send, and some is waited for');
    await world.receive(sku, 'wh_south', 2);
    for (const warehouseId of ['wh_west', 'wh_south']) {
      const find = async () => (await world.shipmentsOf(orderId)).find((each) => each.warehouseId === warehouseId);
      await until(async () => (await find())?.status === 'picking', `${warehouseId} picks`);
      const { id } = (await find())!;
      await world.ship(orderId, id);
      await world.carrierSays(id, 'delivered');
    }
    await world.reaches(orderId, 'completed');
    return workflowIds.order(orderId);
  },
  'order.completed-lost_and_sent_again': async (world) => {
    const workflowId = await shipment(world, 'shipped', 'lost');
    const orderId = workflowId.replace('order-', '');
    await world.answer(orderId, (await world.incident(orderId, 'lost')).id, 'reship');
    await world.reaches(orderId, 'completed');
    return workflowId;
  },
  'order.completed-picked_short_and_asked_about': async (world) => {
    await world.setFulfilment({ shortPick: 'ask' });
    const sku = await world.newSku({ wh_east: 3 });
    const { orderId } = await world.place({ items: [{ sku, quantity: 3 }] });
    const [first] = await world.shipmentsOf(orderId);
    await world.pickShort(first!.id, 1);
    const asked = await world.incident(orderId, 'short_pick');
    await world.answer(orderId, asked.id, 'retry');
    const find = async () => (await world.stateOf(orderId)).incidents.find(({ id }) => id !== asked.id);
    await until(async () => (await find()) !== undefined, 'it is asked about again');
    await world.answer(orderId, (await find())!.id, 'backorder');
    await world.pack(orderId, first!.id);
    await world.handOver(orderId, first!.id);
    await world.carrierSays(first!.id, 'delivered');
    await world.receive(sku, 'wh_west', 2);
    await until(async () => (await world.shipmentsOf(orderId))[1]?.status === 'picking', 'the rest is picked');
    const rest = (await world.shipmentsOf(orderId))[1]!;
    await world.ship(orderId, rest.id);
    await world.carrierSays(rest.id, 'delivered');
    await world.reaches(orderId, 'completed');
    await world.setFulfilment({});
    return workflowIds.order(orderId);
  },
  'order.completed-an_address_that_was_corrected': async (world) => {
    await world.setFulfilment({ checkAddresses: true });
    const shipTo = {
      name: 'Buyer',
      line1: 'Nowhere 1',
      city: 'Town',
      region: 'NY',
      postalCode: '10001',
      country: 'US',
    };
    const { orderId } = await world.place({ shipTo });
    const { id } = await world.incident(orderId, 'undeliverable_address');
    await world.mongo.models.orders.updateOne({ _id: orderId }, { $set: { 'shipTo.line1': 'Street 1' } });
    await world.answer(orderId, id, 'amend');
    await world.deliver(orderId);
    await world.setFulfilment({});
    return workflowIds.order(orderId);
  },
  'order.completed-stopped_claimed_and_waited_for': async (world) => {
    const workflowId = await shipment(world, 'shipped', 'exception');
    const orderId = workflowId.replace('order-', '');
    const [first] = await world.shipmentsOf(orderId);
    const stopped = await world.incident(orderId, 'delivery_exception');
    await world.answer(orderId, stopped.id, 'claim');
    const find = async () => (await world.stateOf(orderId)).incidents.find(({ id }) => id !== stopped.id);
    await until(async () => (await find()) !== undefined, 'another answer is asked for');
    await world.answer(orderId, (await find())!.id, 'wait');
    await world.carrierSays(first!.id, 'lost');
    await world.incident(orderId, 'lost');
    await world.carrierSays(first!.id, 'delivered');
    await world.reaches(orderId, 'completed');
    return workflowId;
  },
  'order.cancelled-refused_by_the_carrier': async (world) => {
    const shipTo = { name: 'Buyer', line1: 'Street 1', city: 'Town', postalCode: '00000', country: 'US' };
    const { orderId } = await world.place({ shipTo });
    const [first] = await world.shipmentsOf(orderId);
    await world.pickAll(first!.id);
    await world.pack(orderId, first!.id);
    await world.answer(orderId, (await world.incident(orderId, 'buy_label')).id, 'cancel');
    await world.reaches(orderId, 'cancelled');
    return workflowIds.order(orderId);
  },
};

/** These need a server that skips the time. */
export const longScenes: Record<string, Scene> = {
  // First: the bank's dates are of the real clock, which the others leave behind.
  'dispute.lost-answered_when_it_was_due': async (world) => {
    const bank = createBank(world);
    const orderId = await begun(world);
    await world.deliver(orderId);
    const disputeId = await bank.open(orderId);
    await bank.incident(disputeId);
    await world.pass(10 * 86_400_000);
    await bank.isSent(disputeId);
    await decided(world, workflowIds.dispute(disputeId), 'lost');
    return workflowIds.dispute(disputeId);
  },
  'order.expired-nobody_paid': async (world) => {
    const orderId = await begun(world, { paymentMethod: 'pm_card_threeDSecure2Required' });
    await world.orderHandle(orderId).result();
    return workflowIds.order(orderId);
  },
  'order.completed-nothing_heard_of_the_parcel': async (world) => {
    const orderId = await begun(world);
    const [first] = await world.shipmentsOf(orderId);
    await world.ship(orderId, first!.id);
    await world.pass(deadlines.delivery + 60_000);
    await world.answer(orderId, (await world.incident(orderId, 'overdue_delivery')).id, 'refund');
    await world.orderHandle(orderId).result();
    return workflowIds.order(orderId);
  },
  'return.expired': async (world) => {
    const orderId = await begun(world);
    await world.deliver(orderId);
    const returnId = await world.sendBack(orderId, [{ lineId: 'line_1', quantity: 1 }]);
    await world.returnHandle(returnId).result();
    return workflowIds.return(returnId);
  },
  // Last: once a workflow has ended that its parent left behind, this server does not skip the time any more.
  'return.expired-brought_back_by_nobody': async (world) => {
    const orderId = await begun(world);
    const [first] = await world.shipmentsOf(orderId);
    await world.ship(orderId, first!.id);
    await world.carrierSays(first!.id, 'returned_to_sender');
    await world.reaches(orderId, 'completed');
    const { _id } = await world.mongo.models.returns.findOne({ orderId }).lean().orFail();
    await world.pass(deadlines.returnArrival + 60_000);
    const asked = async () => (await world.mongo.models.returns.findById(_id).lean())?.state?.incidents[0];
    await until(async () => (await asked()) !== undefined, 'somebody is asked');
    const answer = { incidentId: (await asked())!.id, answer: 'refund' as const, actor };
    await world.returnHandle(_id).executeUpdate(messages.answerIncident, { args: [answer] });
    await world.returnHandle(_id).result();
    return workflowIds.return(_id);
  },
};

/** Of both units of a delivered order. */
async function claimed(world: World, order: Partial<Order> = {}): Promise<string> {
  return claimOf(world, await world.delivered(order), 'damaged');
}

async function claimOf(world: World, orderId: string, kind: ClaimKind): Promise<string> {
  const claimId = newId('cla');
  await openCustomerClaim(world.mongo, {
    ...{ claimId, orderId, kind, wants: 'refund', actor: 'customer', evidence: [] },
    ...{ lines: [{ lineId: 'line_1', quantity: 2 }], description: 'Broken' },
  });
  await startClaim(world.client, { claimId });
  const find = async () => (await world.mongo.models.claims.findById(claimId).lean())?.state;
  await until(async () => (await find())?.waitingFor?.event === 'approval', 'it waits for a decision');
  return workflowIds.claim(claimId);
}

async function decideClaim(
  world: World,
  workflowId: string,
  approve: boolean,
  how?: messages.DecideClaimInput['how'],
): Promise<void> {
  const input = { approve, how, actor, reason: 'seen' };
  await world.client.workflow.getHandle(workflowId).executeUpdate(messages.decideClaim, { args: [input] });
}

async function tokenOf(world: World, payment_method: string): Promise<string> {
  const made = await world.control(world.stripe.url, 'POST', '/_sandbox/confirmation_tokens', { payment_method });
  return (made as { id: string }).id;
}

/** An order whose money the bank has let go, and whose customer is asked for it anew. */
async function letGo(world: World): Promise<string> {
  const { orderId } = await world.place();
  await world.browser(orderId, 'expire');
  await world.incident(orderId, 'payment_renewal');
  return orderId;
}

/** An order of somebody who has store credit for so much of it. */
async function withCredit(world: World, credit: number): Promise<{ customerId: string; credit: number }> {
  const customerId = newId('cus');
  const grant = { key: newId('crd'), currency: 'USD', kind: 'grant' as const, reason: 'welcome', actor };
  await bookCredit(world.mongo, { ...grant, customerId, amount: credit });
  return { customerId, credit };
}

async function withAccount(world: World): Promise<string> {
  const customerId = newId('cus');
  const customer = { _id: customerId, email: `${customerId}@example.com`, name: 'Buyer', createdAt: new Date() };
  await world.mongo.models.customers.create([customer]);
  return customerId;
}

/** One more is asked for. */
async function edited(world: World, orderId: string, paymentMethod?: string): Promise<string> {
  const editor = await createEditor(world);
  await editor.edit(orderId, { items: [{ sku: 'MUG', quantity: 3 }] }, { paymentMethod });
  await editor.api.stop();
  await world.inboxIsEmpty();
  return workflowIds.order(orderId);
}

async function placed(world: World, order: Parameters<World['place']>[0] = {}): Promise<string> {
  return workflowIds.order((await world.place(order)).orderId);
}

/** The server that skips the time knows no update-with-start. */
async function begun(world: World, order: Parameters<World['write']>[0] = {}): Promise<string> {
  const written = await world.write({ placeBefore: new Date('2999-01-01'), ...order });
  await world.start(written);
  await world.orderHandle(written.orderId).executeUpdate(messages.placeOrder);
  return written.orderId;
}

async function waiting(world: World, order: Parameters<World['place']>[0] = {}) {
  const sku = await world.newSku({}, { backorder: { limit: 10, leadDays: 5 } });
  const expectedAt = new Date(Date.now() + 5 * 86_400_000);
  const placed = await world.place({ items: [{ sku, quantity: 1 }], acceptsBackorder: true, expectedAt, ...order });
  return { ...placed, sku };
}

async function shipment(
  world: World,
  as: 'picked' | 'ready' | 'shipped',
  tracking?: messages.TrackingStatus,
): Promise<string> {
  const { orderId } = await world.place();
  const [first] = await world.shipmentsOf(orderId);
  await world.pickAll(first!.id);
  if (as === 'picked') await world.shipmentReaches(orderId, first!.id, 'picked');
  else await world.pack(orderId, first!.id);
  if (as === 'shipped') await world.handOver(orderId, first!.id);
  if (tracking) {
    await world.carrierSays(first!.id, tracking);
    // A lost one is given up only by whoever answers.
    await world.shipmentReaches(orderId, first!.id, tracking === 'lost' ? 'exception' : (tracking as never));
  }
  return workflowIds.order(orderId);
}

async function broughtBack(world: World): Promise<string> {
  const orderWorkflowId = await shipment(world, 'shipped', 'returned_to_sender');
  const orderId = orderWorkflowId.replace('order-', '');
  const { returns } = world.mongo.models;
  await until(
    async () => (await returns.findOne({ orderId }).lean())?.state?.waitingFor !== undefined,
    'it is awaited',
  );
  return workflowIds.return((await returns.findOne({ orderId }).lean().orFail())._id);
}

async function returned(
  world: World,
  as: 'requested' | 'approved' | 'in_transit' | 'received' | 'completed',
): Promise<string> {
  const orderId = await world.delivered();
  const { models } = world.mongo;
  if (as === 'requested') {
    // Too long ago to be approved without a person.
    const deliveredAt = new Date(Date.now() - 40 * 86_400_000).toISOString();
    await models.orders.updateOne({ _id: orderId }, { $set: { 'state.shipments.0.deliveredAt': deliveredAt } });
  }
  const line = { lineId: 'line_1', quantity: 2 };
  const returnId = await world.sendBack(orderId, [line]);
  const handle = world.returnHandle(returnId);
  if (as === 'requested') {
    const waitsFor = async () => (await models.returns.findById(returnId).lean())?.state?.waitingFor?.event;
    await until(async () => (await waitsFor()) === 'approval', 'it waits for a decision');
    return workflowIds.return(returnId);
  }
  await world.returnReaches(returnId, 'approved');
  if (as === 'in_transit') {
    const labelled = async () => (await models.returns.findById(returnId).lean())?.label;
    await until(async () => (await labelled()) !== undefined, 'its label is bought');
    const label = await labelled();
    await world.control(world.carrier.url, 'POST', `/_sandbox/tracking/${label!.trackingNumber}`, {
      status: 'in_transit',
    });
    await world.returnReaches(returnId, 'in_transit');
  }
  if (as === 'received' || as === 'completed') {
    const input = { lines: [{ ...line, reception: 'received' as const }], actor };
    await handle.executeUpdate(messages.receiveReturn, { args: [input] });
  }
  if (as === 'completed') {
    const input = { lines: [{ ...line, disposition: 'restock' as const }], actor };
    await handle.executeUpdate(messages.inspectReturn, { args: [input] });
    await handle.result();
  }
  return workflowIds.return(returnId);
}

async function disputed(world: World, outcome?: 'won' | 'lost'): Promise<string> {
  const { orderId } = await world.place({ paymentMethod: 'pm_card_createDispute' });
  const [first] = await world.shipmentsOf(orderId);
  await world.makeReady(orderId, first!.id);
  await world.reaches(orderId, 'on_hold');
  const bank = createBank(world);
  const disputeId = await bank.ofOrder(orderId);
  await bank.isStaged(disputeId);
  const workflowId = workflowIds.dispute(disputeId);
  if (outcome) await decided(world, workflowId, outcome);
  return workflowId;
}

async function polled(world: World, type: 'pollCarrier' | 'pollStripe'): Promise<string> {
  const workflowId = type === 'pollCarrier' ? 'poll-carrier' : 'poll-stripe';
  const args = type === 'pollCarrier' ? ['sandbox'] : [];
  const handle = await world.client.workflow.start(type, { workflowId, taskQueue: messages.taskQueues.orders, args });
  await handle.result();
  return handle.workflowId;
}

async function decided(world: World, workflowId: string, outcome: 'won' | 'lost'): Promise<void> {
  const bank = createBank(world);
  const disputeId = workflowId.replace(/^dispute-/, '');
  await bank.decide(disputeId, outcome);
  await bank.result(disputeId);
}

async function answerDispute(world: World, workflowId: string, answer: 'submit' | 'accept'): Promise<void> {
  const bank = createBank(world);
  const disputeId = workflowId.replace(/^dispute-/, '');
  await bank.answer(disputeId, answer);
  if (answer === 'submit') await bank.isSent(disputeId);
}

async function warned(world: World, answer: 'refund' | 'skip'): Promise<string> {
  const { orderId } = await world.place();
  const bank = createBank(world);
  const disputeId = await bank.warn(orderId);
  await bank.answer(disputeId, answer);
  await bank.result(disputeId);
  return workflowIds.dispute(disputeId);
}

/** Settled: the order in exchange is paid, and to be picked. */
async function exchanged(world: World) {
  const exchanges = createExchanges(world);
  const found = await exchanges.agreed({ release: 'on_receipt' });
  await exchanges.takenBack(found.returnId);
  await exchanges.completed(found.returnId);
  await world.reaches(found.exchangeId, 'confirmed');
  return found;
}
