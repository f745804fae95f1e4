import { z } from 'zod';
import { limits } from '../../workflows/domain/limits.ts';
import { claimStates, pickLineStates, shipmentStates, shortReasons } from '../../workflows/domain/states.ts';
import * as common from './common.ts';

export const shipmentParams = z.strictObject({ id: common.shipmentId });
const shipmentStatus = z.enum(Object.keys(shipmentStates) as [keyof typeof shipmentStates]);

export const shipmentQuery = z.strictObject({
  warehouseId: common.warehouseId.optional(),
  status: shipmentStatus.optional().meta({ description: 'Everything that has not left yet where it is not given' }),
  ...common.pageQuery,
});

const priority = z.int().min(0).max(9).meta({ description: 'Higher goes first' });
export const priorityBody = z.strictObject({ priority });

const inMillimetres = 'A side of a parcel is 1 to 3000, in whole millimetres';
const inGrams = 'A parcel weighs 1 to 100000, in whole grams with its box';
const millimetres = z
  .int(inMillimetres)
  .min(1, inMillimetres)
  .max(3_000, inMillimetres)
  .meta({ description: 'Millimetres' });
const measured = {
  weightGrams: z.int(inGrams).min(1, inGrams).max(100_000, inGrams).meta({ description: 'Grams, with the box' }),
  lengthMm: millimetres,
  widthMm: millimetres,
  heightMm: millimetres,
};
const units = z
  .array(z.strictObject({ lineId: common.lineId, quantity: common.quantity }))
  .min(1)
  .max(limits.lines)
  .refine(
    (some) => new Set(some.map(({ lineId }) => lineId)).size === some.length,
    'A line is named twice in a parcel',
  );
export const packBody = z
  .strictObject({
    parcels: z
      .array(
        z.strictObject({
          ...measured,
          units: units.optional().meta({ description: 'What is in it; one parcel alone has everything' }),
        }),
      )
      .min(1)
      .max(limits.parcels),
    weightConfirmed: z.boolean().default(false).meta({
      description: 'For admins: the weight is right, though it is not what the catalogue says',
    }),
  })
  .refine(({ parcels }) => parcels.length === 1 || parcels.every((parcel) => parcel.units), {
    path: ['parcels'],
    error: 'Where there are several parcels, each says its `units`',
  });

const parcel = z
  .strictObject({
    id: z.string(),
    ...measured,
    units: z.array(z.strictObject({ lineId: z.string(), quantity: z.int() })),
    carrier: z.string().optional(),
    service: z.string().optional(),
    trackingNumber: z.string().optional(),
    labelUrl: z.string().optional().meta({ description: 'Where the label is printed from' }),
    cost: common.money.optional().meta({ description: 'For staff: what the label cost' }),
    currency: z.string().optional(),
    status: z.string().optional().meta({ description: 'What the carrier said last' }),
    expectedOn: z.string().optional().meta({ description: 'A date: when the carrier expects to deliver it' }),
    handedOverAt: common.time.optional(),
    deliveredAt: common.time.optional(),
    proof: z.strictObject({ signed: z.boolean(), leftAt: z.string().optional() }).optional(),
  })
  .meta({ id: 'Parcel' });

export const shipment = z
  .strictObject({
    id: z.string(),
    orderId: z.string(),
    warehouseId: z.string(),
    status: shipmentStatus,
    createdAt: common.time,
    lines: z.array(
      z.strictObject({
        lineId: z.string(),
        sku: z.string(),
        name: z.string(),
        bin: z.string().optional(),
        quantity: z.int(),
        picked: z.int(),
        state: z.enum(Object.keys(pickLineStates) as [keyof typeof pickLineStates]),
        shortReason: z.enum(shortReasons).optional(),
      }),
    ),
    priority,
    dispatchBy: common.time.meta({ description: 'Until when it has to be handed over' }),
    promisedBy: z.string().optional().meta({ description: 'A date: when the customer was told that it is there' }),
    pickListId: z.string().optional(),
    pickedAt: common.time.optional(),
    parcels: z.array(parcel).optional(),
    handedOverAt: common.time.optional(),
    deliveredAt: common.time.optional(),
    onTime: z.boolean().optional().meta({ description: 'Once it is delivered: whether it was there when promised' }),
    putBack: z
      .boolean()
      .optional()
      .meta({ description: 'It was cancelled, and what had been picked is not on its shelf again' }),
    toPutBack: z
      .array(
        z.strictObject({
          ...{ lineId: z.string(), sku: z.string(), name: z.string(), quantity: z.int() },
          bin: z.string().optional(),
        }),
      )
      .optional()
      .meta({ description: 'Units that were picked and then cancelled, while the rest is sent' }),
    shipTo: z.unknown().optional().meta({ description: 'Once the label is bought', type: 'object' }),
  })
  .meta({ id: 'Shipment' });

export const shipmentPage = z.strictObject({ shipments: z.array(shipment), next: common.next });
export const packed = z.strictObject({ status: z.string(), parcels: z.array(parcel) });
export const slipParams = z.strictObject({ id: common.shipmentId, parcelId: common.idOf('pcl') });

const warehouseId = common.warehouseId;
export const handOverBody = z.strictObject({
  warehouseId,
  barcodes: z
    .array(common.scanned)
    .min(1)
    .max(200)
    .refine((barcodes) => new Set(barcodes).size === barcodes.length, 'A parcel is scanned twice')
    .meta({ description: 'Of parcels: their tracking numbers, or their ids `pcl_...`' }),
  manifest: z.boolean().default(false).meta({ description: 'One paper for each driver' }),
});
const outcome = z
  .enum(['handed_over', 'waits', 'not_ready', 'on_hold', 'cancelled', 'already', 'elsewhere', 'unknown'])
  .meta({ description: '`waits`: it is noted, and other parcels of its shipment are still to come' });
export const handOver = z
  .strictObject({
    id: z.string(),
    warehouseId: z.string(),
    createdAt: common.time,
    parcels: z.array(
      z.strictObject({
        barcode: z.string(),
        parcelId: z.string().optional(),
        shipmentId: z.string().optional(),
        outcome,
        detail: z.string().optional(),
      }),
    ),
    manifests: z
      .array(
        z.strictObject({
          carrier: z.string(),
          driver: z
            .string()
            .meta({ description: 'Whose: carriers behind one provider, as `USPS`, each send their own' }),
          id: z.string(),
          url: z.string(),
        }),
      )
      .optional()
      .meta({ description: 'Absent while the carriers are asked, or where none was wanted' }),
    incident: z.string().optional().meta({ description: 'Why there is no manifest' }),
  })
  .meta({ id: 'HandOver' });
export const handOverParams = z.strictObject({ id: common.idOf('man') });

const claimStatus = z.enum(Object.keys(claimStates) as [keyof typeof claimStates]);
export const claimParams = z.strictObject({ id: common.idOf('clm') });
export const claimQuery = z.strictObject({ status: claimStatus.optional(), ...common.pageQuery });
export const claim = z
  .strictObject({
    id: z.string(),
    orderId: z.string(),
    shipmentId: z.string(),
    parcelId: z.string(),
    carrier: z.string(),
    trackingNumber: z.string(),
    why: z.string(),
    amount: common.money.meta({ description: 'What the goods were sold for' }),
    currency: z.string(),
    status: claimStatus,
    paid: common.money.optional(),
    reference: z.string().optional(),
    createdAt: common.time,
    decidedAt: common.time.optional(),
    decidedBy: z.string().optional(),
  })
  .meta({ id: 'CarrierClaim' });
export const claimPage = z.strictObject({ claims: z.array(claim), next: common.next });
export const decideClaimBody = z
  .strictObject({
    status: z.enum(['paid', 'refused', 'withdrawn']),
    paid: common.amount.optional().meta({ description: 'What the carrier pays, in the currency of the claim' }),
    reference: common.text(100).optional().meta({ description: "The carrier's number of it" }),
  })
  .refine(({ status, paid }) => (status === 'paid') === (paid !== undefined), {
    path: ['paid'],
    error: '`paid` goes with the status `paid`, and with no other',
  });
