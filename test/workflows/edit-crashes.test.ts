/** Every step of an edit dies at each moment around its call of Stripe and its record: the edit is made as if nothing had died, or not at all. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Order } from '../../models/order.ts';
import { type Call, createCrashes, type Moment, type Step } from '../support/crashes.ts';
import { createEditor } from '../support/edits.ts';
import { price } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';

const crashes = createCrashes();
let world: World;
let editor: Awaited<ReturnType<typeof createEditor>>;
beforeAll(async () => {
  world = await startWorld({ crashes });
  editor = await createEditor(world);
});
afterAll(async () => {
  await editor.api.stop();
  await world.stop();
});

/** What is left of an order: units and amounts in minor units. */
interface Ends {
  status: Order['status'];
  total: number;
  units: number;
  /** Intents that hold money, and what the order's own is about. */
  held: number;
  amountDue: number;
  mails: string[];
  /** Whether an edit waits for its customer. */
  waits: boolean;
}

interface Ready {
  orderId: string;
  act(): Promise<unknown>;
}

type Row = [what: string, step: Step, call: Call | undefined, ready: () => Promise<Ready>, ends: Ends];

const mailed = ['order_confirmed', 'order_changed'];
const more: Ends = {
  ...{ status: 'confirmed', total: 3 * price, units: 3, held: 1, amountDue: 3 * price, mails: mailed, waits: false },
};
const less: Ends = { ...more, total: price, units: 1, amountDue: 2 * price };
const asBefore: Ends = { ...more, total: 2 * price, units: 2, amountDue: 2 * price, mails: ['order_confirmed'] };
const unpaid: Ends = { ...more, status: 'awaiting_payment', held: 0, mails: ['payment_needed', 'order_changed'] };

const visa = 'pm_card_visa';
const refused = 'pm_card_visa_chargeDeclined';
const strong = 'pm_card_authenticationRequired';

// biome-ignore format: it is read as a table
const rows: Row[] = [
  ['an edit that is read',                   'readEdit',        undefined,       edited(3, visa),     more],
  ['an intent for more',                     'authorizeEdit',   'createIntent',  edited(3, visa),     more],
  ['more is authorized',                     'authorizeEdit',   'confirmIntent', edited(3, visa),     more],
  ['more is declined',                       'authorizeEdit',   'confirmIntent', edited(3, refused),  asBefore],
  ['what was declined is let go',            'releaseEdit',     'cancelIntent',  edited(3, refused),  asBefore],
  ['more is made',                           'applyEdit',       undefined,       edited(3, visa),     more],
  ['the first authorization is let go',      'releaseEdit',     'cancelIntent',  edited(3, visa),     more],
  ['less is made',                           'applyEdit',       undefined,       edited(1, visa),     less],
  ['more is refused, as somebody picks',     'applyEdit',       undefined,       begun,               asBefore],
  ['more that is not made is let go',        'releaseEdit',     'cancelIntent',  begun,               asBefore],
  ['more that its customer confirms',        'authorizeEdit',   'readIntent',    confirmed,           { ...more, mails: ['order_confirmed', 'edit_payment_needed', 'order_changed'] }],
  ['an intent that is looked at',            'withdrawPayment', 'readIntent',    editedUnpaid,        unpaid],
  ['an intent that is withdrawn',            'withdrawPayment', 'cancelIntent',  editedUnpaid,        unpaid],
  ['an unpaid order that is made another',   'applyEdit',       undefined,       editedUnpaid,        unpaid],
  ['an intent in its place',                 'issuePayment',    'createIntent',  editedUnpaid,        unpaid],
];

const forgotten = 'after the call, whose key Stripe forgets';

describe.each(rows)('%s', (_what, step, call, ready, ends) => {
  const around: Moment[] = ['before the call', 'after the call', 'after its record'];
  const columns = call === undefined ? (['before its work', 'after its record'] as Moment[]) : around;
  const keyed = call !== undefined && call !== 'readIntent';
  test.each<Moment | typeof forgotten>(keyed ? [...columns, forgotten] : columns)('dies %s', async (column) => {
    const { orderId, act } = await ready();
    const fired = crashes.arm({
      ...{ step, call, moment: column === forgotten ? 'after the call' : column },
      isMine: async (input) => input.orderId === orderId,
      meanwhile: column === forgotten ? forgetKey : undefined,
    });
    await act();
    await world.inboxIsEmpty();
    const ended = async () => {
      const found = await endsOf(orderId);
      return JSON.stringify(found) === JSON.stringify(ends);
    };
    await until(ended, 'it has ended', 5_000).catch(() => {});
    expect(await endsOf(orderId)).toEqual(ends);
    expect(fired()).toBe(1);
  });
});

test('every workflow replays, and the auditor finds nothing', async () => {
  expect(await world.replayFailures()).toEqual([]);
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
});

async function forgetKey(key: string): Promise<void> {
  await world.control(world.stripe.url, 'DELETE', `/_sandbox/idempotency_keys/${key}`);
}

async function endsOf(orderId: string): Promise<Ends> {
  const { status, total, lines } = await world.readOrder(orderId);
  const { amountDue, edit } = await world.paymentOf(orderId);
  const claims = lines.flatMap(({ allocations }) => allocations).filter(({ state }) => state !== 'released');
  return {
    ...{ status, total, units: claims.reduce((sum, { quantity }) => sum + quantity, 0) },
    ...{ held: (await world.atStripe(orderId)).held, amountDue },
    ...{ mails: await world.mailsOf(orderId), waits: edit !== undefined },
  };
}

function edited(quantity: number, paymentMethod: string) {
  return async (): Promise<Ready> => {
    const { orderId } = await world.place();
    const editId = await editor.previewed(orderId, { items: [{ sku: 'MUG', quantity }] });
    return { orderId, act: () => editor.confirm(orderId, editId, { paymentMethod }) };
  };
}

/** Somebody scans while the money is authorized. */
async function begun(): Promise<Ready> {
  const { orderId, act } = await edited(3, visa)();
  const [shipment] = await world.shipmentsOf(orderId);
  await world.pickListOf(shipment!.id);
  crashes.arm({
    ...{ step: 'authorizeEdit', call: 'confirmIntent', moment: 'after the call' },
    isMine: async (input) => input.orderId === orderId,
    meanwhile: () => world.scan(shipment!.id, 'MUG', 1),
  });
  return { orderId, act };
}

async function confirmed(): Promise<Ready> {
  const { orderId, act } = await edited(3, strong)();
  await act();
  return {
    orderId,
    async act() {
      const { edit } = await world.paymentOf(orderId);
      const at = `/_sandbox/payment_intents/${edit!.intentId}/authenticate`;
      await world.control(world.stripe.url, 'POST', at, { outcome: 'succeed' });
      await until(async () => (await world.mailsOf(orderId)).includes('order_changed'), 'it is made');
    },
  };
}

async function editedUnpaid(): Promise<Ready> {
  const { orderId } = await world.place({ paymentMethod: refused });
  const editId = await editor.previewed(orderId, { items: [{ sku: 'MUG', quantity: 3 }] });
  return { orderId, act: () => editor.confirm(orderId, editId) };
}
