import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { newKey, startApi, type TestApi } from './support.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());

const ada = { email: 'ada@example.com', name: 'Ada' };
const keep = (body: object) =>
  api.ask('POST', '/v1/customers', { token: api.tokens.support, headers: newKey(), body: { ...ada, ...body } });

test('a customer has a language, in its usual form, until it is taken away', async () => {
  const { status, body } = await keep({ language: 'de-latn-at-u-nu-arab', taxExempt: { reason: 'Embassy' } });
  expect([status, body.language]).toEqual([201, 'de-Latn-AT']);
  const path = `/v1/customers/${body.id}`;
  const put = (changes: object) => api.ask('PUT', path, { token: api.tokens.support, body: { ...ada, ...changes } });
  const get = async () => (await api.ask('GET', path, { token: api.tokens.support })).body;
  expect(await get()).toMatchObject({ language: 'de-Latn-AT', taxExempt: { reason: 'Embassy' } });
  await put({ language: 'en' });
  expect(await get()).toEqual({ ...ada, id: body.id, createdAt: body.createdAt, language: 'en' });
  await put({});
  expect(await get()).toEqual({ ...ada, id: body.id, createdAt: body.createdAt });
});

test.each(['de_DE', 'German, please', 'd', ''])('"%s" is no language', async (language) => {
  const answer = await keep({ language });
  expect(answer).toMatchObject({ status: 400, body: { errors: [{ in: 'body', field: 'language' }] } });
});
