/**
 * The files of stock: how bytes become rows, each with its line, or with what is wrong with it; and how stock becomes
 * text. A file that was written here is read here as the same.
 */
import { pipeline, type Readable } from 'node:stream';
import { type CsvError, type InfoRecord, parse } from 'csv-parse';
import { stringify } from 'csv-stringify/sync';
import type { Stock } from '../../models/stock.ts';
import type { RowError } from '../../models/stock-import.ts';
import { offered, salable } from '../../workflows/domain/stock.ts';

const numbers = ['onHand', 'damaged', 'safetyStock', 'reorderPoint', 'reorderTo'] as const;
const settable: readonly string[] = [...numbers, 'bins'];
/** Written for people, and not looked at when they are read. */
const readOnly = ['name', 'reserved', 'committed', 'incoming', 'salable', 'offered'];
const columns = ['sku', 'warehouseId', ...settable, ...readOnly];

/** What a row says of the stock. What it leaves empty stays as it is. */
export interface StockRow {
  line: number;
  sku: string;
  warehouseId: string;
  values: Partial<Record<(typeof numbers)[number], number>> & { bins?: string[] };
}

const most = { cell: 1_000, recordBytes: 16_384, level: 1_000_000, bins: 20, bin: 32 };

/** From this line on nobody can tell what the rows are. */
export class UnreadableFile extends Error {
  readonly line: number;
  constructor(line: number, reason: string) {
    super(reason);
    this.line = line;
  }
}

interface CsvRecord {
  line: number;
  cells: string[];
}

/** @throws UnreadableFile */
export async function* readRows(bytes: Readable): AsyncGenerator<StockRow | RowError> {
  const parser = parseRecords(bytes);
  let header: string[] | undefined;
  for await (const { line, cells } of parser) {
    if (header) yield readRow(header, line, cells);
    else header = readHeader(line, cells);
  }
  if (!header) throw new UnreadableFile(1, `It is empty. Its first line has to name the columns: ${columns.join(',')}`);
}

async function* parseRecords(bytes: Readable): AsyncGenerator<CsvRecord> {
  const ended = { line: 0, byte: 0 };
  let countedTwice = 0;
  const toRecord = (cells: string[], { lines, bytes: end }: InfoRecord): CsvRecord | null => {
    // The parser says where a record ends, and takes a CRLF within a cell for two lines.
    const text = cells.join();
    const breaks = text.match(/\r\n|\r|\n/g) ?? [];
    countedTwice += breaks.filter((each) => each === '\r\n').length;
    const size = end - ended.byte;
    Object.assign(ended, { line: lines - countedTwice, byte: end });
    const line = ended.line - breaks.length;
    if (size > most.recordBytes) throw tooLong(line);
    return /[^,\s]/.test(text) ? { line, cells } : null;
  };
  const parser = parse({
    bom: true,
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    // Its types know records of strings only.
    on_record: toRecord as never,
  });
  // The parser collects a record until it ends, which one that never does would make it do for ever.
  async function* bounded(chunks: AsyncIterable<Buffer>) {
    let read = 0;
    for await (const chunk of chunks) {
      if (read === 0) refuseOtherFormats(chunk);
      read += chunk.length;
      yield chunk;
      if (read - ended.byte > most.recordBytes + 2 * chunk.length) throw tooLong(ended.line + 1);
    }
  }
  // What goes wrong on the way is thrown by the parser.
  pipeline(bytes, bounded, parser, () => {});
  try {
    yield* parser;
  } catch (error) {
    throw inWords(error as Error, ended.line + 1);
  }
}

function tooLong(line: number): UnreadableFile {
  const why = 'Is there a quote that opens and is never closed?';
  return new UnreadableFile(line, `The row is longer than 16 kB. ${why}`);
}

function inWords(error: Error, line: number): Error {
  const { code } = error as Partial<CsvError>;
  if (code === 'CSV_QUOTE_NOT_CLOSED') return new UnreadableFile(line, 'A quote opens in this row and is never closed');
  if (code === 'CSV_INVALID_CLOSING_QUOTE' || code === 'INVALID_OPENING_QUOTE') {
    const how = 'Put the whole cell into quotes, and write those in it twice';
    return new UnreadableFile(line, `There is a quote in the middle of a cell. ${how}`);
  }
  return error;
}

function refuseOtherFormats(start: Buffer): void {
  const isUtf16 = start.subarray(0, 2).equals(utf16.little) || start.subarray(0, 2).equals(utf16.big);
  if (isUtf16) throw new UnreadableFile(1, 'It is UTF-16 ("Unicode text"). Save it as CSV in UTF-8');
  if (start.subarray(0, 4).equals(zip))
    throw new UnreadableFile(1, 'It is a workbook or an archive. Save it as CSV in UTF-8');
}

const utf16 = { little: Buffer.from([0xff, 0xfe]), big: Buffer.from([0xfe, 0xff]) };
const zip = Buffer.from('PK\x03\x04');

/** @throws UnreadableFile */
function readHeader(line: number, cells: string[]): string[] {
  const names = cells.map((cell) => cell.trim());
  const refuse = (reason: string) => new UnreadableFile(line, `The header: ${reason}`);
  const separator = /[;\t]/.exec(names[0]!)?.[0];
  if (names.length === 1 && separator)
    throw refuse(`the columns are separated by ${separator === ';' ? 'semicolons' : 'tabs'}, not by commas`);
  const unknown = names.find((name) => !columns.includes(name));
  if (unknown !== undefined)
    throw refuse(`there is no column ${JSON.stringify(unknown.slice(0, 50))}. There are ${columns.join(', ')}`);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw refuse(`${twice} is there twice`);
  for (const needed of ['sku', 'warehouseId']) if (!names.includes(needed)) throw refuse(`${needed} is missing`);
  if (!names.some((name) => settable.includes(name))) throw refuse(`it needs at least one of ${settable.join(', ')}`);
  return names;
}

function readRow(header: readonly string[], line: number, cells: readonly string[]): StockRow | RowError {
  const bad = (reason: string): RowError => ({ line, reason });
  if (cells.length !== header.length) return bad(`It has ${cells.length} cells, and the header has ${header.length}`);
  const row: StockRow = { line, sku: '', warehouseId: '', values: {} };
  for (const [index, column] of header.entries()) {
    const raw = cells[index]!;
    if (raw.length > most.cell) return bad(`${column} has ${raw.length} characters; ${most.cell} are the most`);
    // What the decoder puts in place of bytes that are not UTF-8.
    if (raw.includes('\uFFFD')) return bad(`${column} is not UTF-8. Save the file as CSV in UTF-8`);
    const cell = unescaped(raw).trim();
    if (column === 'sku' || column === 'warehouseId') {
      if (cell === '') return bad(`${column} is empty`);
      row[column] = cell;
    } else if (cell === '') continue;
    else if (column === 'bins') {
      const bins = cell.split('|').map((bin) => bin.trim());
      if (bins.length > most.bins) return bad(`bins names ${bins.length} bins; ${most.bins} are the most`);
      if (!bins.every((bin) => /^\P{Cc}{1,32}$/u.test(bin)))
        return bad(`bins has to be names of 1 to ${most.bin} characters with | between them`);
      row.values.bins = bins;
    } else if (isNumber(column)) {
      if (!/^\d+$/.test(cell) || Number(cell) > most.level)
        return bad(
          `${column} has to be a whole number from 0 to ${most.level}, not ${JSON.stringify(cell.slice(0, 50))}`,
        );
      row.values[column] = Number(cell);
    }
  }
  const { onHand, damaged } = row.values;
  if (onHand !== undefined && damaged !== undefined && damaged > onHand)
    return bad(`damaged is ${damaged}, and onHand only ${onHand}: what is damaged is on hand too`);
  return row;
}

function isNumber(column: string): column is (typeof numbers)[number] {
  return (numbers as readonly string[]).includes(column);
}

/**
 * A spreadsheet takes what begins like this for a formula, so it is written with an apostrophe before it. What has an
 * apostrophe there already gets one more, so that taking one off again gives what was.
 */
const formula = /^'*[=+\-@\t\r＝＋－＠]/;

function escaped(text: string): string {
  return text.startsWith("'") && formula.test(text) ? `'${text}` : text;
}

function unescaped(cell: string): string {
  return cell.startsWith("'") && formula.test(cell) ? cell.slice(1) : cell;
}

export const headerLine = stringify([columns]);

export function writeRows(rows: readonly { stock: Stock; name: string }[]): string {
  const records = rows.map(({ stock, name }) => ({
    ...stock,
    bins: escaped((stock.bins ?? []).join('|')),
    name: escaped(name),
    salable: salable(stock),
    offered: offered(stock),
  }));
  return stringify(records, { columns, escape_formulas: true });
}
