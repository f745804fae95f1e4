import { z } from 'zod';
import { pickListKinds } from '../../models/pick-list.ts';
import { limits } from '../../workflows/domain/limits.ts';
import { shortReasons } from '../../workflows/domain/states.ts';
import { groupings, sizes } from '../../workflows/domain/waves.ts';
import * as common from './common.ts';

const pickListId = common.idOf('pkl');
export const pickListParams = z.strictObject({ id: pickListId });

export const pickListBody = z.strictObject({
  shipmentIds: z
    .array(common.shipmentId)
    .min(1)
    .max(limits.shipmentsAList)
    .refine((ids) => new Set(ids).size === ids.length, 'A shipment is named twice')
    .meta({ description: 'All in one warehouse, and on no other list' }),
  take: z.boolean().default(false).meta({ description: 'Whoever asks has it at once' }),
});

export const waveBody = z.strictObject({
  warehouseId: common.warehouseId,
  dispatchBefore: common.time.optional().meta({ description: 'Only what has to leave before' }),
  deliveryMethods: z.array(common.ruleId).min(1).max(50).optional(),
  countries: z.array(common.country).min(1).max(250).optional(),
  size: z.enum(sizes).optional(),
  groupBy: z
    .array(z.enum(groupings))
    .max(groupings.length)
    .default([])
    .meta({ description: 'Shipments that differ in these are not on one list' }),
  shipmentsAList: z.int().min(1).max(limits.shipmentsAList).default(20),
  unitsAList: z.int().min(1).max(10_000).default(200).meta({ description: 'A shipment of more has its own list' }),
  gramsAList: z.int().min(1).max(10_000_000).default(100_000),
  limit: z.int().min(1).max(20_000).default(1_000).meta({ description: 'Shipments in all, the most urgent first' }),
});

export const nextBody = z.strictObject({ warehouseId: common.warehouseId });
export const takeBody = z.strictObject({
  takeOver: z.boolean().default(false).meta({ description: 'Also from somebody who has it' }),
});

/** Scanners have clocks of their own. */
const madeAt = common.time.optional().meta({
  description: "When it was made, by the scanner's clock, where it comes later: a scanner may have been out of reach",
});
const intoShipment = common.shipmentId.optional().meta({
  description: 'Into the box of this shipment; else boxes are filled in their order',
});

export const scanBody = z.strictObject({
  scanId: common.scanId,
  barcode: common.scanned,
  bin: common.bin.optional().meta({ description: 'As it was scanned; needed where the goods have a place' }),
  quantity: common.quantity,
  shipmentId: intoShipment,
  madeAt,
});
export const shortBody = z.strictObject({
  scanId: common.scanId,
  sku: common.sku,
  reason: z.enum(shortReasons),
  shipmentId: common.shipmentId.optional().meta({ description: 'Only in this one; else in all of the list' }),
  madeAt,
});

const put = z.strictObject({
  shipmentId: z.string(),
  slot: z.int().meta({ description: 'The number of the box' }),
  lineId: z.string(),
  quantity: z.int(),
});
export const scanned = z.strictObject({
  applied: z.boolean().meta({ description: 'False for a scan that had counted before' }),
  puts: z.array(put).meta({ description: 'How many units go into which box' }),
});

const summary = {
  id: z.string(),
  warehouseId: z.string(),
  kind: z.enum(pickListKinds),
  waveId: z.string().optional(),
  createdAt: common.time,
  dispatchBy: common.time.meta({ description: 'Of the most urgent shipment' }),
  priority: z.int(),
  units: z.int(),
  assignee: z.string().optional(),
};

export const pickList = z
  .strictObject({
    ...summary,
    status: z.enum(['free', 'assigned', 'done']),
    shipments: z.array(
      z.strictObject({
        id: z.string(),
        orderId: z.string(),
        slot: z.int(),
        units: z.int(),
        picked: z.int(),
        state: z.enum(['open', 'held', 'closed', 'cancelled']),
        putBack: z.boolean().meta({ description: 'It was cancelled: what is in its box belongs on the shelf' }),
      }),
    ),
    lines: z
      .array(
        z.strictObject({
          bin: z.string().optional(),
          sku: z.string(),
          name: z.string(),
          barcode: z.string().optional(),
          quantity: z.int(),
          picked: z.int(),
          short: z.int(),
          slots: z.array(z.strictObject({ slot: z.int(), quantity: z.int(), picked: z.int() })),
        }),
      )
      .meta({ description: 'In walking order' }),
  })
  .meta({ id: 'PickList' });

export const pickListQuery = z.strictObject({
  warehouseId: common.warehouseId.optional(),
  waveId: common.idOf('wav').optional(),
  free: z.enum(['true', 'false']).optional().meta({ description: 'Only those that nobody has and that have work' }),
  ...common.pageQuery,
});
const pickListSummary = z.strictObject(summary).meta({ id: 'PickListSummary' });
export const pickListPage = z.strictObject({ pickLists: z.array(pickListSummary), next: common.next });
export const wave = z
  .strictObject({
    id: z.string(),
    shipments: z.int(),
    pickLists: z.array(pickListSummary).meta({ description: 'The most urgent first' }),
  })
  .meta({ id: 'Wave' });
export const paperQuery = z.strictObject({
  paper: z.enum(['a4', '4x6']).default('a4').meta({ description: '4x6 inches: a label printer' }),
});
