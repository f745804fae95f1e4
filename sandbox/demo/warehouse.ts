/** A morning in a warehouse: a wave of orders, picked by lists, packed, handed over, and not all of it goes well. */

import { type PickListView, type Placed, Unexpected } from '../shop/client.ts';
import { shelved, shelvedIn } from '../shop/goods.ts';
import { eventually, play } from '../shop/outside.ts';
import { ending, handOverAndFollow, openIncident, place, type Stage, type Story, type Tell } from './acts.ts';

const carts: [sku: string, quantity: number][][] = [
  [['SOAP', 2]],
  [
    ['CANDLE', 1],
    ['BRUSH', 1],
  ],
  // One of these candles is not where it should be.
  [
    ['SOAP', 1],
    ['CANDLE', 2],
  ],
  [['BRUSH', 3]],
  [
    ['SOAP', 1],
    ['BRUSH', 1],
  ],
  [['CANDLE', 1]],
];

export const storiesOfTheWarehouse: Story[] = [
  {
    title: 'A wave of six: one picked short, one lost',
    expected: 'six orders completed, one short, one sent again',
    async play(stage, tell) {
      const placed: Placed[] = [];
      for (const cart of carts) {
        const items = cart.map(([sku, quantity]) => ({ sku, quantity }));
        placed.push(await place(stage, () => {}, { items }));
      }
      tell(`${placed.length} orders placed`);
      const shortId = placed[2]!.order.id;
      const lists = await releaseWave(stage, tell, placed);
      for (const list of lists) await pickList(stage, tell, list, shortId);
      await countWhatIsMissing(stage, tell);
      const parcels = await packAll(stage, tell, placed);
      await handOver(stage, tell, parcels);
      await travel(stage, tell, placed);
      for (const { order } of placed) await ending(stage, order.id);
      const short = await stage.shop.order(shortId);
      if (short.paymentStatus !== 'captured') throw new Error(`The short order is ${short.paymentStatus}`);
      return {
        orderId: placed[0]!.order.id,
        total: `${placed.length} orders`,
        status: 'six orders completed, one short, one sent again',
      };
    },
  },
];

async function releaseWave({ shop }: Stage, tell: Tell, placed: readonly Placed[]): Promise<PickListView[]> {
  for (const { order } of placed) {
    await eventually(`${order.id} is to be picked`, async () =>
      (await shop.order(order.id)).shipments.every(({ status }) => status === 'picking') ? true : undefined,
    );
  }
  const wave = await shop.releaseWave({ warehouseId: shelvedIn, shipmentsAList: 3 });
  tell(`a wave of ${wave.pickLists.length} pick lists`);
  return Promise.all(
    wave.pickLists.map(async ({ id }) => {
      const paper = await shop.pdf(`/pick-lists/${id}/pdf?paper=4x6`);
      if (!paper.subarray(0, 5).equals(Buffer.from('%PDF-'))) throw new Error(`The pick list ${id} is no PDF`);
      return shop.takePickList(id);
    }),
  );
}

/** In walking order, by barcode and bin. What does not fit is refused, and nothing wrong leaves. */
async function pickList(
  { shop }: Stage,
  tell: Tell,
  { id, lines, shipments }: PickListView,
  shortId: string,
): Promise<void> {
  await isRefused('wrong_item', () => shop.scan(id, 'CLOCK', 1, lines[0]!.bin));
  await isRefused('wrong_bin', () => shop.scan(id, lines[0]!.barcode!, 1, 'Z-99'));
  const isShort = shipments.some(({ orderId }) => orderId === shortId);
  for (const { sku, barcode, bin, quantity } of lines) {
    const missing = isShort && sku === 'CANDLE' ? 1 : 0;
    if (quantity > missing) await shop.scan(id, barcode!, quantity - missing, bin);
    if (missing > 0) await shop.short(id, sku, 'could_not_locate');
  }
  tell(`${shipments.length} shipments picked${isShort ? ', one candle not found' : ''}`);
}

async function isRefused(code: string, act: () => Promise<unknown>): Promise<void> {
  const refusal = await act().catch((error) => error);
  if (!(refusal instanceof Unexpected) || refusal.body.code !== code)
    throw new Error(`It should have been refused as ${code}: ${refusal}`);
}

/** What was not found is set aside until somebody has counted, and somebody else has approved it. */
async function countWhatIsMissing({ shop }: Stage, tell: Tell): Promise<void> {
  const { id, sku } = await eventually('a count of what was not found', async () => {
    const [count] = await shop.openCounts(shelvedIn);
    return count && { id: count.id, sku: count.lines[0]!.sku };
  });
  const { onHand } = await shop.stock(sku, shelvedIn);
  // All but one are on the shelf, or in the trolleys.
  const inTrolleys = 3;
  await shop.count(id, sku, onHand - 1 - inTrolleys);
  await shop.approveCount(id);
  tell('counted: one candle is gone, and the books say so');
}

async function packAll(stage: Stage, tell: Tell, placed: readonly Placed[]): Promise<string[]> {
  const numbers: string[] = [];
  for (const { order } of placed) {
    const { id } = (await stage.shop.order(order.id)).shipments[0]!;
    // The scales find what is in the wrong box.
    if (numbers.length === 0) await isRefused('wrong_weight', () => pack(stage, id, 900));
    const parcel = await pack(stage, id, 150);
    await stage.shop.pdf(`/shipments/${id}/parcels/${parcel.id}/packing-slip`);
    numbers.push(parcel.trackingNumber!);
  }
  tell(`${numbers.length} parcels packed and labelled, each weighed`);
  return numbers;
}

async function pack({ shop }: Stage, shipmentId: string, boxGrams: number) {
  const { lines } = await eventually(`${shipmentId} is picked`, async () => {
    const shipment = await shop.shipment(shipmentId);
    return shipment.status === 'picked' ? shipment : undefined;
  });
  const goods = lines.reduce((sum, { sku, picked }) => sum + picked * shelved[sku]!.weightGrams, 0);
  const box = { lengthMm: 240, widthMm: 180, heightMm: 120, weightGrams: goods + boxGrams };
  return (await shop.pack(shipmentId, box)).parcels[0]!;
}

async function handOver({ shop }: Stage, tell: Tell, numbers: string[]): Promise<void> {
  const { id, parcels } = await shop.handOverParcels(shelvedIn, [...numbers, 'WB0000000000']);
  const outcomes = parcels.map(({ outcome }) => outcome);
  const left = outcomes.filter((outcome) => outcome === 'handed_over').length;
  if (left !== numbers.length || outcomes.at(-1) !== 'unknown') throw new Error(`The hand-over says ${outcomes}`);
  await eventually('the paper for the driver', async () => (await shop.handOverOf(id)).manifests?.[0]);
  tell(`${left} parcels handed over on one manifest, a seventh is nobody's`);
}

async function travel(stage: Stage, tell: Tell, placed: readonly Placed[]): Promise<void> {
  const { shop, carrierUrl } = stage;
  const says = async (orderId: string, status: string) => {
    const [shipment] = (await shop.order(orderId)).shipments;
    for (const { trackingNumber } of shipment!.parcels!)
      await play(carrierUrl, 'POST', `/tracking/${trackingNumber}`, { status });
  };
  const lostId = placed[4]!.order.id;
  for (const { order } of placed) await says(order.id, 'in_transit');
  for (const { order } of placed) await says(order.id, order.id === lostId ? 'lost' : 'delivered');
  tell('five delivered, one lost');
  const first = await openIncident(stage, lostId, 'lost');
  await shop.answer(lostId, first.id, 'claim');
  const again = await eventually('another answer is asked for', async () =>
    (await shop.order(lostId)).incidents?.find(({ cause, id }) => cause === 'lost' && id !== first.id),
  );
  await shop.answer(lostId, again.id, 'reship');
  const nextId = await eventually('it is sent again', async () => {
    const { timeline = [] } = await shop.order(lostId);
    return timeline.flatMap(({ what }) => /Sent again as (ord_\w+)/.exec(what)?.[1] ?? [])[0];
  });
  tell('a claim against the carrier, and the goods once more');
  await eventually(`${nextId} is to be picked`, async () =>
    (await shop.order(nextId)).shipments[0]?.status === 'picking' ? true : undefined,
  );
  const { id } = (await shop.order(nextId)).shipments[0]!;
  await shop.pickAll(id);
  await pack(stage, id, 150);
  await handOverAndFollow(stage, () => {}, nextId, id);
}
