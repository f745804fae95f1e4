/** Stories of money: cards, banks, refunds and what Stripe does to replies. */
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DisputeView } from '../shop/client.ts';
import { eventually, play } from '../shop/outside.ts';
import {
  deliver,
  ending,
  euros,
  german,
  handOverAndFollow,
  openIncident,
  parcel,
  pick,
  place,
  request,
  type Stage,
  type Story,
} from './acts.ts';

export const storiesOfMoney: Story[] = [
  {
    title: 'Declined, then another card',
    expected: 'completed, captured, delivered',
    async play(stage, tell) {
      const placed = await place(stage, tell, { paymentMethod: 'pm_card_visa_chargeDeclined' });
      tell(`declined (${placed.payment?.declineCode}); the stock stays held`);
      await stage.shop.pay(placed.order.id, placed.link.token, 'pm_card_mastercard');
      tell('paid with another card');
      await deliver(stage, tell, placed.order.id);
      return ending(stage, placed.order.id);
    },
  },
  {
    title: '3-D Secure',
    expected: 'completed, captured, delivered',
    async play(stage, tell) {
      const placed = await place(stage, tell, {
        currency: 'EUR',
        paymentMethod: 'pm_card_authenticationRequired',
        ...german,
      });
      tell('the bank asks the customer');
      const intent = placed.payment!.clientSecret!.split('_secret_')[0];
      await play(stage.stripeUrl, 'POST', `/payment_intents/${intent}/authenticate`, { outcome: 'succeed' });
      await stage.shop.backFromTheBank(placed.order.id, placed.link.token);
      await eventually('the payment is confirmed', async () => {
        const { status } = await stage.shop.order(placed.order.id);
        return status === 'confirmed' ? status : undefined;
      });
      tell('confirmed at the bank');
      await deliver(stage, tell, placed.order.id);
      return ending(stage, placed.order.id);
    },
  },
  {
    title: 'Store credit and a card, in euros, with an invoice',
    expected: 'completed, captured, delivered',
    async play(stage, tell) {
      const { shop } = stage;
      const { email, name } = german.customer;
      const { id: customerId } = await shop.createCustomer(email, name);
      await shop.grantCredit(customerId, 'EUR', 2_000, 'For the chipped mug');
      const { token } = await shop.signIn(customerId);
      const items = [
        { sku: 'KETTLE-1L', quantity: 1 },
        { sku: 'FILTER-100', quantity: 3 },
      ];
      const order = request({ items, currency: 'EUR', useStoreCredit: true, ...german });
      const placed = await shop.buy(order, token);
      const { id, total, tax, payment } = placed.order;
      tell(`${euros(total)} with ${euros(tax)} VAT in it: ${euros(payment!.credit)} by credit, the rest by card`);
      await deliver(stage, tell, id);
      const [invoice] = await shop.invoices(id, placed.link.token);
      const file = join(tmpdir(), `waybill-demo-${invoice!.number}.pdf`);
      await writeFile(file, await shop.invoicePdf(invoice!.href, placed.link.token));
      tell(`invoiced as ${invoice!.number}: ${file}`);
      const ended = await ending(stage, id);
      return { ...ended, document: `${invoice!.number}: ${file}` };
    },
  },
  {
    title: 'A bank debit that takes its time',
    expected: 'completed, captured, delivered',
    async play(stage, tell) {
      const payment_method = 'pm_usBankAccount_processing';
      const token = (await play(stage.stripeUrl, 'POST', '/confirmation_tokens', { payment_method })) as { id: string };
      const placed = await place(stage, tell, { paymentMethod: token.id });
      tell('the bank has it: the goods are held, and nothing is sent');
      const { payment_intents } = (await play(stage.stripeUrl, 'GET', '/state/payment_intents')) as AtStripe;
      const { id } = payment_intents.find(({ metadata }) => metadata.orderId === placed.order.id)!;
      await play(stage.stripeUrl, 'POST', `/payment_intents/${id}/settle`, { outcome: 'succeeded' });
      await isConfirmed(stage, placed.order.id);
      tell('the money is here');
      await deliver(stage, tell, placed.order.id);
      return ending(stage, placed.order.id);
    },
  },
  {
    title: 'A reply of Stripe that gets lost',
    expected: 'completed, captured, delivered',
    async play(stage, tell) {
      const placed = await place(stage, tell, { items: [{ sku: 'MUG-BLUE', quantity: 1 }] });
      // Twice: the library of Stripe tries once more by itself.
      const fault = { operation: 'payment_intents.capture', kind: 'lose_reply', times: 2 };
      await play(stage.stripeUrl, 'POST', '/faults', fault);
      tell('Stripe captures, and two replies get lost on the way');
      await deliver(stage, tell, placed.order.id);
      return ending(stage, placed.order.id);
    },
  },
  {
    title: 'Two mugs, one of them broken: a refund',
    expected: 'completed, partially_refunded, delivered',
    async play(stage, tell) {
      const placed = await place(stage, tell, { items: [{ sku: 'MUG-SAND', quantity: 2 }] });
      const { id, lines } = placed.order;
      await deliver(stage, tell, id);
      const { id: refundId } = await stage.shop.refundLine(id, lines[0]!.lineId, 1, 'Broken on arrival');
      await eventually('the refund has arrived', async () => {
        const { refunds } = await stage.shop.order(id);
        return refunds.find((refund) => refund.id === refundId)?.status === 'succeeded' ? true : undefined;
      });
      tell('one of them is paid back, with its share of the tax');
      return ending(stage, id);
    },
  },
  {
    title: 'A chargeback, answered and won',
    expected: 'completed, captured, delivered',
    async play(stage, tell) {
      const placed = await place(stage, tell, { paymentMethod: 'pm_card_createDisputeProductNotReceived' });
      const { id } = placed.order;
      await pickAndPack(stage, id);
      const { id: disputeId } = await disputeIs(stage, id, () => true);
      tell('captured, and the bank has taken it back: the parcel stays here');
      const incident = await openIncident(stage, id, 'hold');
      await stage.shop.answer(id, incident.id, 'release');
      const [shipment] = (await stage.shop.order(id)).shipments;
      await handOverAndFollow(stage, tell, id, shipment!.id);
      await disputeIs(stage, id, ({ evidence }) => evidence?.sentAt !== undefined);
      tell('delivered: the bank is told so, with tracking and invoice');
      await play(stage.stripeUrl, 'POST', `/disputes/${disputeId}/decide`, { outcome: 'won' });
      await disputeIs(stage, id, ({ status }) => status === 'won');
      tell('the bank has given it back');
      return ending(stage, id);
    },
  },
];

interface AtStripe {
  payment_intents: { id: string; metadata: { orderId?: string } }[];
}

async function isConfirmed({ shop }: Stage, orderId: string): Promise<void> {
  await eventually('the payment is confirmed', async () => {
    const { status } = await shop.order(orderId);
    return status === 'confirmed' ? status : undefined;
  });
}

async function pickAndPack(stage: Stage, orderId: string): Promise<void> {
  const [shipment] = (await stage.shop.order(orderId)).shipments;
  await pick(stage, shipment!.id);
  await stage.shop.pack(shipment!.id, parcel);
}

async function disputeIs(
  { shop }: Stage,
  orderId: string,
  isSo: (dispute: DisputeView) => boolean,
): Promise<DisputeView> {
  return eventually('the dispute is heard of', async () => {
    const dispute = await shop.dispute(orderId);
    return dispute && isSo(dispute) ? dispute : undefined;
  });
}
