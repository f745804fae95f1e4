/** What customers claim of goods that did not come as they should, over the REST API. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openCustomerClaim } from '../../activities/claims.ts';
import { openReturn } from '../../activities/returns/opening.ts';
import { createToken } from '../../activities/staff-tokens.ts';
import { startForgotten } from '../../activities/starts.ts';
import { newId } from '../../models/id.ts';
import { defaultSettings } from '../../models/store.ts';
import { linkToken } from '../../platform/link-token.ts';
import type { ClaimRules } from '../../workflows/domain/claims.ts';
import { config } from '../api/support.ts';
import { createBank } from '../support/disputes.ts';
import { serve } from '../support/serve.ts';
import { price } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { createWarehouse } from '../support/warehouse.ts';
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

const line = 'line_1';
const owner = (orderId: string) => linkToken(config.WAYBILL_SECRET, orderId);
const words = 'Its handle is off';
const claimed = (body: object = {}) => ({
  ...{ kind: 'damaged', lines: [{ lineId: line, quantity: 1 }], wants: 'refund', description: words },
  ...body,
});
const claim = (orderId: string, body: object = {}, key?: string) =>
  api.ask('POST', `/v1/orders/${orderId}/claims`, claimed(body), owner(orderId), key);
const decide = (claimId: string, body: object = {}) =>
  api.ask('POST', `/v1/claims/${claimId}/decide`, { approve: true, reason: 'Seen', ...body }, support);
const read = async (claimId: string) => (await api.ask('GET', `/v1/claims/${claimId}`, undefined, support)).body;
const orderOf = async (orderId: string) => (await api.ask('GET', `/v1/orders/${orderId}`, undefined, support)).body;
const refundsOf = async (orderId: string) => (await world.atStripe(orderId)).refunds;

async function opened(orderId: string, body: object = {}): Promise<string> {
  const answer = await claim(orderId, body);
  expect(answer).toMatchObject({ status: 201, body: { status: 'open', orderId } });
  return answer.body.id;
}

async function claimReaches(claimId: string, status: string): Promise<void> {
  await until(async () => (await read(claimId)).status === status, `${claimId} is ${status}`);
}

/** Workers remember the settings for a second. */
async function setRules(claims?: ClaimRules): Promise<void> {
  const settings = { ...defaultSettings, ...(claims && { claims }) };
  await world.mongo.models.settings.replaceOne({ _id: 'store' }, settings, { upsert: true });
  await new Promise((resolve) => setTimeout(resolve, 1_100));
}

async function shipped(quantity = 2): Promise<{ orderId: string; shipmentId: string; sku: string }> {
  const sku = await world.newSku({ wh_east: 3 * quantity });
  const { orderId } = await world.place({ items: [{ sku, quantity }] });
  const [shipment] = await world.shipmentsOf(orderId);
  await world.ship(orderId, shipment!.id);
  return { orderId, shipmentId: shipment!.id, sku };
}

const reshipsOf = (claimId: string) => world.mongo.models.orders.find({ reshipOf: claimId }).lean();
const carrierClaimsOf = (orderId: string) => world.mongo.models.carrierClaims.find({ orderId }).lean();

describe('an approved claim', () => {
  test('of a broken unit is paid back without a return, claimed from the carrier, and on the timeline with its reasons', async () => {
    const { orderId, shipmentId, sku } = await shipped();
    await world.carrierSays(shipmentId, 'delivered');
    await world.reaches(orderId, 'completed');
    const stock = await world.stock(sku, 'wh_east');
    const claimId = await opened(orderId, {
      evidence: [{ url: 'https://pictures.example/1.jpg', note: 'The handle' }],
    });
    expect(await decide(claimId, { reason: 'The picture shows it' })).toMatchObject({ status: 200 });
    await claimReaches(claimId, 'settled');
    expect(await refundsOf(orderId)).toEqual([price]);
    expect(await world.stock(sku, 'wh_east')).toEqual(stock);
    expect(await carrierClaimsOf(orderId)).toMatchObject([{ amount: price, why: 'damaged', claimIds: [claimId] }]);
    expect(await reshipsOf(claimId)).toEqual([]);

    const seen = await orderOf(orderId);
    const { refundId } = seen.claims[0].outcome;
    expect(seen.claims).toMatchObject([
      {
        ...{ id: claimId, status: 'settled', kind: 'damaged', worth: price, description: 'Its handle is off' },
        outcome: { how: 'refund', amount: price },
        decision: { how: 'refund', why: 'The picture shows it' },
      },
    ]);
    expect(seen.refunds).toMatchObject([{ id: refundId, amount: price }]);
    const ofClaim = seen.timeline.filter(({ what }: { what: string }) => what.includes(claimId));
    expect(ofClaim).toMatchObject([
      { what: `Claimed: damaged (${claimId})`, actor: 'customer' },
      { what: `Approved: refund (${claimId})`, why: 'The picture shows it', before: 'open', after: 'approved' },
      { what: expect.stringMatching(/^Claimed from the carrier: clm_/) },
      { what: expect.stringMatching(/^Refund ref_\w+ of .*19.99.* opened/) },
      { what: expect.stringMatching(/succeeded/) },
      { what: `Settled (${claimId})`, before: 'approved', after: 'settled' },
    ]);
    const mine = (await api.ask('GET', `/v1/orders/${orderId}`, undefined, owner(orderId))).body;
    expect(mine.claims).toMatchObject([{ id: claimId, status: 'settled', outcome: { how: 'refund', amount: price } }]);
    expect(JSON.stringify(mine)).not.toMatch(/The picture shows it|tok_/);
    expect(await world.mailsOf(orderId)).toEqual(
      expect.arrayContaining(['claim_received', 'claim_approved', 'refunded']),
    );
  });

  test.each(['missing', 'wrong_item'] as const)(
    'of what is %s is sent again at no charge, linked both ways',
    async (kind) => {
      const { orderId, shipmentId, sku } = await shipped();
      await world.carrierSays(shipmentId, 'delivered');
      await world.reaches(orderId, 'completed');
      const claimId = await opened(orderId, { kind, wants: 'reship' });
      await decide(claimId);
      await claimReaches(claimId, 'settled');
      const [again] = await reshipsOf(claimId);
      expect(again).toMatchObject({ total: 0, items: [{ sku, quantity: 1 }] });
      await world.reaches(again!._id, 'confirmed');
      await world.deliver(again!._id);
      expect(await refundsOf(orderId)).toEqual([]);
      expect((await world.atStripe(again!._id)).authorizations).toBe(0);
      expect(await carrierClaimsOf(orderId)).toHaveLength(kind === 'missing' ? 1 : 0);
      const seen = await orderOf(orderId);
      expect(seen.links).toEqual([
        { kind: 'sent_again_by', orderId: again!._id, status: 'completed', source: claimId },
      ]);
      expect(seen.claims).toMatchObject([{ outcome: { how: 'reship', reshipOrderId: again!._id } }]);
      expect((await orderOf(again!._id)).links).toEqual([
        { kind: 'sends_again', orderId, status: 'completed', source: claimId },
      ]);
    },
  );

  test('is paid back as store credit where its customer wants that, and support may choose otherwise', async () => {
    await world.mongo.models.customers.create([
      { _id: 'cus_claims', email: 'claims@example.com', name: 'C', createdAt: new Date() },
    ]);
    const orderId = await world.delivered({ customerId: 'cus_claims' });
    const claimId = await opened(orderId, { wants: 'reship', refundTo: 'store_credit' });
    await decide(claimId, { how: 'refund' });
    await claimReaches(claimId, 'settled');
    expect(await refundsOf(orderId)).toEqual([]);
    expect(await world.mongo.models.creditAccounts.findById('cus_claims:USD').lean()).toMatchObject({ balance: price });
  });
});

describe('a claim is refused', () => {
  const all = { lines: [{ lineId: line, quantity: 2 }] };
  const refused = async (orderId: string, body: object, because: RegExp, status = 409) => {
    const answer = await claim(orderId, body);
    expect({ status: answer.status, detail: answer.body.detail }).toEqual({
      status,
      detail: expect.stringMatching(because),
    });
  };

  test('of more than was delivered, of unknown lines, and of what is on its way, or is not', async () => {
    const { orderId, shipmentId } = await shipped();
    await refused(orderId, {}, /Line line_1: 1 claimed, of 0 that were delivered/);
    await world.carrierSays(shipmentId, 'delivered');
    await world.reaches(orderId, 'completed');
    await refused(orderId, { lines: [{ lineId: line, quantity: 3 }] }, /3 claimed, of 2 that were delivered/);
    await refused(orderId, { lines: [{ lineId: 'line_9', quantity: 1 }] }, /has no line line_9/);
    await refused(orderId, { kind: 'lost_in_transit', ...all }, /2 claimed, of 0 that are on their way/);
    await refused(orderId, { refundTo: 'store_credit' }, /a guest's/);
    expect(await world.mongo.models.claims.countDocuments({ orderId })).toBe(0);
    const timeline: { what: string }[] = (await orderOf(orderId)).timeline;
    expect(timeline.filter(({ what }) => what.startsWith('Claim refused'))).toHaveLength(5);
  });

  test('of one unit of a parcel that did not come with both', async () => {
    const { orderId } = await shipped();
    await refused(orderId, { kind: 'lost_in_transit' }, /lost as a whole: claim all .* pcl_\w+ \(2 of line_1\)/);
  });

  test('of what is returned, paid back by support, or claimed; and what is claimed is neither of the others', async () => {
    const orderId = await world.delivered();
    await world.sendBack(orderId, [{ lineId: line, quantity: 1 }]);
    await refused(orderId, all, /2 claimed, of 1 that/);
    const claimId = await opened(orderId);
    await refused(orderId, {}, /1 claimed, of 0 that/);
    await expect(world.sendBack(orderId, [{ lineId: line, quantity: 1 }])).rejects.toThrow(/0 can be returned/);

    const other = await world.delivered();
    const lines = [{ lineId: line, quantity: 1 }];
    const refund = (of = lines) => api.ask('POST', `/v1/orders/${other}/refunds`, { lines: of, reason: 'x' }, support);
    expect(await refund()).toMatchObject({ status: 201 });
    await refused(other, all, /2 claimed, of 1 that/);
    const again = await opened(other, { wants: 'reship' });
    expect(await refund()).toMatchObject({ status: 409, body: { lineId: line, left: 0 } });
    await decide(again);
    await claimReaches(again, 'settled');
    expect(await refund()).toMatchObject({ status: 409, body: { lineId: line, left: 0 } });
    await decide(claimId, { approve: false });
    await claimReaches(claimId, 'rejected');
    await opened(orderId);
  });

  test.each([
    ['evidence that everybody can read on its way', { evidence: [{ url: 'http://pictures.example/1.jpg' }] }],
    ['evidence that is a script', { evidence: [{ url: 'javascript:alert(1)' }] }],
    ['no words', { description: ' ' }],
    ['no units', { lines: [{ lineId: line, quantity: 0 }] }],
    ['no lines', { lines: [] }],
    ['a line twice', { lines: [...all.lines, ...all.lines] }],
    ['another kind', { kind: 'ugly' }],
    ['a wish for both', { wants: 'both' }],
    ['an unknown field', { status: 'approved' }],
  ])('with %s', async (_what, body) => {
    const orderId = await delivered();
    expect((await claim(orderId, body)).status).toBe(400);
  });

  test("of another's order, and shows nothing of it", async () => {
    const [mine, other] = [await delivered(), await world.delivered()];
    const claimId = await opened(other);
    expect((await api.ask('POST', `/v1/orders/${other}/claims`, claimed(), owner(mine))).status).toBe(404);
    for (const [method, path] of [
      ['GET', ''],
      ['POST', '/withdraw'],
      ['POST', '/evidence'],
    ] as const)
      expect((await api.ask(method, `/v1/claims/${claimId}${path}`, undefined, owner(mine))).status).toBe(404);
    expect((await api.ask('POST', `/v1/claims/${claimId}/decide`, {}, owner(other))).status).toBe(403);
  });

  /** One is enough for what is refused before it is looked at. */
  let once: Promise<string> | undefined;
  const delivered = () => {
    once ??= world.delivered();
    return once;
  };
});

test('a customer claims up to twenty times of an order, and support beyond that', async () => {
  const orderId = await world.delivered();
  const claimId = await opened(orderId);
  await api.ask('POST', `/v1/claims/${claimId}/withdraw`, { reason: 'found it' }, owner(orderId));
  await claimReaches(claimId, 'withdrawn');
  const { claims } = world.mongo.models;
  const one = await claims.findById(claimId).lean().orFail();
  await claims.insertMany(Array.from({ length: 19 }, () => ({ ...one, _id: newId('cla') })));
  const refused = { status: 409, body: { detail: expect.stringContaining('20 claims') } };
  expect(await claim(orderId)).toMatchObject(refused);
  expect(await api.ask('POST', `/v1/orders/${orderId}/claims`, claimed(), support)).toMatchObject({ status: 201 });
});

describe('at the same moment', () => {
  const sortedStatus = (answers: { status: number }[]) => answers.map(({ status }) => status).toSorted();

  test('one of two tabs claims the unit, and the same tab twice is one claim', async () => {
    const orderId = await world.delivered();
    const lines = [{ lineId: line, quantity: 2 }];
    expect(sortedStatus(await Promise.all([claim(orderId, { lines }), claim(orderId, { lines })]))).toEqual([201, 409]);
    const other = await world.delivered();
    const key = newId('req');
    const [first, second] = await Promise.all([claim(other, { lines }, key), claim(other, { lines }, key)]);
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(first.body.id).toBe(second.body.id);
  });

  test('a unit is claimed, returned or refunded, and only one of them', async () => {
    for (let round = 0; round < 3; round++) {
      const orderId = await world.delivered();
      const lines = [{ lineId: line, quantity: 2 }];
      const [claimAnswer, returned] = await Promise.all([
        claim(orderId, { lines }),
        openReturn(world.mongo, {
          ...{ returnId: newId('ret'), orderId, refundTo: 'original', by: 'customer' },
          lines: lines.map((each) => ({ ...each, reason: 'does_not_fit' })),
        }),
      ]);
      expect([claimAnswer.status === 201, returned.ok].toSorted()).toEqual([false, true]);
      await world.mongo.models.returns.deleteMany({ orderId });

      const other = await world.delivered();
      const both = await Promise.all([
        claim(other, { lines }),
        api.ask('POST', `/v1/orders/${other}/refunds`, { lines, reason: 'broken' }, support),
      ]);
      expect(sortedStatus(both)).toEqual([201, 409]);
    }
  });

  test('of two who decide one is heard, and of one who decides and one who withdraws', async () => {
    const claimId = await opened(await world.delivered());
    const how = ['refund', 'reship'];
    expect(sortedStatus(await Promise.all(how.map((each) => decide(claimId, { how: each }))))).toEqual([200, 409]);
    await claimReaches(claimId, 'settled');
    expect(await decide(claimId)).toMatchObject({ status: 409, body: { claimStatus: 'settled' } });

    const orderId = await world.delivered();
    const other = await opened(orderId);
    const withdrawn = api.ask('POST', `/v1/claims/${other}/withdraw`, { reason: 'found it' }, owner(orderId));
    expect(sortedStatus(await Promise.all([decide(other), withdrawn]))).toEqual([200, 409]);
  });
});

describe('a claim that is not approved', () => {
  test('is rejected with a mail, and its reason is for staff', async () => {
    const orderId = await world.delivered();
    const claimId = await opened(orderId);
    expect(await decide(claimId, { approve: false, how: 'refund' })).toMatchObject({ status: 400 });
    await decide(claimId, { approve: false, reason: 'It was used as a hammer' });
    await claimReaches(claimId, 'rejected');
    expect(await read(claimId)).toMatchObject({ decision: { why: 'It was used as a hammer' } });
    expect(await world.mailsOf(orderId)).toEqual(expect.arrayContaining(['claim_received', 'claim_rejected']));
    expect(await refundsOf(orderId)).toEqual([]);
    expect(await carrierClaimsOf(orderId)).toEqual([]);
  });

  test('is withdrawn by its customer, and its units can be returned', async () => {
    const orderId = await world.delivered();
    const claimId = await opened(orderId);
    const answer = await api.ask('POST', `/v1/claims/${claimId}/withdraw`, { reason: 'found it' }, owner(orderId));
    expect(answer).toMatchObject({ status: 200, body: { status: 'withdrawn' } });
    await world.sendBack(orderId, [{ lineId: line, quantity: 2 }]);
  });

  test('takes evidence, up to twenty pieces, until it is decided', async () => {
    const orderId = await world.delivered();
    const urls = Array.from({ length: 19 }, (_, index) => ({ url: `https://pictures.example/${index}.jpg` }));
    const claimId = await opened(orderId, { evidence: urls });
    const show = (url: string) => api.ask('POST', `/v1/claims/${claimId}/evidence`, { url }, owner(orderId));
    expect((await show('http://pictures.example/20.jpg')).status).toBe(400);
    const both = await Promise.all([show('https://pictures.example/20.jpg'), show('https://pictures.example/21.jpg')]);
    expect(both.map(({ status }) => status).toSorted()).toEqual([200, 409]);
    expect((await read(claimId)).evidence).toHaveLength(20);
    await decide(claimId, { approve: false });
    expect(await show('https://pictures.example/22.jpg')).toMatchObject({ status: 409 });
  });
});

test('support moves the time to decide by, is asked when it is over, and answers where all incidents are', async () => {
  const orderId = await world.delivered();
  const claimId = await opened(orderId);
  await until(async () => (await read(claimId)).waitingFor?.event === 'approval', 'it waits for a person');
  const deadline = { event: 'approval', deadline: '2020-01-01T00:00:00Z', reason: 'Now' };
  expect(await api.ask('PUT', `/v1/claims/${claimId}/deadline`, deadline, support)).toMatchObject({ status: 200 });
  const find = async () => {
    const { body } = await api.ask('GET', '/v1/incidents?cause=overdue_approval', undefined, support);
    return body.incidents.find(({ workflowId }: { workflowId: string }) => workflowId === `claim-${claimId}`);
  };
  await until(async () => (await find()) !== undefined, 'it is asked about');
  const path = `/v1/incidents/${(await find()).id}/answer`;
  expect(await api.ask('POST', path, { answer: 'retry' }, support)).toMatchObject({ body: { applied: true } });
  await decide(claimId);
  await claimReaches(claimId, 'settled');
  expect((await orderOf(orderId)).timeline).toContainEqual(
    expect.objectContaining({ what: `Deadline of approval moved (${claimId})`, why: 'Now', after: deadline.deadline }),
  );
});

test('the rule of the store approves small claims with evidence, all of an order together', async () => {
  await setRules({ autoApproveUpTo: { USD: 2 * price }, evidenceNeededFrom: { USD: price } });
  const evidence = [{ url: 'https://pictures.example/1.jpg' }];
  const orderId = await world.delivered({ items: [{ sku: 'MUG', quantity: 3 }] });
  const first = (await claim(orderId, { evidence })).body.id;
  await claimReaches(first, 'settled');
  expect(await read(first)).toMatchObject({ decision: { actor: 'system', why: 'Within the rule for claims' } });
  const unseen = (await claim(orderId)).body.id;
  const waits = async () => (await read(unseen)).waitingFor?.event === 'approval';
  await until(waits, 'without evidence a person decides');
  await api.ask('POST', `/v1/claims/${unseen}/withdraw`, { reason: 'no picture' }, owner(orderId));
  const both = (await claim(orderId, { evidence, lines: [{ lineId: line, quantity: 2 }] })).body.id;
  await until(async () => (await read(both)).waitingFor?.event === 'approval', 'it is too much together');
  expect(await refundsOf(orderId)).toEqual([price]);
  const list = await api.ask('GET', `/v1/claims?orderId=${orderId}&status=open`, undefined, support);
  expect(list.body.claims.map(({ id }: { id: string }) => id)).toEqual([both]);
  await setRules();
});

test('what is sent again and again comes to a person', async () => {
  await setRules({ autoApproveUpTo: { USD: price } });
  const orderId = await world.delivered();
  const first = (await claim(orderId, { wants: 'reship' })).body.id;
  await claimReaches(first, 'settled');
  const again = (await read(first)).outcome.reshipOrderId;
  await world.reaches(again, 'confirmed');
  await world.deliver(again);
  const second = (await claim(again, { wants: 'reship' })).body.id;
  await until(async () => (await read(second)).waitingFor?.event === 'approval', 'a person is asked');
  await setRules();
});

describe('a parcel that did not come', () => {
  const lost = { kind: 'lost_in_transit', lines: [{ lineId: line, quantity: 2 }] };
  /** Money back or goods again, in all: by its order or by the claim. */
  async function given(orderId: string, shipmentId: string, claimId: string) {
    const { parcels } = await world.mongo.models.shipments.findById(shipmentId).lean().orFail();
    const sources = [claimId, ...parcels!.map(({ id }) => id)];
    const refunds = await refundsOf(orderId);
    return { refunds, reships: await world.mongo.models.orders.countDocuments({ reshipOf: { $in: sources } }) };
  }

  test.each([
    ['refund', { refunds: [2 * price], reships: 0 }],
    ['reship', { refunds: [], reships: 1 }],
  ] as const)('is settled by the claim (%s), and nobody has to answer its order', async (wants, ends) => {
    const { orderId, shipmentId } = await shipped();
    await world.carrierSays(shipmentId, 'lost');
    await world.incident(orderId, 'lost');
    const claimId = await opened(orderId, { ...lost, wants });
    await decide(claimId);
    await claimReaches(claimId, 'settled');
    await world.reaches(orderId, 'completed');
    expect(await given(orderId, shipmentId, claimId)).toEqual(ends);
    const { incidents, shipments } = await world.stateOf(orderId);
    expect({ incidents, status: shipments[0]!.status }).toEqual({ incidents: [], status: 'lost' });
    expect(await carrierClaimsOf(orderId)).toMatchObject([{ amount: 2 * price, why: 'lost_in_transit' }]);
    const { claims } = await orderOf(orderId);
    if (wants !== 'reship') return;
    const again = claims[0].outcome.reshipOrderId;
    await world.reaches(again, 'confirmed');
    await world.deliver(again);
  });

  test('of which nobody has said anything, as well; one that the carrier brings back is a return', async () => {
    const silent = await shipped();
    const first = await opened(silent.orderId, lost);
    await decide(first);
    await world.reaches(silent.orderId, 'completed');
    const back = await shipped();
    await world.carrierSays(back.shipmentId, 'returned_to_sender');
    await world.reaches(back.orderId, 'completed');
    expect(await claim(back.orderId, lost)).toMatchObject({ status: 409 });
    expect(await world.mongo.models.returns.countDocuments({ orderId: back.orderId })).toBe(1);
  });

  test.each(['reship', 'refund'] as const)(
    'and comes back while it is claimed: the return wins (%s)',
    async (wants) => {
      const { orderId, shipmentId } = await shipped();
      const claimId = await opened(orderId, { ...lost, wants });
      await world.carrierSays(shipmentId, 'returned_to_sender');
      await world.reaches(orderId, 'completed');
      expect(await decide(claimId)).toMatchObject({ status: 200, body: { status: 'withdrawn' } });
      expect(await given(orderId, shipmentId, claimId)).toEqual({ refunds: [], reships: 0 });
      expect(await world.mongo.models.returns.countDocuments({ orderId })).toBe(1);
    },
  );

  test('and that its order has sent again is not paid back: the claim is withdrawn', async () => {
    const { orderId, shipmentId } = await shipped();
    await world.carrierSays(shipmentId, 'lost');
    const { id } = await world.incident(orderId, 'lost');
    const claimId = await opened(orderId, lost);
    await world.answer(orderId, id, 'reship');
    await world.reaches(orderId, 'completed');
    expect(await decide(claimId)).toMatchObject({ status: 200, body: { status: 'withdrawn' } });
    expect(await given(orderId, shipmentId, claimId)).toEqual({ refunds: [], reships: 1 });
    const { timeline } = await orderOf(orderId);
    expect(timeline).toContainEqual(
      expect.objectContaining({ why: expect.stringMatching(/pcl_\w+ was reshipped already/) }),
    );
    expect((await claim(orderId, lost)).status).toBe(409);
  });

  test.each([
    ['refund', 'refund'],
    ['refund', 'reship'],
    ['reship', 'refund'],
    ['reship', 'reship'],
  ] as const)('claimed (%s) and answered (%s) at the same moment is settled once', async (wants, answer) => {
    const { orderId, shipmentId } = await shipped();
    await world.carrierSays(shipmentId, 'lost');
    const { id } = await world.incident(orderId, 'lost');
    const claimId = await opened(orderId, { ...lost, wants });
    await Promise.all([decide(claimId), world.answer(orderId, id, answer).catch(() => false)]);
    await world.reaches(orderId, 'completed');
    await until(async () => ['settled', 'withdrawn'].includes((await read(claimId)).status), 'it has ended');
    const pending = () => world.mongo.models.refunds.countDocuments({ orderId, status: 'pending' });
    await until(async () => (await pending()) === 0, 'the money is back');
    const { refunds, reships } = await given(orderId, shipmentId, claimId);
    expect(refunds.length + reships).toBe(1);
    expect(refunds).toEqual(refunds.map(() => 2 * price));
  });

  test('of two that went to one customer is lost alone', async () => {
    const warehouse = createWarehouse(world);
    const sku = await world.newSku({ wh_east: 9 });
    const { orderId } = await world.place({ items: [{ sku, quantity: 3 }] });
    const [shipment] = await world.shipmentsOf(orderId);
    await world.pickAll(shipment!.id);
    const boxes = [[{ lineId: line, quantity: 2 }], [{ lineId: line, quantity: 1 }]];
    await warehouse.packInto(shipment!.id, boxes);
    await world.handOver(orderId, shipment!.id);
    await world.carrierSays(shipment!.id, 'delivered', { parcel: 0 });
    const isThere = async () => (await world.shipmentsOf(orderId))[0]!.parcels![0]!.status === 'delivered';
    await until(isThere, 'the first is there');
    const claimId = await opened(orderId, { kind: 'lost_in_transit' });
    const broken = await opened(orderId);
    for (const each of [claimId, broken]) await decide(each);
    await claimReaches(claimId, 'settled');
    await claimReaches(broken, 'settled');
    await world.reaches(orderId, 'completed');
    expect(await refundsOf(orderId)).toEqual([price, price]);
    const ofCarrier = await carrierClaimsOf(orderId);
    expect(ofCarrier.map(({ amount }) => amount)).toEqual([price, price]);
    // The unit in the parcel that came, and is whole.
    await world.sendBack(orderId, [{ lineId: line, quantity: 1 }]);
    await expect(world.sendBack(orderId, [{ lineId: line, quantity: 1 }])).rejects.toThrow(/0 can be returned/);
  });
});

describe('what is sent again for a claim', () => {
  test('and is not there is asked about, and then paid back by the order that was paid', async () => {
    const sku = await world.newSku({ wh_east: 1 });
    const orderId = await world.delivered({ items: [{ sku, quantity: 1 }] });
    const claimId = await opened(orderId, { wants: 'reship' });
    await decide(claimId);
    await claimReaches(claimId, 'settled');
    const again = (await reshipsOf(claimId))[0]!._id;
    await world.answer(again, (await world.incident(again, 'reserve_stock')).id, 'cancel');
    await world.reaches(again, 'cancelled');
    await until(async () => (await refundsOf(orderId)).length > 0, 'the money is back');
    expect(await refundsOf(orderId)).toEqual([price]);
  });

  test('and comes broken as well is paid back by the order that was paid, once', async () => {
    const orderId = await world.delivered();
    const claimId = await opened(orderId, { wants: 'reship' });
    await decide(claimId);
    await claimReaches(claimId, 'settled');
    const again = (await reshipsOf(claimId))[0]!._id;
    await world.reaches(again, 'confirmed');
    await world.deliver(again);
    const second = await opened(again);
    await decide(second);
    await claimReaches(second, 'settled');
    expect(await refundsOf(orderId)).toEqual([price]);
    // The other unit is the customer's to send back, or support's to pay back.
    const lines = [{ lineId: line, quantity: 1 }];
    const refund = () => api.ask('POST', `/v1/orders/${orderId}/refunds`, { lines, reason: 'x' }, support);
    expect((await refund()).status).toBe(201);
    expect((await refund()).status).toBe(409);
  });
});

test('what a chargeback withholds is owed, and paid back once it is won', async () => {
  const bank = createBank(world);
  const orderId = await world.delivered();
  const disputeId = await bank.open(orderId);
  const claimId = await opened(orderId);
  await decide(claimId);
  await claimReaches(claimId, 'settled');
  expect((await read(claimId)).outcome).toEqual({ how: 'refund', amount: 0 });
  expect((await world.paymentOf(orderId)).owed).toEqual({ [claimId]: price });
  await bank.answer(disputeId, 'submit');
  await bank.isSent(disputeId);
  await bank.decide(disputeId, 'won');
  await bank.reaches(disputeId, 'won');
  await until(async () => (await refundsOf(orderId)).length > 0, 'it is paid back');
  expect(await refundsOf(orderId)).toEqual([price]);
});

test('goodwill that was paid before is not paid a second time', async () => {
  const orderId = await world.delivered();
  await world.refundHandle(await world.refund(orderId, 2 * price - 500)).result();
  const claimId = await opened(orderId);
  await decide(claimId);
  await claimReaches(claimId, 'settled');
  expect((await read(claimId)).outcome).toMatchObject({ how: 'refund', amount: 500 });
});

test('a claim that an API wrote and died is started later', async () => {
  const orderId = await world.delivered();
  const claimId = newId('cla');
  await openCustomerClaim(world.mongo, {
    ...{ claimId, orderId, actor: 'customer', kind: 'damaged', lines: [{ lineId: line, quantity: 1 }] },
    ...{ wants: 'refund', description: words, evidence: [] },
  });
  const createdAt = new Date(Date.now() - 60_000);
  await world.mongo.models.claims.updateOne({ _id: claimId }, { $set: { createdAt } });
  expect(await startForgotten(world.mongo, world.client)).toBe(1);
  await decide(claimId);
  await claimReaches(claimId, 'settled');
});

test('the auditor finds nothing, and every workflow replays', async () => {
  await until(async () => (await world.mongo.models.refunds.countDocuments({ status: 'pending' })) === 0);
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
  expect(await world.replayFailures()).toEqual([]);
});
