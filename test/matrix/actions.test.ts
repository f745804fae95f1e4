/**
 * Every action in every state, over the API: it works, or it is refused with a problem that names what may be done instead.
 * What may be done is said by one table of rules, workflows/domain/actions.ts; docs/actions.md is what was found here.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { orderActionsOf, returnActionsOf } from '../../activities/allowed-actions.ts';
import { createToken } from '../../activities/staff-tokens.ts';
import { newId } from '../../models/id.ts';
import { defaultSettings } from '../../models/store.ts';
import { type OrderAction, orderActions, type ReturnAction, returnActions } from '../../workflows/domain/actions.ts';
import { defaultReturnPolicy } from '../../workflows/domain/return-policy.ts';
import { type Answered, serve } from '../support/serve.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';
import { type OrderScene, orderScenes, type ReturnScene, returnScenes } from './scenes.ts';

let world: World;
let api: Awaited<ReturnType<typeof serve>>;
let admin: string;
let owner: (orderId: string) => string;
beforeAll(async () => {
  world = await startWorld();
  api = await serve(world);
  admin = (await createToken(world.mongo, 'admin')).token;
  owner = api.ownerOf;
  const standard = defaultReturnPolicy;
  const returns = { policies: { standard, asked: { ...standard, approval: 'person' } } };
  await world.mongo.models.settings.replaceOne({ _id: 'store' }, { ...defaultSettings, returns }, { upsert: true });
});
afterAll(async () => {
  await api.stop();
  await world.stop();
});

const page = new URL('../../docs/actions.md', import.meta.url);
const found: Record<'orders' | 'returns', Map<string, string[]>> = { orders: new Map(), returns: new Map() };

/** What cannot be done as it stands; what is over; what would ask for more than there is. */
const cellOf: Record<string, string> = {
  yes: '**yes**',
  '': 'no shipment',
  'not-allowed-now': 'not now',
  'order-ended': 'ended',
  'refund-refused': 'nothing left',
  'return-refused': 'nothing left',
  'claim-refused': 'nothing left',
  'edit-refused': 'not now',
};

const post = (path: string, body: unknown, token = admin) => api.ask('POST', path, body, token);
const put = (path: string, body: unknown) => api.ask('PUT', path, body, admin);
const reason = 'asked for';
const address = { name: 'Ada', line1: '2 Road', city: 'Town', region: 'NY', postalCode: '10002', country: 'US' };
const one = [{ lineId: 'line_1', quantity: 1 }];
const box = { weightGrams: 900, lengthMm: 200, widthMm: 150, heightMm: 100 };
const tomorrow = () => new Date(Date.now() + 86_400_000).toISOString();
const wholeLine = [{ lineId: 'line_1', quantity: 2 }];

const orderDoes: Record<OrderAction, (scene: OrderScene) => Promise<Answered>> = {
  pay: ({ orderId: id }) => post(`/v1/orders/${id}/payments`, { paymentMethod: 'pm_card_visa' }, owner(id)),
  cancel: ({ orderId: id }) => post(`/v1/orders/${id}/cancel`, { reason }),
  cancel_lines: async ({ orderId: id }) => {
    const { lines } = await world.readOrder(id);
    const here = lines.find(({ allocations }) => allocations.some(({ state }) => state !== 'shipped'));
    return post(`/v1/orders/${id}/cancel`, { reason, lines: [{ ...one[0], lineId: here?.lineId ?? 'line_1' }] });
  },
  edit: async ({ orderId: id }) => {
    const preview = await post(`/v1/orders/${id}/edits`, { items: [{ sku: 'MUG', quantity: 1 }] });
    return preview.status === 201 ? post(`/v1/orders/${id}/edits/${preview.body.id}/confirm`, { reason }) : preview;
  },
  hold: ({ orderId: id }) => post(`/v1/orders/${id}/hold`, { reason }),
  release: ({ orderId: id }) => post(`/v1/orders/${id}/release`, { reason }),
  correct_address: ({ orderId: id }) => put(`/v1/orders/${id}/shipping-address`, address),
  move_deadline: async ({ orderId: id }) => {
    const event = (await world.readOrder(id)).state?.waitingFor?.event ?? 'payment';
    return put(`/v1/orders/${id}/deadline`, { event, deadline: tomorrow(), reason });
  },
  pick: async ({ shipmentId }) => {
    const list = await post('/v1/pick-lists', { shipmentIds: [shipmentId], take: true });
    if (list.status !== 201) return list;
    const { lines } = await world.mongo.models.shipments.findById(shipmentId).lean().orFail();
    const scan = { scanId: newId('req'), barcode: lines[0]!.sku, quantity: 1, madeAt: new Date().toISOString() };
    return post(`/v1/pick-lists/${list.body.id}/scans`, scan);
  },
  pack: ({ shipmentId }) => post(`/v1/shipments/${shipmentId}/pack`, { parcels: [box] }),
  hand_over: ({ shipmentId }) => post(`/v1/shipments/${shipmentId}/hand-over`, undefined),
  refund: ({ orderId: id }) => post(`/v1/orders/${id}/refunds`, { amount: 100, reason }),
  return: ({ orderId: id }) =>
    post(`/v1/orders/${id}/returns`, { lines: [{ ...one[0], reason: 'does_not_fit' }] }, owner(id)),
  claim: async ({ orderId: id }) => {
    const isThere = (await world.readOrder(id)).state?.shipments.some(({ status }) => status === 'delivered');
    // What is lost is lost with all that was in the parcel.
    const what = isThere ? { kind: 'damaged', lines: one } : { kind: 'lost_in_transit', lines: wholeLine };
    return post(`/v1/orders/${id}/claims`, { ...what, wants: 'refund', description: 'not as it should be' });
  },
};

const returnDoes: Record<ReturnAction, (scene: ReturnScene) => Promise<Answered>> = {
  decide: ({ returnId: id }) => post(`/v1/returns/${id}/decide`, { approve: true, reason }),
  receive: ({ returnId: id }) =>
    post(`/v1/returns/${id}/receive`, { lines: wholeLine.map((line) => ({ ...line, reception: 'received' })) }),
  inspect: ({ returnId: id }) =>
    post(`/v1/returns/${id}/inspect`, { lines: wholeLine.map((line) => ({ ...line, disposition: 'restock' })) }),
  cancel: ({ returnId: id }) => post(`/v1/returns/${id}/cancel`, { reason }),
  resolve: ({ returnId: id }) => post(`/v1/returns/${id}/resolution`, { resolution: 'refund', reason }),
  move_deadline: async ({ returnId: id }) => {
    const event =
      (await world.mongo.models.returns.findById(id).lean().orFail()).state?.waitingFor?.event ?? 'approval';
    return put(`/v1/returns/${id}/deadline`, { event, deadline: tomorrow(), reason });
  },
};

/** Whoever is refused is told of what they may do themselves. */
const ownActions: readonly string[] = ['pay', 'cancel', 'cancel_lines', 'edit', 'return', 'claim'];
const mayDo = {
  owner: (action: string) => ownActions.includes(action),
  admin: (action: string) => action !== 'pay',
};
const askedBy = (action: string) => (action === 'pay' || action === 'return' ? 'owner' : 'admin');

/** They are about a shipment, and before the order is paid there is none. */
const ofWarehouse: readonly string[] = ['pick', 'pack', 'hand_over'];

/** Refused ones change nothing, so one order is enough for all of them. Each that works gets an order of its own. */
async function row<Action extends string, Scene extends OrderScene>(
  scene: () => Promise<Scene>,
  does: Record<Action, (scene: Scene) => Promise<Answered>>,
  allowedIn: (scene: Scene) => Promise<Action[]>,
): Promise<string[]> {
  const first = await scene();
  const allowed = await allowedIn(first);
  const cells: string[] = [];
  for (const action of Object.keys(does) as Action[]) {
    const works = allowed.includes(action);
    if (!works && ofWarehouse.includes(action) && first.shipmentId === undefined) {
      cells.push('');
      continue;
    }
    const { status, body } = await does[action](works ? await scene() : first);
    if (works) {
      if (status >= 300) throw new Error(`${action} is refused: ${JSON.stringify(body)}`);
      cells.push('yes');
    } else {
      const allowedActions = allowed.filter((each) => mayDo[askedBy(action)](each));
      expect({ action, status, body }).toMatchObject({ action, status: 409, body: { allowedActions } });
      cells.push(body.type.split('/').at(-1));
    }
  }
  // What was refused has changed nothing.
  expect(await allowedIn(first)).toEqual(allowed);
  await first.end?.();
  const isPaidBack = async () => (await world.mongo.models.refunds.countDocuments({ status: 'pending' })) === 0;
  await until(isPaidBack, 'every refund has come to its end');
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
  return cells;
}

describe('orders', () => {
  test.each(Object.keys(orderScenes({} as World)))('%s', async (state) => {
    const allowedIn = ({ orderId }: OrderScene) => orderActionsOf(world.mongo, orderId);
    found.orders.set(state, await row(orderScenes(world)[state]!, orderDoes, allowedIn));
  });
});

describe('returns', () => {
  test.each(Object.keys(returnScenes({} as World)))('%s', async (state) => {
    const allowedIn = ({ returnId }: ReturnScene) => returnActionsOf(world.mongo, returnId);
    found.returns.set(state, await row(returnScenes(world)[state]!, returnDoes, allowedIn));
  });
});

test('docs/actions.md says what was found', () => {
  const table = (columns: readonly string[], rows: Map<string, string[]>) => {
    const cells = [
      ['state', ...columns.map((action) => `\`${action}\``)],
      ...[...rows].map(([state, answers]) => [state, ...answers.map((answer) => cellOf[answer] ?? answer)]),
    ];
    const widths = cells[0]!.map((_, index) => Math.max(...cells.map((row) => row[index]!.length)));
    const [head, ...others] = cells.map((row) => `| ${row.map((cell, at) => cell.padEnd(widths[at]!)).join(' | ')} |`);
    return [head!, `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...others];
  };
  const text = readFileSync(page, 'utf8');
  const head = text.slice(0, text.indexOf('## Orders'));
  const orders = table(orderActions, found.orders);
  const returns = table(returnActions, found.returns);
  const now = [`${head}## Orders`, '', ...orders, '', '## Returns', '', ...returns, ''].join('\n');
  if (process.env.WRITE_DOCS === '1') writeFileSync(page, now);
  expect(readFileSync(page, 'utf8')).toBe(now);
});
