/** What customers claim of goods that did not come as they should, over the REST API. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { openReturn } from '../../activities/returns.ts';
import { createToken } from '../../activities/staff-tokens.ts';
import { newId } from '../../models/id.ts';
import { defaultSettings } from '../../models/store.ts';
import { linkToken } from '../../platform/link-token.ts';
import type { ClaimRules } from '../../workflows/domain/claims.ts';
import { config } from '../api/support.ts';
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
const claimed = (body: object = {}) => ({
  ...{ kind: 'damaged', lines: [{ lineId: line, quantity: 1 }], wants: 'refund', description: 'Its handle is off' },
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

test('the auditor finds nothing, and every workflow replays', async () => {
  await until(async () => (await world.mongo.models.refunds.countDocuments({ status: 'pending' })) === 0);
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
  expect(await world.replayFailures()).toEqual([]);
});
