import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { issueCreditNote, issueInvoice, readInvoicePdf } from '../../activities/invoices.ts';
import { seller, setSeller, writeRefund, writeSold } from '../support/invoices.ts';
import { startApi, type TestApi } from './support.ts';

let api: TestApi;
let orderId: string;
let other: string;
beforeAll(async () => {
  api = await startApi();
  await setSeller(api.mongo, seller);
  [orderId, other] = await Promise.all([writeSold(api.mongo), writeSold(api.mongo)]);
  for (const each of [orderId, other])
    await issueInvoice(api.mongo, { orderId: each, paid: { card: 2380, credit: 0 } });
  await issueCreditNote(api.mongo, { refundId: await writeRefund(api.mongo, orderId, 1190) });
});
afterAll(() => api.stop());

const list = async (of: string) =>
  (await api.ask('GET', `/v1/orders/${of}/invoices`, { token: api.linkTokenOf(of) })).body.invoices;

test("the owner sees the order's documents, the oldest first", async () => {
  const invoices = await list(orderId);
  expect(invoices).toMatchObject([
    { kind: 'invoice', number: expect.stringMatching(/^INV-/), currency: 'EUR', net: 2000, tax: 380, total: 2380 },
    { kind: 'credit_note', number: expect.stringMatching(/^CN-/), currency: 'EUR', net: 1000, tax: 190, total: 1190 },
  ]);
});

test('each as a PDF, under its number', async () => {
  const [{ id, number, href }] = await list(orderId);
  const { status, headers, body } = await api.ask('GET', href, { token: api.linkTokenOf(orderId) });
  expect(status).toBe(200);
  expect(headers.get('content-type')).toBe('application/pdf');
  expect(headers.get('content-disposition')).toBe(`inline; filename="${number}.pdf"`);
  expect(headers.get('cache-control')).toBe('no-store');
  expect(Number(headers.get('content-length'))).toBe((await readInvoicePdf(api.mongo, id)).length);
  expect(body.slice(0, 5)).toBe('%PDF-');
});

test("another order's document, and one that is not there, are not found, also for staff", async () => {
  const [{ id }] = await list(other);
  for (const invoiceId of [id, 'inv_none', 'none']) {
    for (const token of [api.linkTokenOf(orderId), api.tokens.support]) {
      expect((await api.ask('GET', `/v1/orders/${orderId}/invoices/${invoiceId}/pdf`, { token })).status).toBe(404);
    }
  }
  expect((await api.ask('GET', '/v1/orders/ord_none/invoices', { token: api.tokens.support })).status).toBe(404);
});

test('the document of the API says that it is a PDF', async () => {
  const { paths } = (await api.ask('GET', '/openapi.json')).body;
  const { content } = paths['/v1/orders/{id}/invoices/{invoiceId}/pdf'].get.responses['200'];
  expect(content).toEqual({ 'application/pdf': { schema: { type: 'string', format: 'binary' } } });
});
