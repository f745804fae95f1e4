/** The papers of what leaves together: one for each driver, whoever sold the labels. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { CarrierId } from '../../activities/providers/carrier.ts';
import { makeManifests } from '../../activities/shipping/hand-overs.ts';
import type { Carriers } from '../../activities/shipping/labels.ts';
import { newId } from '../../models/id.ts';
import type { ParcelLabel } from '../../models/shipment.ts';
import { connectMongo, type Mongo } from '../../platform/mongo.ts';
import { address, labelRequest, type Stage, stages } from '../support/carriers.ts';
import { newDatabaseUri } from '../support/servers.ts';
import { newShipment } from '../support/shipments.ts';

let mongo: Mongo;
let sandbox: Stage;
let easyPost: Stage;
let carriers: Carriers;
beforeAll(async () => {
  mongo = await connectMongo(newDatabaseUri());
  [sandbox, easyPost] = (await Promise.all(stages.map(([_, start]) => start()))) as [Stage, Stage];
  carriers = new Map([sandbox, easyPost].map(({ carrier }) => [carrier.id, carrier]));
  await mongo.models.warehouses.create([{ _id: 'berlin', name: 'Berlin', address, priority: 1, active: true }]);
});
afterAll(async () => {
  await Promise.all([sandbox.stop(), easyPost.stop()]);
  await mongo.connection.dropDatabase();
  await mongo.close();
});

interface Sent {
  id: string;
  shipmentId: string;
  label: ParcelLabel;
}

/** A parcel that has left. */
async function sent(carrierId: CarrierId, service: string): Promise<Sent> {
  const id = newId('pcl');
  const request = labelRequest(`${id}:label`, { reference: id, service });
  const { reference: _, status: __, trackingUrl: ___, ...bought } = await carriers.get(carrierId)!.buyLabel(request);
  const label = { ...bought, carrier: carrierId, boughtAt: new Date() };
  const parcel = { id, ...request.parcel, units: [], label };
  const shipment = newShipment({ parcels: [parcel] });
  await mongo.models.shipments.create([shipment]);
  return { id, shipmentId: shipment._id, label };
}

async function handOver(...parcels: Sent[]): Promise<string> {
  const handOverId = newId('man');
  const scanned = parcels.map(({ id, shipmentId }) => ({
    ...{ barcode: id, parcelId: id, shipmentId, outcome: 'handed_over' as const },
  }));
  const _id = { $in: parcels.map(({ shipmentId }) => shipmentId) };
  await mongo.models.shipments.updateMany({ _id }, { $set: { leftIn: handOverId } });
  const at = { warehouseId: 'berlin', createdAt: new Date(), actor: 'ann', wantsManifest: true };
  await mongo.models.handOvers.create([{ _id: handOverId, ...at, parcels: scanned }]);
  return handOverId;
}

const read = (handOverId: string) => mongo.models.handOvers.findById(handOverId).lean().orFail();
const forms = async () =>
  ((await easyPost.control('GET', '/state')) as { scan_forms: { id: string; tracking_codes: string[] }[] }).scan_forms;

test('there is one for each driver, with the parcels that are theirs', async () => {
  const [ground, priority, ups] = [
    await sent('easypost', 'USPS/GroundAdvantage'),
    await sent('easypost', 'USPS/Priority'),
    await sent('easypost', 'UPS/Ground'),
  ];
  const handOverId = await handOver(ground, await sent('sandbox', 'standard'), ups, priority);
  await makeManifests(mongo, carriers, { handOverId });
  const { manifests, refusals } = await read(handOverId);
  expect(refusals).toBeUndefined();
  const drivers = manifests!.map(({ carrier, driver }) => `${carrier} ${driver}`);
  expect(drivers.sort()).toEqual(['easypost UPS', 'easypost USPS', 'sandbox sandbox']);
  const onForm = async (driver: string) => {
    const { id } = manifests!.find((each) => each.driver === driver)!;
    return (await forms()).find((form) => form.id === id)!.tracking_codes.toSorted();
  };
  const numbers = (...parcels: { label: ParcelLabel }[]) => parcels.map(({ label }) => label.trackingNumber).sort();
  expect(await onForm('USPS')).toEqual(numbers(ground, priority));
  expect(await onForm('UPS')).toEqual(numbers(ups));
});

test('a driver whose paper is refused keeps no other from theirs', async () => {
  const [given, ups] = [await sent('easypost', 'USPS/Priority'), await sent('easypost', 'UPS/Ground')];
  await easyPost.carrier.voidLabel(given.label.id);
  const handOverId = await handOver(given, ups);
  await makeManifests(mongo, carriers, { handOverId });
  expect(await read(handOverId)).toMatchObject({
    manifests: [{ driver: 'UPS' }],
    refusals: [expect.stringMatching(/^USPS: .*SCAN_FORM\.SHIPMENTS\.INVALID/)],
  });
});

test('tried again after a failure between two papers, each is made once', async () => {
  const handOverId = await handOver(await sent('sandbox', 'standard'), await sent('easypost', 'UPS/Ground'));
  const before = (await forms()).length;
  await easyPost.fault('scan_forms.create', 'lose_reply');
  await expect(makeManifests(mongo, carriers, { handOverId })).rejects.toThrow('POST /scan_forms');
  expect((await read(handOverId)).papersAt).toBeUndefined();
  await makeManifests(mongo, carriers, { handOverId });
  expect(await easyPost.faultsFired()).toBe(true);
  expect(await read(handOverId)).toMatchObject({ papersAt: expect.any(Date), manifests: { length: 2 } });
  expect(await forms()).toHaveLength(before + 1);
});
