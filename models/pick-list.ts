/** What a picker walks with: shipments that are picked together, and the scans that say what was picked. */
import { type Connection, Schema } from 'mongoose';
import type { Put } from '../workflows/domain/picking.ts';
import type { ShortReason } from '../workflows/domain/states.ts';

export const pickListKinds = ['single', 'batch', 'wave'] as const;

export interface PickList {
  _id: string;
  warehouseId: string;
  kind: (typeof pickListKinds)[number];
  waveId?: string;
  createdAt: Date;
  createdBy: string;
  /**
   * As it was planned; a shipment's place is the number of its box. Which of them are on the list say the shipments: each
   * names its one list.
   */
  shipmentIds: string[];
  units: number;
  /** Of the most urgent of them. */
  dispatchBy: Date;
  priority: number;
  /** Who has it, and who had it before. The last one without an end has it now. */
  assignments: { actor: string; from: Date; until?: Date }[];
  /** Nobody has it, and there is work: who is next may take it. */
  isFree: boolean;
}

export function pickListModel(connection: Connection) {
  const schema = new Schema<PickList>({
    _id: { type: String, required: true },
    warehouseId: { type: String, required: true },
    kind: { type: String, required: true },
    waveId: String,
    createdAt: { type: Date, required: true },
    createdBy: { type: String, required: true },
    shipmentIds: { type: [String], required: true },
    units: { type: Number, required: true },
    dispatchBy: { type: Date, required: true },
    priority: { type: Number, required: true },
    assignments: { type: [Schema.Types.Mixed] as never, default: [] },
    isFree: { type: Boolean, required: true },
  });
  schema.index({ createdAt: -1, _id: -1 });
  schema.index({ waveId: 1 }, { sparse: true });
  // A picker's lists, the newest first.
  schema.index({ 'assignments.actor': 1, createdAt: -1 });
  schema.index(
    { warehouseId: 1, priority: -1, dispatchBy: 1, createdAt: 1 },
    { partialFilterExpression: { isFree: true } },
  );
  return connection.model('PickList', schema, 'pick_lists');
}

/** One confirmed scan, or a report that something is short; append-only. `_id` is `LIST:SCAN`: sent twice it counts once. */
export interface PickScan {
  _id: string;
  pickListId: string;
  sku: string;
  barcode?: string;
  bin?: string;
  puts: Put[];
  shortReason?: ShortReason;
  actor: string;
  /** By the scanner's clock; and when it reached us. */
  madeAt: Date;
  receivedAt: Date;
}

export function pickScanModel(connection: Connection) {
  const schema = new Schema<PickScan>({
    _id: { type: String, required: true },
    pickListId: { type: String, required: true },
    sku: { type: String, required: true },
    barcode: String,
    bin: String,
    puts: { type: [Schema.Types.Mixed] as never, required: true },
    shortReason: String,
    actor: { type: String, required: true },
    madeAt: { type: Date, required: true },
    receivedAt: { type: Date, required: true },
  });
  schema.index({ 'puts.shipmentId': 1 });
  return connection.model('PickScan', schema, 'pick_scans');
}
