import { type Connection, Schema } from 'mongoose';

/** `all`: a file with a bad row changes nothing. `valid`: the good rows are imported, and the bad ones named. */
export type ImportMode = 'all' | 'valid';

export interface RowError {
  line: number;
  reason: string;
}

/** One file of stock that was imported, or is. `_id` is the SHA-256 of its bytes: the same file is imported once. */
export interface StockImport {
  _id: string;
  name: string;
  mode: ImportMode;
  actor: string;
  startedAt: Date;
  finishedAt?: Date;
  rows: number;
  /** These three add up to the rows that are done. */
  changed: number;
  unchanged: number;
  refused: number;
  /** The first of the refused rows. */
  errors: RowError[];
  /** All rows up to this line are done: whoever goes on begins after it. */
  throughLine: number;
  /** Who works on it, and when it was last heard of. Nobody does where this is missing. */
  run?: { id: string; aliveAt: Date };
}

export function stockImportModel(connection: Connection) {
  const schema = new Schema<StockImport>(
    {
      _id: { type: String, required: true },
      name: { type: String, required: true },
      mode: { type: String, required: true },
      actor: { type: String, required: true },
      startedAt: { type: Date, required: true },
      finishedAt: Date,
      rows: { type: Number, required: true },
      changed: { type: Number, required: true },
      unchanged: { type: Number, required: true },
      refused: { type: Number, required: true },
      errors: { type: [Schema.Types.Mixed] as never, required: true },
      throughLine: { type: Number, required: true },
      run: Schema.Types.Mixed,
    },
    // Mongoose has an `errors` of its own on its documents; these are only read as plain ones.
    { suppressReservedKeysWarning: true },
  );
  schema.index({ startedAt: -1, _id: -1 });
  return connection.model('StockImport', schema, 'stock_imports');
}
