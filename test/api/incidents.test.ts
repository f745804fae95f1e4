/** Support answers what waits for a person, all of one cause at once. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createToken } from '../../activities/staff-tokens.ts';
import { serve } from '../support/serve.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let api: Awaited<ReturnType<typeof serve>>;
let support: string;

beforeAll(async () => {
  world = await startWorld();
  api = await serve(world);
  support = (await createToken(world.mongo, 'support')).token;
});
afterAll(async () => {
  await api.stop();
  await world.stop();
});

const nowhere = { name: 'Buyer', line1: 'Nowhere 1', city: 'Town', region: 'NY', postalCode: '10001', country: 'US' };
const answerAll = (body: object) => api.ask('POST', '/v1/incidents/answer', body, support);

test('every incident of a cause is answered, and no other', async () => {
  await world.setFulfilment({ checkAddresses: true });
  const orders = await Promise.all(Array.from({ length: 12 }, () => world.place({ shipTo: nowhere })));
  for (const { orderId } of orders) await world.incident(orderId, 'undeliverable_address');
  const { orderId: other } = await world.place();
  await world.browser(other, 'expire');
  await world.incident(other, 'payment_renewal');

  const answered = await answerAll({ cause: 'undeliverable_address', answer: 'skip' });
  expect(answered).toMatchObject({ status: 202, body: { answered: 12, ended: 0, failed: 0 } });
  const left = async () => {
    const states = await Promise.all(orders.map(({ orderId }) => world.stateOf(orderId)));
    return states.flatMap(({ incidents }) => incidents).length;
  };
  await until(async () => (await left()) === 0, 'nobody is needed any more');
  expect((await world.stateOf(other)).incidents).toMatchObject([{ cause: 'payment_renewal' }]);
  // One that does not offer the answer is not told it.
  expect(await answerAll({ cause: 'payment_renewal', answer: 'reship' })).toMatchObject({ body: { answered: 0 } });
});
