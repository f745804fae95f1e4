import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { workflowIds } from '../../workflows/messages.ts';
import { writeOrder } from '../support/orders.ts';
import { startApi, type TestApi } from './support.ts';

let api: TestApi;
let orderId: string;
beforeAll(async () => {
  api = await startApi();
  orderId = (await writeOrder(api.mongo, 'MUG', 2)).state.orderId;
  const about = { orderId, paymentId: 'pay_1', currency: 'USD', amount: 2, reason: 'general' };
  await api.mongo.models.disputes.create([
    { ...about, _id: 'du_old', kind: 'chargeback', status: 'lost', withdrawn: 2, createdAt: new Date(1_000) },
    { ...about, _id: 'du_open', kind: 'chargeback', status: 'open', withdrawn: 2, createdAt: new Date(2_000) },
    { ...about, _id: 'issfr_1', kind: 'fraud_warning', status: 'open', createdAt: new Date(3_000) },
  ]);
  const workflowId = workflowIds.dispute('du_open');
  await api.client.workflow.start('dispute', { workflowId, taskQueue: 'nobody', args: [{ disputeId: 'du_open' }] });
});
afterAll(() => api.stop());

const ask = (method: string, path: string, body?: object) =>
  api.ask(method, `/v1/disputes${path}`, { token: api.tokens.support, ...(body && { body }) });

test('disputes are listed, the newest first, and by their status', async () => {
  const { body } = await ask('GET', '');
  expect(body).toMatchObject({
    disputes: [{ id: 'issfr_1' }, { id: 'du_open', kind: 'chargeback', withheld: 2, orderId }, { id: 'du_old' }],
    next: null,
  });
  expect((await ask('GET', '?status=lost')).body).toMatchObject({ disputes: [{ id: 'du_old' }] });
  expect((await ask('GET', '/du_nothing')).status).toBe(404);
});

test('support sees what the bank would be told, adds words to it and leaves fields out', async () => {
  const before = (await ask('GET', '/du_open')).body as { evidence: { fields: Record<string, string> } };
  expect(before.evidence.fields).toMatchObject({ customer_name: 'Buyer', customer_email_address: 'buyer@example.com' });
  const adjusted = await ask('PUT', '/du_open/evidence', { text: 'She wrote to us.', leaveOut: ['customer_name'] });
  expect(adjusted.status).toBe(200);
  const { evidence } = adjusted.body as typeof before;
  expect(evidence.fields).not.toHaveProperty('customer_name');
  expect(evidence.fields.uncategorized_text).toMatch(/She wrote to us\.$/);
  expect((await ask('GET', '/du_open')).body).toEqual(adjusted.body);
  expect(api.sent).toContain('signal evidenceChanged');
  expect((await ask('PUT', '/du_open/evidence', { leaveOut: ['customer_purchase_ip'] })).status).toBe(400);
});

test.each(['du_old', 'issfr_1'])('%s takes no evidence', async (id) => {
  const refused = await ask('PUT', `/${id}/evidence`, { text: 'Too late.' });
  expect(refused).toMatchObject({ status: 409, body: { type: expect.stringContaining('not-allowed-now') } });
});
