/** Whatever is open is brought to its end: everybody does what is left to be done. */
import type { Dispute } from '../../../models/payment.ts';
import { until } from '../../support/until.ts';
import { claimsOf, decideClaim, incidentsOf, isOpen, returnsOf, settle, takeBack } from './after.ts';
import { confirmInBrowser, openOrders } from './before.ts';
import { ask, type Life, oneOf, receive, shipmentsOf } from './life.ts';
import { carrierSays, leave, packInto, pickAll } from './warehouse.ts';

/** @throws with what is still open */
export async function bringToEnd(life: Life, chance: number, ms: number): Promise<void> {
  life.log.push('---- to the end ----');
  await until(() => isOver(life, chance), 'everything ends', ms).catch(async (error) => {
    const left = (await openOrders(life)).map(({ state }) => state);
    const shipments = (await shipmentsOf(life)).filter(
      ({ handedOverAt, cancelledAt }) => !handedOverAt && !cancelledAt,
    );
    const returns = (await returnsOf(life)).filter(isOpen);
    const open = { orders: left, incidents: await incidentsOf(life), returns, shipments };
    throw new Error(`Still open: ${JSON.stringify(open, null, 1)}`, { cause: error });
  });
}

async function isOver(life: Life, chance: number): Promise<boolean> {
  const parts = [answerAll, payAll, sendAll, deliverAll, takeAllBack, decideAll, closeDisputes, isRefunded];
  let isQuiet = true;
  for (const part of parts) if ((await part(life, chance)) > 0) isQuiet = false;
  return isQuiet && (await openOrders(life)).length === 0;
}

/** Each answers with how much there was to do. */
type Part = (life: Life, chance: number) => Promise<number>;

const answerAll: Part = async (life, chance) => {
  const incidents = await incidentsOf(life);
  for (const incident of incidents) {
    // Whoever only waits, or tries again, comes to no end.
    const last = incident.answers.filter((each) => !['wait', 'retry', 'claim'].includes(each));
    const answers = last.length > 0 ? last : incident.answers;
    if (incident.cause === 'reserve_stock') await goodsFor(life);
    await settle(life, { ...incident, answers: incident.cause === 'reserve_stock' ? ['retry'] : answers }, chance);
  }
  return incidents.length;
};

const payAll: Part = async (life) => {
  const orders = await openOrders(life);
  const waiting = orders.filter(({ status }) => status === 'awaiting_payment');
  for (const { _id } of waiting)
    await ask(life, 'once', [
      ...(['POST', `/v1/orders/${_id}/payments`, { paymentMethod: 'pm_card_visa' }] as const),
      life.api.ownerOf(_id),
    ]);
  const asked = orders.filter(({ state }) => state?.waitingFor?.event === 'payment');
  for (const { _id } of asked) await confirmInBrowser(life, _id);
  if (orders.some(({ backordered = [] }) => backordered.length > 0)) await goodsFor(life);
  return waiting.length;
};

/** Enough of what is waited for. */
async function goodsFor(life: Life): Promise<void> {
  for (const sku of life.shelf.prices.keys())
    if (!life.shelf.bundles.has(sku)) await receive(life, { sku, quantity: 10 }, 'wh_east');
}

const sendAll: Part = async (life, chance) => {
  const open = (await shipmentsOf(life)).filter(({ handedOverAt, cancelledAt }) => !handedOverAt && !cancelledAt);
  for (const shipment of open) {
    if (!shipment.pickedAt) await pickAll(life, shipment);
    else if (!shipment.labelRequestedAt) await packInto(life, shipment, 1 + (chance % 2));
    else await leave(life, shipment._id);
  }
  return open.length;
};

const deliverAll: Part = async (life) => {
  const sent = (await shipmentsOf(life)).filter(({ handedOverAt }) => handedOverAt);
  let count = 0;
  for (const shipment of sent)
    for (const index of (shipment.parcels ?? []).keys())
      if (await carrierSays(life, shipment, index, 'delivered')) count += 1;
  return count;
};

const takeAllBack: Part = async (life, chance) => {
  const open = (await returnsOf(life)).filter(isOpen);
  for (const found of open) await takeBack(life, found, chance, 1 + (chance % 3));
  return open.length;
};

const decideAll: Part = async (life, chance) => {
  const open = (await claimsOf(life)).filter(({ status }) => status === 'open' || status === 'approved');
  for (const found of open) if (found.status === 'open') await decideClaim(life, found, chance);
  return open.length;
};

const closeDisputes: Part = async (life, chance) => {
  const { world } = life;
  const orderId = { $in: [...life.placed.keys()] };
  const open = await world.mongo.models.disputes.find({ orderId, 'state.status': 'open' }).lean<Dispute[]>();
  for (const [index, { _id, status }] of open.entries()) {
    if (status !== 'open') continue;
    const outcome = oneOf(['won', 'lost'] as const, chance + index)!;
    await world
      .control(world.stripe.url, 'POST', `/_sandbox/disputes/${_id}/decide`, { outcome })
      .then(() => life.log.push(`the bank decides ${_id}: ${outcome}`))
      .catch(() => undefined);
  }
  return open.length;
};

const isRefunded: Part = async ({ world, placed }) => {
  const orderId = { $in: [...placed.keys()] };
  return world.mongo.models.refunds.countDocuments({ orderId, status: 'pending' });
};
