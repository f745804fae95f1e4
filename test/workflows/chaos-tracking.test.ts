/**
 * Parcels of every fate while the carrier's webhooks come shuffled, doubled and in parallel, and half of them never: with the
 * poll of what was missed, each seed comes to the same end, with the same facts, mails and money.
 */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { createSandboxCarrier } from '../../activities/providers/sandbox-carrier.ts';
import { makeSchedules } from '../../activities/starts.ts';
import type { PackedParcel } from '../../models/shipment.ts';
import type { Answer, ParcelState, TrackingStatus } from '../../workflows/messages.ts';
import { poll } from '../support/poll.ts';
import { price } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { createWarehouse } from '../support/warehouse.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let warehouse: ReturnType<typeof createWarehouse>;
let carrier: ReturnType<typeof createSandboxCarrier>;
beforeAll(async () => {
  world = await startWorld();
  warehouse = createWarehouse(world);
  const { CARRIER_URL: url, CARRIER_API_KEY: apiKey } = world.childEnvironment;
  carrier = createSandboxCarrier({ url, apiKey });
  await makeSchedules(world.client);
});
afterAll(() => world.stop());
afterEach(() => world.webhooks('carrier', 'normal'));

/** Events that no webhook had brought when they were polled. */
let missed = 0;

test.each([1, 2, 3, 5, 8])(
  'seed %d',
  async (seed) => {
    try {
      const orders = await send();
      await world.control(world.carrier.url, 'POST', '/_sandbox/webhooks', { mode: 'chaos', seed });
      await play(orders);
      // What is still on its way changes nothing any more.
      await world.webhooks('carrier', 'normal');
      await allIsSent();
      expect(await endsOf(orders)).toEqual(sameEnds);
      expect(world.failures).toEqual([]);
    } catch (error) {
      console.error(`The seed was ${seed}`);
      throw error;
    }
  },
  60_000,
);

test('there was something to be missed', () => {
  expect(missed).toBeGreaterThan(0);
});

test('every workflow replays', async () => {
  expect(await world.replayFailures()).toEqual([]);
});

test('the auditor finds nothing', async () => {
  expect(await world.violations()).toEqual([]);
});

// ---- The parcels ----

interface Said {
  status: TrackingStatus;
  reason?: string;
  proof?: { signed: boolean; leftAt?: string };
  /** Of this one alone. */
  parcel?: number;
}

interface Story {
  parcels?: 1 | 2;
  /** When the customer was told that it is there. */
  promisedBy?: string;
  /** What is said before the next poll, and so on. */
  acts: [Said[], Said[], Said[]];
  /** What somebody answers after the second act, or after the third, and to which incident. */
  answers?: { act: 1 | 2; cause: string; given: Answer[] };
  ends: Ends;
}

interface Ends {
  order: string;
  shipment: string;
  /** What the carrier says now, and what was decided. */
  parcels: string[];
  /** Facts that are not as the carrier says. */
  wrong: string[];
  onTime: boolean | undefined;
  mails: string[];
  captured: number[];
  refunds: number[];
  claims: string[];
  /** Whether the goods are sent again. */
  reships: number;
  returns: number;
}

const proof = { signed: false, leftAt: 'porch' };
const says = (status: TrackingStatus, more: Omit<Said, 'status'> = {}): Said => ({ status, ...more });
const begins = [says('accepted'), says('in_transit')];
const arrives = says('delivered', { proof });
const two = 2 * price;

const delivered: Ends = {
  ...{ order: 'completed', shipment: 'delivered', parcels: ['delivered'], wrong: [], onTime: undefined },
  ...{ mails: ['delivered', 'order_confirmed', 'out_for_delivery', 'shipped'], captured: [two], refunds: [] },
  ...{ claims: [], reships: 0, returns: 0 },
};
/** Told of the door only when it was over: no mail says that it comes today. */
const unannounced: Ends = { ...delivered, mails: ['delivered', 'order_confirmed', 'shipped'] };
const gone: Ends = { ...unannounced, shipment: 'lost', mails: ['order_confirmed', 'shipped'] };

const stories = {
  inTime: {
    promisedBy: '2999-12-31',
    acts: [begins, [says('out_for_delivery')], [arrives]],
    ends: { ...delivered, onTime: true },
  },
  late: {
    promisedBy: '2020-01-01',
    acts: [begins, [says('exception', { reason: 'not_home' }), says('out_for_delivery')], [arrives]],
    ends: { ...delivered, onTime: false },
  },
  inTwo: {
    parcels: 2,
    promisedBy: '2999-12-31',
    acts: [begins, [], [says('delivered', { parcel: 0 }), says('delivered', { parcel: 1 })]],
    ends: { ...unannounced, parcels: ['delivered', 'delivered'], onTime: true },
  },
  toldAtOnce: {
    acts: [[], [], [...begins, says('exception', { reason: 'other' }), says('in_transit'), arrives]],
    ends: unannounced,
  },
  found: {
    acts: [begins, [says('lost')], [says('in_transit'), arrives]],
    answers: { act: 1, cause: 'lost', given: [] },
    ends: unannounced,
  },
  lostAndFoundAtOnce: {
    acts: [begins, [], [says('lost'), says('in_transit'), arrives]],
    ends: unannounced,
  },
  waitedFor: {
    acts: [begins, [says('lost')], [says('in_transit'), arrives]],
    answers: { act: 1, cause: 'lost', given: ['wait'] },
    ends: unannounced,
  },
  helped: {
    acts: [begins, [says('exception', { reason: 'address' })], [says('in_transit'), arrives]],
    answers: { act: 1, cause: 'delivery_exception', given: ['wait'] },
    ends: unannounced,
  },
  refunded: {
    acts: [begins, [says('lost')], []],
    answers: { act: 1, cause: 'lost', given: ['refund'] },
    ends: { ...gone, parcels: ['lost refunded'], mails: [...gone.mails, 'refunded'].sort(), refunds: [two] },
  },
  claimed: {
    acts: [begins, [says('lost')], []],
    answers: { act: 1, cause: 'lost', given: ['claim', 'refund'] },
    ends: {
      ...{ ...gone, parcels: ['lost refunded'], mails: [...gone.mails, 'refunded'].sort(), refunds: [two] },
      claims: [`${two} lost`],
    },
  },
  sentAgain: {
    acts: [begins, [says('lost')], []],
    answers: { act: 1, cause: 'lost', given: ['claim', 'reship'] },
    ends: { ...gone, parcels: ['lost reshipped'], claims: [`${two} lost`], reships: 1 },
  },
  broughtBack: {
    acts: [begins, [], [says('exception', { reason: 'refused' }), says('returned_to_sender')]],
    ends: { ...gone, shipment: 'returned_to_sender', parcels: ['returned_to_sender'], returns: 1 },
  },
  oneOfTwo: {
    parcels: 2,
    acts: [begins, [says('lost', { parcel: 0 })], [says('delivered', { parcel: 1, proof })]],
    answers: { act: 1, cause: 'lost', given: ['refund'] },
    ends: {
      ...{ ...unannounced, parcels: ['lost refunded', 'delivered'], refunds: [price] },
      mails: [...unannounced.mails, 'refunded'].sort(),
    },
  },
} satisfies Record<string, Story>;

const kinds = Object.entries(stories) as [keyof typeof stories, Story][];
const sameEnds = Object.fromEntries(kinds.map(([kind, { ends }]) => [kind, ends]));

type Orders = Record<string, { orderId: string; shipmentId: string }>;

// ---- The play ----

/** All of them are on their way. */
async function send(): Promise<Orders> {
  const sent = kinds.map(async ([kind, { parcels = 1, promisedBy }]) => {
    const { orderId } = await world.place();
    const shipmentId = (await world.shipmentsOf(orderId))[0]!.id;
    if (promisedBy) await world.mongo.models.shipments.updateOne({ _id: shipmentId }, { $set: { promisedBy } });
    await world.pickAll(shipmentId);
    const { lineId } = (await warehouse.shipmentOf(shipmentId)).lines[0]!;
    const boxes = parcels === 1 ? [[{ lineId, quantity: 2 }]] : [1, 2].map(() => [{ lineId, quantity: 1 }]);
    await warehouse.packInto(shipmentId, boxes);
    await world.handOver(orderId, shipmentId);
    return [kind, { orderId, shipmentId }] as const;
  });
  return Object.fromEntries(await Promise.all(sent));
}

/** After each act the poll fetches what its webhooks did not bring. */
async function play(orders: Orders): Promise<void> {
  for (const act of [0, 1, 2] as const) {
    await Promise.all(kinds.map(([kind, { acts }]) => tell(orders[kind]!.shipmentId, acts[act])));
    await pollForMissed();
    await Promise.all(kinds.map(([kind, story]) => answer(orders[kind]!.orderId, story, act)));
    await Promise.all(kinds.map(([kind, { acts }]) => isHeard(orders[kind]!, acts.slice(0, act + 1).flat())));
  }
  const ended = JSON.stringify(sameEnds);
  await until(async () => JSON.stringify(await endsOf(orders)) === ended, 'all comes to its end', 10_000).catch(() => {
    // The test says what differs.
  });
}

/** The carrier's clock has milliseconds: no two things happen to a parcel in one of them. */
async function tell(shipmentId: string, said: readonly Said[]): Promise<void> {
  for (const { status, ...more } of said) {
    const last = Date.now();
    await world.carrierSays(shipmentId, status, more);
    await until(async () => Date.now() > last + 1, 'the clock moves');
  }
}

/** Once while webhooks still come, which put off when a carrier is asked; and once when they have come. */
async function pollForMissed(): Promise<void> {
  const { inbox } = world.mongo.models;
  await pollNow();
  await allIsSent();
  const before = await inbox.countDocuments({ source: 'carrier' });
  await pollNow();
  missed += (await inbox.countDocuments({ source: 'carrier' })) - before;
}

async function pollNow(): Promise<void> {
  await world.mongo.models.shipments.updateMany({ checkAt: { $exists: true } }, { $set: { checkAt: new Date() } });
  await poll(world, 'poll-sandbox');
}

async function allIsSent(): Promise<void> {
  await until(async () => {
    const state = await world.control(world.carrier.url, 'GET', '/_sandbox/state');
    return (state as { webhooks: { due: number } }).webhooks.due === 0;
  }, 'the carrier has sent everything');
  await world.inboxIsEmpty();
}

async function answer(orderId: string, { answers }: Story, act: number): Promise<void> {
  if (answers?.act !== act) return;
  await world.incident(orderId, answers.cause);
  for (const given of answers.given) {
    const { id } = await world.incident(orderId, answers.cause);
    expect(await world.answer(orderId, id, given)).toBe(true);
  }
}

/** The order knows how far its parcels have come, and how they ended, so that the next act finds all alike. */
async function isHeard({ orderId, shipmentId }: Orders[string], said: readonly Said[]): Promise<void> {
  const told = said.filter(({ status }) => status !== 'accepted');
  if (told.length === 0) return;
  const heard = async () => {
    const parcels = (await world.shipmentsOf(orderId)).find(({ id }) => id === shipmentId)!.parcels!;
    return parcels.every(({ status }, index) => {
      const last = told.findLast(({ parcel = index }) => parcel === index)?.status;
      return last === undefined || status === last;
    });
  };
  await until(heard, `${shipmentId} is ${told.at(-1)!.status}`);
}

// ---- The ends ----

async function endsOf(orders: Orders): Promise<Record<string, Ends>> {
  return Object.fromEntries(
    await Promise.all(Object.entries(orders).map(async ([kind, order]) => [kind, await endOf(order)])),
  );
}

async function endOf({ orderId, shipmentId }: Orders[string]): Promise<Ends> {
  const { models } = world.mongo;
  const { status, state } = await world.readOrder(orderId);
  const shown = state!.shipments.find(({ id }) => id === shipmentId)!;
  const stored = await warehouse.shipmentOf(shipmentId);
  const parcels = stored.parcels!;
  const facts = await Promise.all(
    parcels.map((parcel) => findWrong(parcel, shown.parcels!.find(({ id }) => id === parcel.id)!)),
  );
  const arrivals = parcels.flatMap(({ deliveredAt }) => deliveredAt?.toISOString() ?? []).sort();
  const last = arrivals.at(-1);
  const allArrived = arrivals.length === parcels.length ? last : undefined;
  const { captured, refunds } = await world.atStripe(orderId);
  const claims = await models.carrierClaims.find({ orderId }).lean();
  return {
    order: status,
    shipment: shown.status,
    parcels: shown.parcels!.map((parcel) => [parcel.status, parcel.resolved].filter(Boolean).join(' ')),
    wrong: [
      ...facts.flat(),
      ...(shown.deliveredAt === last ? [] : ['shown.deliveredAt']),
      ...(stored.deliveredAt?.toISOString() === allArrived ? [] : ['stored.deliveredAt']),
      ...state!.incidents.map(({ cause }) => cause),
    ],
    onTime: stored.onTime,
    mails: (await world.mailsOf(orderId)).sort(),
    ...{ captured, refunds },
    claims: claims.map(({ amount, why }) => `${amount} ${why}`),
    reships: await models.orders.countDocuments({ reshipOf: { $in: parcels.map(({ id }) => id) } }),
    returns: await models.returns.countDocuments({ orderId }),
  };
}

/** What is written down of a parcel otherwise than its carrier says. */
async function findWrong(stored: PackedParcel, shown: ParcelState): Promise<string[]> {
  const events = await carrier.track(stored.label!.trackingNumber);
  const arrival = events.find(({ status }) => status === 'delivered');
  const newest = events.at(-1)!;
  // What is over is not asked about any more: the carrier's first word may never have come.
  const come = await world.mongo.models.inbox.find({ _id: { $in: events.map(({ id }) => `carrier:sandbox:${id}`) } });
  const expects = events.find((event) => event.expectedOn !== undefined);
  const { tracking, deliveredAt, proof: left, expectedOn } = stored;
  const facts = { status: tracking?.status, at: tracking?.at.toISOString(), deliveredAt: deliveredAt?.toISOString() };
  const is = { ...facts, proof: left, expectedOn, heardAt: shown.heardAt };
  const should = {
    ...{ status: newest.status, at: newest.at, deliveredAt: arrival?.at, proof: arrival?.proof, heardAt: newest.at },
    expectedOn: come.some(({ _id }) => _id === `carrier:sandbox:${expects?.id}`) ? expects!.expectedOn : undefined,
  };
  const fields = Object.keys(is) as (keyof typeof is)[];
  return fields.filter((field) => JSON.stringify(is[field]) !== JSON.stringify(should[field]));
}
