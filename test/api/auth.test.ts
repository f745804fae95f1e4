/** G10: nobody sees or changes what is not theirs. Every route is tried by everybody. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import express from 'express';
import { createApp, routes } from '../../api/app.ts';
import { type Permission, permissions } from '../../api/auth.ts';
import { endpoint, reply } from '../../api/endpoint.ts';
import { register, route } from '../../api/route.ts';
import type { Order } from '../../models/order.ts';
import { customerToken } from '../../platform/customer-token.ts';
import { createLog } from '../../platform/log.ts';
import { createMetrics } from '../../platform/metrics.ts';
import { plain } from '../support/orders.ts';
import { newShipment, pickLine } from '../support/shipments.ts';
import { config, seedShop, startApi, type TestApi } from './support.ts';

/** Who may use each route, written down a second time: a route that is not here fails. */
const strangers = ['none', 'a token of nobody', 'a forged link', 'stranger'];
const everybody = [...strangers, 'owner', 'customer', 'another customer', 'warehouse', 'support', 'admin'];
const staff = ['warehouse', 'support', 'admin'];
const support = ['support', 'admin'];
const warehouse = ['warehouse', 'admin'];
const allowed: Record<string, string[]> = {
  'GET /v1/products': everybody,
  'GET /v1/products/:sku': everybody,
  'GET /v1/products/:sku/prices': support,
  'PUT /v1/products/:sku': ['admin'],
  'GET /v1/availability': everybody,
  'GET /v1/promotions': support,
  'GET /v1/promotions/:id': support,
  'PUT /v1/promotions/:id': ['admin'],
  'GET /v1/tax-rates': support,
  'PUT /v1/tax-rates/:id': ['admin'],
  'DELETE /v1/tax-rates/:id': ['admin'],
  'GET /v1/delivery-methods': support,
  'PUT /v1/delivery-methods/:id': ['admin'],
  'GET /v1/settings': support,
  'PUT /v1/settings': ['admin'],
  'GET /v1/warehouses': staff,
  'PUT /v1/warehouses/:id': ['admin'],
  'GET /v1/stock': staff,
  'GET /v1/stock/backlogs': staff,
  'GET /v1/stock/movements': staff,
  'POST /v1/stock/receipts': warehouse,
  'POST /v1/stock/adjustments': warehouse,
  'GET /v1/stock/export': staff,
  'POST /v1/stock/imports': warehouse,
  'GET /v1/stock/imports': staff,
  'GET /v1/stock/imports/:id': staff,
  'GET /v1/stock/:sku/:warehouseId': staff,
  'PUT /v1/stock/:sku/:warehouseId/settings': warehouse,
  'POST /v1/deliveries': warehouse,
  'GET /v1/deliveries': staff,
  'GET /v1/deliveries/:id': staff,
  'POST /v1/deliveries/:id/receipts': warehouse,
  'PUT /v1/deliveries/:id/expected-at': warehouse,
  'POST /v1/deliveries/:id/cancel': warehouse,
  'POST /v1/transfers': warehouse,
  'GET /v1/transfers': staff,
  'GET /v1/transfers/:id': staff,
  'POST /v1/transfers/:id/receipts': warehouse,
  'POST /v1/counts': warehouse,
  'GET /v1/counts': staff,
  'GET /v1/counts/:id': staff,
  'PUT /v1/counts/:id/counted': warehouse,
  'POST /v1/counts/:id/decide': ['admin'],
  'POST /v1/customers': support,
  'GET /v1/customers': support,
  'GET /v1/customers/:id': support,
  'PUT /v1/customers/:id': support,
  'POST /v1/customers/:id/tokens': ['admin'],
  'GET /v1/customers/:id/credit/:currency': ['customer', ...support],
  'POST /v1/customers/:id/credit/:currency': support,
  'GET /v1/customers/:id/payment-methods': ['customer', ...support],
  'POST /v1/customers/:id/payment-methods': ['customer'],
  'PUT /v1/customers/:id/payment-methods/default': ['customer'],
  'DELETE /v1/customers/:id/payment-methods/:paymentMethodId': ['customer', ...support],
  'POST /v1/quotes': everybody,
  'POST /v1/orders': everybody,
  'GET /v1/orders': support,
  'GET /v1/orders/:id': ['owner', ...support],
  'GET /v1/orders/:id/state': ['owner', ...support],
  'POST /v1/orders/:id/payments': ['owner'],
  'POST /v1/orders/:id/payments/refresh': ['owner'],
  'POST /v1/orders/:id/cancel': ['owner', ...support],
  'POST /v1/orders/:id/edits': ['owner', ...support],
  'GET /v1/orders/:id/edits/:editId': ['owner', ...support],
  'POST /v1/orders/:id/edits/:editId/confirm': ['owner', ...support],
  'POST /v1/orders/:id/hold': support,
  'POST /v1/orders/:id/release': support,
  'PUT /v1/orders/:id/deadline': support,
  'PUT /v1/orders/:id/shipping-address': support,
  'GET /v1/incidents': support,
  'POST /v1/incidents/answer': support,
  'POST /v1/incidents/:incidentId/answer': support,
  'POST /v1/orders/:id/incidents/:incidentId/answer': support,
  'POST /v1/orders/:id/refunds': support,
  'GET /v1/refunds/:id': ['owner', ...support],
  'GET /v1/disputes': support,
  'GET /v1/disputes/:id': support,
  'PUT /v1/disputes/:id/evidence': support,
  'GET /v1/orders/:id/invoices': ['owner', ...support],
  'GET /v1/orders/:id/invoices/:invoiceId/pdf': ['owner', ...support],
  'GET /v1/reconciliations': support,
  'GET /v1/reconciliations/:day': support,
  'GET /v1/payouts': support,
  'GET /v1/reports/delivery': support,
  'GET /v1/reports/labels': support,
  'GET /v1/shipments': warehouse,
  'GET /v1/shipments/:id': staff,
  'POST /v1/shipments/:id/pack': warehouse,
  'GET /v1/shipments/:id/parcels/:parcelId/packing-slip': warehouse,
  'POST /v1/shipments/:id/hand-over': warehouse,
  'PUT /v1/shipments/:id/priority': staff,
  'POST /v1/shipments/:id/put-back': warehouse,
  'POST /v1/waves': warehouse,
  'POST /v1/pick-lists': warehouse,
  'GET /v1/pick-lists': warehouse,
  'POST /v1/pick-lists/next': warehouse,
  'GET /v1/pick-lists/:id': warehouse,
  'GET /v1/pick-lists/:id/pdf': warehouse,
  'POST /v1/pick-lists/:id/take': warehouse,
  'POST /v1/pick-lists/:id/give-back': warehouse,
  'POST /v1/pick-lists/:id/disband': warehouse,
  'POST /v1/pick-lists/:id/scans': warehouse,
  'POST /v1/pick-lists/:id/shorts': warehouse,
  'POST /v1/hand-overs': warehouse,
  'GET /v1/hand-overs/:id': warehouse,
  'GET /v1/carrier-claims': support,
  'POST /v1/carrier-claims/:id/decide': support,
  'POST /v1/orders/:id/returns': ['owner', ...staff],
  'GET /v1/returns': staff,
  'GET /v1/returns/:id': ['owner', ...staff],
  'POST /v1/returns/:id/decide': support,
  'POST /v1/returns/:id/receive': warehouse,
  'POST /v1/returns/:id/inspect': warehouse,
  'POST /v1/returns/:id/resolution': support,
  'PUT /v1/returns/:id/deadline': support,
  'POST /v1/returns/:id/cancel': ['owner', ...support],
  'POST /v1/orders/:id/claims': ['owner', ...support],
  'GET /v1/claims': support,
  'GET /v1/claims/:id': ['owner', ...staff],
  'POST /v1/claims/:id/evidence': ['owner', ...support],
  'POST /v1/claims/:id/decide': support,
  'POST /v1/claims/:id/withdraw': ['owner', ...support],
  'PUT /v1/claims/:id/deadline': support,
  'GET /v1/events': support,
  'GET /v1/events/:id': support,
  'POST /v1/events/:id/replay': support,
  'POST /v1/webhooks/stripe': everybody,
  'POST /v1/webhooks/carrier': everybody,
  'POST /v1/webhooks/easypost': everybody,
};
/** Outside the table, and open: they show nothing of anybody. */
const open = [
  'GET /livez',
  'GET /readyz',
  'GET /metrics',
  'GET /openapi.json',
  'GET /docs',
  'GET /docs/initializer.js',
];

/** What is done without a body. */
const bodiless = /\/(payment-methods|give-back|disband|put-back)$/;

const orderId = 'ord_01WALK';
const now = new Date();
let api: TestApi;

beforeAll(async () => {
  api = await startApi();
  await seedShop(api);
  await writeOrder();
});
afterAll(() => api.stop());

describe('the walk', () => {
  test('every route that answers is in the table, and has its callers written down', () => {
    const { mongo, client: temporal } = api;
    const app = createApp({ mongo, temporal, config, log: createLog('api', 'silent'), metrics: createMetrics() });
    const answering = app.router.stack.flatMap(({ route: found }) =>
      found ? found.stack.map((layer) => `${layer.method.toUpperCase()} ${found.path}`) : [],
    );
    expect(answering.sort()).toEqual([...open, ...Object.keys(allowed)].sort());
    expect(routes.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(Object.keys(allowed).sort());
  });

  for (const { method, path } of routes) {
    const callers = allowed[`${method} ${path}`] ?? [];
    test(`${method} ${path}: ${callers === everybody ? 'everybody' : callers.join(', ')}`, async () => {
      // That somebody asked is kept under their key; what they asked for is not done.
      const counts = async () => ({ ...(await api.counts()), requests: 0 });
      const before = await counts();
      for (const [caller, token] of Object.entries(tokens())) {
        const headers = { 'idempotency-key': `walk-${method}-${caller}-0000` };
        // What needs a body lacks it; what needs none is told something that it does not take.
        const surplus = method === 'DELETE' || (method === 'POST' && bodiless.test(path)) ? '?surplus=1' : '';
        const answer = await api.ask(method, address(path) + surplus, { token, headers });
        const outcome = { caller, status: answer.status };
        if (callers.includes(caller)) {
          expect([401, 403, 404, 500]).not.toContain(answer.status);
          if (method === 'GET' && !/movements|availability|customers$/.test(path))
            expect(outcome).toEqual({ caller, status: 200 });
        } else {
          expect(outcome).toEqual({ caller, status: refusal(caller, callers) });
          expect(answer.headers.get('content-type')).toContain('application/problem+json');
        }
      }
      expect(await counts()).toEqual(before);
    });
  }

  test('who is kept out reaches no workflow', () => {
    // Only those who may had something to say, and no workflow was there to hear it.
    expect(new Set(api.sent)).toEqual(new Set(['signal paymentChanged', 'update handOver']));
  });

  test('a permission that is not in the table, or owners of nothing, stop the start', () => {
    const harmless = endpoint({ summary: '', answers: {}, handle: async () => reply(200, {}) as never });
    const { mongo, client: temporal } = api;
    const add = (permission: string) => () =>
      register(express(), { mongo, temporal, config }, route('GET', '/v1/new', permission as Permission, harmless));
    expect(add('new.thing')).toThrow('there is no permission new.thing');
    expect(add('orders.read')).toThrow('does not say of which order');
    expect(add('wallet.read')).toThrow('does not say which');
    for (const audience of Object.values(permissions)) expect(audience.length).toBeGreaterThan(0);
  });
});

describe('what is shown', () => {
  const read = async (path: string, token?: string) => JSON.stringify((await api.ask('GET', path, { token })).body);

  test('the client secret is for the owner alone', async () => {
    expect(await read(`/v1/orders/${orderId}`, api.linkTokenOf(orderId))).toContain('secret_of_walk');
    for (const role of ['support', 'admin'] as const) {
      expect(await read(`/v1/orders/${orderId}`, api.tokens[role])).not.toContain('secret_of_walk');
    }
  });

  test('the warehouse sees where a labelled parcel goes, and neither e-mail nor telephone', async () => {
    const shown = await read('/v1/shipments/shp_01WALK', api.tokens.warehouse);
    expect(shown).toContain('Hidden Street 7');
    expect(shown).not.toMatch(/walker@example.com|5550199/);
    expect(await read('/v1/shipments?warehouseId=berlin&status=ready', api.tokens.warehouse)).toContain('shp_01WALK');
    expect(await read('/v1/shipments', api.tokens.warehouse)).not.toContain('Hidden Street');
    await api.mongo.models.shipments.updateOne({ _id: 'shp_01WALK' }, { $unset: { 'parcels.0.label': 1 } });
    expect(await read('/v1/shipments/shp_01WALK', api.tokens.warehouse)).not.toContain('Hidden Street');
  });

  test('what staff wrote and what went wrong inside is not for customers', async () => {
    for (const path of [`/v1/orders/${orderId}`, `/v1/orders/${orderId}/state`]) {
      expect(await read(path, api.linkTokenOf(orderId))).not.toMatch(/inner trouble|tok_/);
      expect(await read(path, api.tokens.support)).toMatch(/inner trouble/);
    }
  });
});

function tokens(): Record<string, string | undefined> {
  return {
    none: undefined,
    'a token of nobody': `wb_${'x'.repeat(43)}`,
    'a forged link': `${api.linkTokenOf(orderId).slice(0, -1)}_`,
    owner: api.linkTokenOf(orderId),
    stranger: api.linkTokenOf('ord_01OTHER'),
    customer: customerToken(config.WAYBILL_SECRET, 'cus_01WALK').token,
    'another customer': customerToken(config.WAYBILL_SECRET, 'cus_01OTHER').token,
    ...api.tokens,
  };
}

function refusal(caller: string, callers: string[]): number {
  if (caller === 'none' || caller === 'a token of nobody') return 401;
  if (caller === 'another customer' && callers.includes('customer')) return 404;
  const isLink = ['a forged link', 'owner', 'stranger'].includes(caller);
  return isLink && callers.includes('owner') ? 404 : 403;
}

function address(path: string): string {
  const prefixes = {
    customers: 'cus',
    shipments: 'shp',
    returns: 'ret',
    refunds: 'ref',
    disputes: 'du',
    deliveries: 'dlv',
    transfers: 'trf',
    counts: 'cnt',
    'pick-lists': 'pkl',
    'hand-overs': 'man',
    'carrier-claims': 'clm',
    claims: 'cla',
  };
  const resource = path.split('/')[2] as keyof typeof prefixes;
  const id = path.includes('/orders') ? orderId : `${prefixes[resource]}_01WALK`;
  return path
    .replace(':sku', 'MUG')
    .replace(':warehouseId', 'berlin')
    .replace('/warehouses/:id', '/warehouses/berlin')
    .replace(/\/(promotions|tax-rates|delivery-methods)\/:id/, '/$1/walk')
    .replace('/events/:id', '/events/stripe:evt_WALK')
    .replace('/imports/:id', `/imports/${'0'.repeat(64)}`)
    .replace(':id', id)
    .replace(':incidentId', 'inc_1')
    .replace(':day', '2026-11-24')
    .replace(':currency', 'EUR')
    .replace(':paymentMethodId', 'pm_walk')
    .replace(':invoiceId', 'inv_01WALK')
    .replace(':editId', 'edt_01WALK')
    .replace(':parcelId', 'pcl_01WALK');
}

/** One order with something of everything, as workflows and providers would have written it. */
async function writeOrder(): Promise<void> {
  const { models } = api.mongo;
  const edit = { basis: 'walk', currency: 'EUR', before: 0, after: 0, changes: [], createdAt: now, expiresAt: now };
  await models.edits.create([{ _id: 'edt_01WALK', orderId, ...edit }]);
  const shipments = [{ id: 'shp_01WALK', warehouseId: 'berlin', status: 'ready' as const }];
  const order: Order = {
    _id: orderId,
    createdAt: now,
    placeBefore: now,
    customer: { email: 'walker@example.com', name: 'Walker', phone: '5550199' },
    shipTo: {
      name: 'Walker',
      line1: 'Hidden Street 7',
      city: 'Bonn',
      postalCode: '53111',
      country: 'DE',
      phone: '5550199',
    },
    currency: 'EUR',
    items: [{ sku: 'MUG', quantity: 1 }],
    lines: [],
    pricing: plain(1490),
    total: 1490,
    rev: 3,
    status: 'awaiting_payment',
    state: {
      orderId,
      rev: 3,
      status: 'awaiting_payment',
      currency: 'EUR',
      amountDue: 1490,
      payment: { attempt: 'none', authorized: 0, captured: 0, credit: 0, byCard: 0, refunded: 0, disputed: false },
      paymentStatus: 'not_paid',
      fulfillmentStatus: 'unfulfilled',
      shipments,
      incidents: [
        { id: 'inc_1', cause: 'buy_label', why: 'inner trouble', since: now.toISOString(), answers: ['retry'] },
      ],
      timeline: [{ at: now.toISOString(), what: 'Held', actor: 'support:tok_1' }],
    },
  };
  await models.orders.create([order]);
  await models.customers.create([{ _id: 'cus_01WALK', email: 'walker@example.com', name: 'Walker', createdAt: now }]);
  await models.shipments.create([
    newShipment({
      ...{ _id: 'shp_01WALK', orderId, pickListId: 'pkl_01WALK', pickedAt: now },
      lines: [pickLine('line_1', 'MUG', 1, { picked: 1, state: 'picked' })],
      parcels: [
        {
          ...{ id: 'pcl_01WALK', weightGrams: 900, lengthMm: 300, widthMm: 200, heightMm: 100 },
          units: [{ lineId: 'line_1', quantity: 1 }],
          label: {
            ...{ id: 'lbl_1', carrier: 'sandbox', service: 'standard', trackingNumber: 'T1', cost: 500 },
            ...{ url: 'https://carrier.example/l', currency: 'EUR', boughtAt: now },
          },
        },
      ],
    }),
  ]);
  await models.pickLists.create([
    {
      ...{ _id: 'pkl_01WALK', warehouseId: 'berlin', kind: 'single', createdAt: now, createdBy: 'test' },
      ...{ shipmentIds: ['shp_01WALK'], units: 1, dispatchBy: now, priority: 0, assignments: [], isFree: false },
    },
  ]);
  await models.handOvers.create([
    {
      ...{ _id: 'man_01WALK', warehouseId: 'berlin', createdAt: now, actor: 'test', wantsManifest: false },
      parcels: [{ barcode: 'T0', outcome: 'unknown' }],
    },
  ]);
  await models.carrierClaims.create([
    {
      ...{ _id: 'clm_01WALK', orderId, shipmentId: 'shp_01WALK', parcelId: 'pcl_01WALK', carrier: 'sandbox' },
      ...{ trackingNumber: 'T1', why: 'lost', amount: 1490, currency: 'EUR', status: 'open', createdAt: now },
    },
  ]);
  await models.claims.create([
    {
      ...{
        _id: 'cla_01WALK',
        orderId,
        paidOrderId: orderId,
        createdAt: now,
        openedBy: 'customer',
        kind: 'damaged',
        wants: 'refund',
      },
      ...{ lines: [], parcels: [], description: 'Broken', worth: 1490, currency: 'EUR', rev: 1, status: 'open' },
    },
  ]);
  await models.promotions.create([
    {
      _id: 'walk',
      name: 'Walk',
      active: true,
      on: { what: 'order' },
      discount: { kind: 'percent', ppm: 100_000 },
      priority: 100,
      stacking: 'with_others',
    },
  ]);
  await models.taxRates.create([
    { _id: 'walk', name: 'VAT', country: 'DE', taxClass: 'standard', ppm: 190_000, onShipping: true },
  ]);
  await models.reconciliations.create([
    {
      ...{ _id: '2026-11-24', status: 'done', cursor: { reads: 'nothing' }, counts: {}, totals: {} },
      ...{ differences: [], startedAt: now },
    },
  ]);
  await models.payments.create([
    { _id: 'pay_1', orderId, currency: 'EUR', amountDue: 1490, status: 'created', clientSecret: 'secret_of_walk' },
  ]);
  await models.returns.create([
    {
      ...{ _id: 'ret_01WALK', orderId, warehouseId: 'berlin', createdAt: now, by: 'customer', lines: [] },
      decision: { decision: 'approve', because: 'Within the return policy' },
      ...{ sending: { label: false, fee: 0 }, rev: 1, status: 'requested' },
      sendTo: { name: 'Shop', line1: 'Street 1', city: 'Berlin', postalCode: '10115', country: 'DE' },
    },
  ]);
  await models.stockImports.collection.insertOne({
    _id: '0'.repeat(64),
    name: 'stock.csv',
    mode: 'all',
    actor: 'test',
    startedAt: now,
    finishedAt: now,
    rows: 0,
    changed: 0,
    unchanged: 0,
    refused: 0,
    errors: [],
    throughLine: 0,
  } as never);
  const work = { lines: [], actor: 'test', createdAt: now };
  await models.deliveries.create([
    {
      _id: 'dlv_01WALK',
      warehouseId: 'berlin',
      reference: 'r',
      expectedAt: now,
      tolerancePercent: 0,
      status: 'expected',
      ...work,
    },
  ]);
  await models.transfers.create([
    { _id: 'trf_01WALK', from: 'berlin', to: 'bonn', status: 'in_transit', reason: 'r', ...work },
  ]);
  await models.counts.create([{ _id: 'cnt_01WALK', warehouseId: 'berlin', status: 'open', reason: 'r', ...work }]);
  const shopAddress = { name: 'Shop', line1: 'Street 1', city: 'Berlin', postalCode: '10115', country: 'DE' };
  await models.invoices.create([
    {
      ...{ _id: 'inv_01WALK', kind: 'invoice', number: 'INV-2026-000001', year: 2026, seq: 1, key: 'invoice:walk' },
      ...{ orderId, issuedAt: now, currency: 'EUR' },
      content: {
        ...{ lines: [], rates: [], net: 1490, tax: 0, gross: 1490, issuedOn: '2026-03-01', suppliedOn: '2026-03-01' },
        seller: {
          name: 'Shop',
          address: shopAddress,
          taxIds: [],
          email: 'shop@example.com',
          timeZone: 'Europe/Berlin',
        },
        buyer: { name: 'Walker', address: shopAddress },
      },
    },
  ]);
  await models.inbox.create([
    {
      ...{ _id: 'stripe:evt_WALK', source: 'stripe', type: 'refund.created', payload: { id: 're_1' }, tries: 1 },
      ...{ receivedAt: now, nextTryAt: now, deliveredAt: now, outcome: 'unknown payment' },
    },
  ]);
  await models.disputes.create([
    {
      ...{ _id: 'du_01WALK', kind: 'chargeback', orderId, paymentId: 'pay_1', amount: 1490, currency: 'EUR' },
      ...{ reason: 'general', status: 'won', createdAt: now },
    },
  ]);
  await models.refunds.create([
    {
      _id: 'ref_01WALK',
      key: 'k',
      orderId,
      paymentId: 'pay_1',
      workflowId: 'refund-ref_01WALK',
      amount: 1,
      currency: 'EUR',
      reason: 'goodwill',
      actor: 'test',
      status: 'pending',
      createdAt: now,
    },
  ]);
}
