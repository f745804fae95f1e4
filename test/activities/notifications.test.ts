import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readMailTexts } from '../../activities/mail-texts.ts';
import { sendDueMails } from '../../activities/notifications.ts';
import { queueMails } from '../../activities/orders.ts';
import { createMailer } from '../../activities/providers/mail.ts';
import { storeSettings } from '../../activities/store-settings.ts';
import { defaultSettings } from '../../models/store.ts';
import { connectMongo, type Mongo } from '../../platform/mongo.ts';
import { startMailbox } from '../../sandbox/mailbox.ts';
import { newDatabaseUri } from '../support/servers.ts';
import { newShipment, pickLine } from '../support/shipments.ts';
import { until } from '../support/until.ts';

let mongo: Mongo;
let mailbox: Awaited<ReturnType<typeof startMailbox>>;
const to = 'buyer@example.com';
const orderId = 'ord_1';
const texts = readMailTexts();

beforeAll(async () => {
  mongo = await connectMongo(newDatabaseUri());
  mailbox = await startMailbox({});
  const shipTo = { name: 'Buyer', line1: 'Street 1', city: 'Town', postalCode: '10001', country: 'US' };
  const now = new Date();
  const none = { discounts: [], taxes: [], tax: 0 };
  const mugs = { ...none, lineId: 'line_1', sku: 'MUG', name: 'Mug', weightGrams: 1, quantity: 2, unitPrice: 950 };
  const post = { ...none, method: 'post', name: 'Post', earliest: '2026-12-01', promisedBy: '2026-12-03' };
  const order = {
    ...{ currency: 'USD', items: [], rev: 1, status: 'cancelled' as const, total: 2_375, credit: 375 },
    lines: [{ ...mugs, subtotal: 1_900, net: 1_700, total: 1_700, allocations: [] }],
    shipping: { ...post, subtotal: 500, net: 500, total: 500 },
    pricing: {
      ...{ taxInclusive: false, subtotal: 2_400, discount: 200, net: 2_200, tax: 175 },
      promotions: [{ id: 'sale', name: 'Sale', amount: 200 }],
      taxes: [{ name: 'Sales tax', ppm: 79_500, base: 2_200, amount: 175 }],
    },
  };
  await mongo.models.orders.create([
    { ...order, _id: orderId, createdAt: now, placeBefore: now, customer: { email: to, name: 'Buyer' }, shipTo },
  ]);
  const refund = { orderId, paymentId: 'pay_1', workflowId: 'refund-ref_1', reason: 'goodwill', actor: 'test' };
  await mongo.models.refunds.create([
    {
      ...refund,
      _id: 'ref_1',
      key: 'ref_1',
      amount: 500,
      credited: 125,
      currency: 'USD',
      status: 'succeeded',
      createdAt: now,
    },
  ]);
});
afterAll(async () => {
  await mailbox.stop();
  await mongo.connection.dropDatabase();
  await mongo.close();
});

interface Message {
  subject: string;
  text: string;
  html: string;
  headers: Record<string, string>;
}

async function inbox(recipient: string): Promise<Message[]> {
  const response = await fetch(`${mailbox.url}/messages?to=${encodeURIComponent(recipient)}`);
  return response.json() as Promise<Message[]>;
}

async function send(smtpUrl: string): Promise<string[]> {
  const mailer = createMailer({ smtpUrl, from: 'store@shop.example' });
  const failures: string[] = [];
  const options = { publicUrl: 'https://shop.example', secret: 'a secret of at least 32 characters', texts };
  await sendDueMails(mongo, mailer, options, (_mail, why) => failures.push(why));
  mailer.close();
  return failures;
}

test('the mails of an order come in the order of what happened, and money back says how much', async () => {
  const templates = ['order_confirmed', 'order_cancelled', 'refunded'] as const;
  for (const template of templates) {
    const key = `${orderId}:${template}${template === 'refunded' ? ':ref_1' : ''}`;
    await queueMails(mongo, orderId, [{ key, template }]);
  }
  expect(await send(mailbox.smtpUrl)).toEqual([]);
  const messages = await inbox(to);
  expect(messages.map(({ subject }) => subject)).toEqual([
    `Your order ${orderId} is confirmed`,
    `Your order ${orderId} is cancelled`,
    `Money back for order ${orderId}`,
  ]);
  expect(messages[0]!.text).toContain(
    [
      '2 × Mug: $19.00',
      'Post, by December 3, 2026: $5.00',
      'Sale: -$2.00',
      'Sales tax 7.95%: $1.75',
      'Total: $23.75',
      'Paid with store credit: $3.75',
    ].join('\n'),
  );
  expect(messages[2]!.text).toContain('$3.75 are on the way');
  expect(messages[2]!.text).toContain('$1.25 are store credit again');
  expect(messages.map(({ html }) => html)).toEqual(messages.map(() => expect.stringMatching(/^<!doctype html>/)));
});

test('who may send something back is told with which label, at what cost and until when; or where to', async () => {
  const sendTo = { name: 'Shop', line1: 'Dock 1', city: 'Newark', region: 'NJ', postalCode: '07101', country: 'US' };
  const label = {
    id: 'lbl_1',
    carrier: 'sandbox',
    service: 'standard',
    trackingNumber: 'T1',
    cost: 500,
    currency: 'USD',
  };
  const url = 'https://carrier.example/labels/lbl_1.pdf';
  const state = { waitingFor: { event: 'return_arrival', deadline: '2027-01-08T12:00:00.000Z' } };
  const common = { orderId, warehouseId: 'newark', createdAt: new Date(), by: 'customer', lines: [], sendTo, rev: 1 };
  const decided = { decision: { decision: 'approve', because: 'Within the return policy' }, status: 'approved', state };
  await mongo.models.returns.collection.insertMany([
    { ...common, ...decided, _id: 'ret_1', sending: { label: true, fee: 490 }, label: { ...label, url } },
    { ...common, ...decided, _id: 'ret_2', sending: { label: false, fee: 0 } },
  ] as never);
  const before = (await inbox(to)).length;
  for (const id of ['ret_1', 'ret_2'])
    await queueMails(mongo, orderId, [{ key: `${id}:return_approved`, template: 'return_approved' }]);
  expect(await send(mailbox.smtpUrl)).toEqual([]);
  const [withLabel, without] = (await inbox(to)).slice(before);
  expect(withLabel!.text).toContain(url);
  expect(withLabel!.text).toContain('The label costs $4.90');
  expect(withLabel!.text).toContain('by January 8, 2027');
  expect(withLabel!.text).not.toContain('Dock 1');
  expect(without!.text).toContain('Please send them to: Shop, Dock 1, 07101 Newark, NJ, US.');
  expect(without!.text).not.toContain('label');
});

test('why a mail was not sent is kept without the address', async () => {
  await queueMails(mongo, orderId, [{ key: `${orderId}:delivered:shp_1`, template: 'delivered' }]);
  const [why] = await send('smtp://127.0.0.1:1');
  expect(why).toContain('ESOCKET');
  const kept = await mongo.models.mails.findById(`${orderId}:delivered:shp_1`).lean();
  expect(kept).toMatchObject({ sentAt: null, tries: 1, failure: why });
  expect(JSON.stringify(kept)).not.toContain(to);
});

test('parcels are told of in the language of the customer, with what the store says of itself', async () => {
  const customer = { email: 'konrad@example.com', name: 'Konrad <b>Zuse</b>', language: 'de-AT' };
  const { _id, ...order } = await mongo.models.orders.findById(orderId).lean().orFail();
  await mongo.models.orders.create([{ ...order, _id: 'ord_2', customer }]);
  const lines = [pickLine('line_1', 'MUG', 2, { name: 'Tasse & <Co>', picked: 2, state: 'picked' })];
  const label = { id: 'lbl_1', carrier: 'sandbox', service: 'standard', url: 'https://carrier.example/T123.pdf' };
  await mongo.models.shipments.create([
    newShipment({
      ...{ _id: 'shp_2', orderId: 'ord_2', lines },
      parcels: [
        {
          ...{ id: 'pcl_1', weightGrams: 900, lengthMm: 300, widthMm: 200, heightMm: 100 },
          units: [{ lineId: 'line_1', quantity: 2 }],
          label: { ...label, trackingNumber: 'T123', cost: 1, currency: 'EUR', boughtAt: new Date() },
        },
      ],
    }),
  ]);
  const mail = { storeName: 'Rechnerei', replyTo: 'hilfe@shop.example', footer: 'Rechnerei e. K., Berlin' };
  await mongo.models.settings.replaceOne({ _id: 'store' }, { ...defaultSettings, mail }, { upsert: true });
  await queueMails(mongo, 'ord_2', [
    { key: 'ord_2:shipped:shp_2', template: 'shipped' },
    { key: 'ord_2:out_for_delivery:shp_2', template: 'out_for_delivery' },
  ]);
  // Settings are remembered for a second.
  await until(async () => (await storeSettings(mongo)).mail !== undefined, 'the settings are read');
  expect(await send(mailbox.smtpUrl)).toEqual([]);
  const [shipped, out] = await inbox(customer.email);
  expect([shipped!.subject, out!.subject]).toEqual([
    'Ein Paket Ihrer Bestellung ord_2 ist unterwegs',
    'Ihre Bestellung ord_2 wird zugestellt',
  ]);
  expect(shipped!.headers).toMatchObject({
    'auto-submitted': 'auto-generated',
    'content-language': 'de',
    'reply-to': mail.replyTo,
    'message-id': '<ord_2%3Ashipped%3Ashp_2@shop.example>',
  });
  expect(shipped!.text).toContain('2 × Tasse & <Co>\nSendungsnummer: T123\n');
  expect(shipped!.html).toContain('2 × Tasse &amp; &lt;Co&gt;');
  expect(shipped!.html).toContain('Guten Tag Konrad &lt;b&gt;Zuse&lt;/b&gt;,');
  expect(shipped!.html).toContain(mail.footer);
  expect(shipped!.html).not.toContain('T123.pdf');
});
