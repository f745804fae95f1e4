/** What a picker walks with, on paper. The same list gives the same bytes. */
import { buffer } from 'node:stream/consumers';
import { barcode, leastWidth } from './barcode.ts';
import { type Block, beside, paragraph, place, placeTable, rule, space, stack } from './blocks.ts';
import { onEachPage, type PaperName, papers, type Sheet, startSheets } from './sheet.ts';

/** Its lines have the order of the walk. */
export interface PrintedPickList {
  id: string;
  warehouse: string;
  kind: 'single' | 'batch' | 'wave';
  createdAt: Date;
  assignee?: string;
  dispatchBy?: Date;
  /** In which times are printed, such as `Europe/Berlin`. */
  timeZone: string;
  /** `slot` is the number of the shipment's box on the trolley. */
  shipments: { id: string; orderId: string; slot: number; units: number }[];
  lines: PrintedLine[];
}

export interface PrintedLine {
  bin?: string;
  sku: string;
  name: string;
  barcode?: string;
  quantity: number;
  picked: number;
  slots: { slot: number; quantity: number }[];
}

/** Blocks are measured when they are made, so a layout belongs to one sheet. */
interface Layout {
  head(list: PrintedPickList): Block;
  columns: Block;
  /** `boxes` says how the units are shared by the boxes. */
  line(line: PrintedLine, boxes: string | undefined): Block;
}

export async function renderPickList(list: PrintedPickList, paper: PaperName): Promise<Buffer> {
  const { id, warehouse, createdAt, shipments, lines } = list;
  const on = papers[paper];
  const title = `Pick list ${id}`;
  const sheet = startSheets({ ...on, title, author: warehouse, createdAt, text: JSON.stringify(list) });
  const layout = paper === 'a4' ? onA4(sheet) : onLabel(sheet);
  const width = on.width - 2 * on.margin;
  const bottom = on.height - on.margin - footHeight;

  place(sheet, bottom, layout.head(list));
  if (shipments.length > 1) {
    for (const shipment of shipments) place(sheet, bottom, shipmentRow(sheet, width, shipment));
    place(sheet, bottom, space(8));
  }
  const rows = lines.flatMap((line) => {
    const [boxes, ...more] = shipments.length > 1 ? boxesOf(line) : [];
    const further = more.map((part) => stack(space(3), paragraph(sheet, `${line.sku}: ${part}`, width, boxStyle)));
    const parts = [layout.line(line, boxes), ...further];
    return [...parts.slice(0, -1), stack(parts.at(-1)!, space(4), rule(sheet, width, 0.5))];
  });
  placeTable(sheet, bottom, layout.columns, rows);

  onEachPage(sheet, (page, pages) => {
    const style = { font: 'regular', size: 9 } as const;
    paragraph(sheet, id, width, style).draw(on.margin, bottom + 4);
    paragraph(sheet, `${page} / ${pages}`, width, { ...style, align: 'right' }).draw(on.margin, bottom + 4);
  });
  sheet.end();
  return buffer(sheet);
}

const footHeight = 15;
const boxStyle = { font: 'bold', size: 11 } as const;

function onA4(sheet: Sheet): Layout {
  const { width: paperWidth, margin, dpi } = papers.a4;
  const width = paperWidth - 2 * margin;
  const at = { bin: 24, units: 138, item: 204, barcode: width - 180 };
  const wide = { bin: at.units - at.bin - 6, units: 50, item: at.barcode - at.item - 6, barcode: 180 };
  const bars = { height: 28, size: 9, dpi };
  const heading = { font: 'bold', size: 9 } as const;
  return {
    head: (list) => {
      const left = 245;
      const title = paragraph(sheet, titleOf(list), left, { font: 'bold', size: 18 });
      const id = barcode(sheet, list.id, width - left - 5, { ...bars, height: 36 });
      return stack(beside([0, stack(title, factsOf(sheet, list, left))], [left + 5, id]), space(14));
    },
    columns: stack(
      beside(
        [at.bin, paragraph(sheet, 'Bin', wide.bin, heading)],
        [at.units, paragraph(sheet, 'Units', wide.units, { ...heading, align: 'right' })],
        [at.item, paragraph(sheet, 'Item', wide.item, heading)],
        [at.barcode, paragraph(sheet, 'Barcode', wide.barcode, { ...heading, align: 'center' })],
      ),
      space(2),
      rule(sheet, width, 1),
    ),
    line: (line, boxes) => {
      const scanned = line.barcode ?? line.sku;
      const isNarrow = (leastWidth(scanned, dpi) ?? 0) <= wide.barcode;
      const row = beside(
        [0, tickBox(sheet, 15, isPicked(line))],
        [at.bin, binOf(sheet, line, wide.bin, 16)],
        [at.units, unitsOf(sheet, line, wide.units, 16)],
        [at.item, itemOf(sheet, line, boxes, isNarrow ? wide.item : width - at.item, 10)],
        ...(isNarrow ? [[at.barcode, barcode(sheet, scanned, wide.barcode, bars)] satisfies [number, Block]] : []),
      );
      // As wide as the paper: the margins serve as quiet zones.
      const below = isNarrow ? [] : [space(4), beside([-margin, barcode(sheet, scanned, paperWidth, bars)])];
      return stack(space(6), row, ...below);
    },
  };
}

function onLabel(sheet: Sheet): Layout {
  const { width: paperWidth, margin, dpi } = papers['4x6'];
  const width = paperWidth - 2 * margin;
  const bars = { height: 40, size: 9, dpi };
  const barsOf = (text: string) => beside([-margin, barcode(sheet, text, paperWidth, bars)]);
  const unitsWidth = 90;
  const heading = { font: 'bold', size: 9 } as const;
  return {
    head: (list) =>
      stack(
        paragraph(sheet, titleOf(list), width, { font: 'bold', size: 16 }),
        barsOf(list.id),
        space(4),
        factsOf(sheet, list, width),
        space(8),
      ),
    columns: stack(
      beside(
        [34, paragraph(sheet, 'Bin', width - 34, heading)],
        [width - unitsWidth, paragraph(sheet, 'Units', unitsWidth, { ...heading, align: 'right' })],
      ),
      space(2),
      rule(sheet, width, 1.5),
    ),
    line: (line, boxes) =>
      stack(
        space(6),
        beside(
          [0, tickBox(sheet, 26, isPicked(line))],
          [34, binOf(sheet, line, width - 34 - unitsWidth, 28)],
          [width - unitsWidth, unitsOf(sheet, line, unitsWidth, 28)],
        ),
        itemOf(sheet, line, boxes, width, 13),
        space(4),
        barsOf(line.barcode ?? line.sku),
      ),
  };
}

const titles = { single: 'Pick list', batch: 'Pick list: batch', wave: 'Pick list: wave' };

function titleOf({ kind }: PrintedPickList): string {
  return titles[kind];
}

function factsOf(sheet: Sheet, list: PrintedPickList, width: number): Block {
  const { warehouse, assignee, createdAt, dispatchBy, timeZone, shipments, lines } = list;
  const time = (at: Date) => at.toLocaleString('sv', { timeZone, dateStyle: 'short', timeStyle: 'short' });
  const units = lines.reduce((sum, { quantity }) => sum + quantity, 0);
  const facts = [
    `Warehouse: ${warehouse}`,
    ...(assignee === undefined ? [] : [`Picker: ${assignee}`]),
    `Made: ${time(createdAt)}`,
    ...(shipments.length === 1 ? [`Order: ${shipments[0]!.orderId}`, `Shipment: ${shipments[0]!.id}`] : []),
    `${count(units, 'unit')} in ${count(lines.length, 'line')}, ${count(shipments.length, 'shipment')}`,
  ];
  return stack(
    ...(dispatchBy ? [paragraph(sheet, `Dispatch by ${time(dispatchBy)}`, width, { font: 'bold', size: 12 })] : []),
    paragraph(sheet, facts.join('\n'), width, { font: 'regular', size: 10 }),
  );
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** Which box is whose. */
function shipmentRow(sheet: Sheet, width: number, shipment: PrintedPickList['shipments'][number]): Block {
  const { id, orderId, slot, units } = shipment;
  const left = 76;
  const box = stack(
    paragraph(sheet, `Box ${slot}`, left - 4, boxStyle),
    paragraph(sheet, count(units, 'unit'), left - 4, { font: 'regular', size: 9 }),
  );
  const ids = paragraph(sheet, `${orderId}\n${id}`, width - left, { font: 'regular', size: 9 });
  return stack(beside([0, box], [left, ids]), space(4));
}

function isPicked({ quantity, picked }: PrintedLine): boolean {
  return picked >= quantity;
}

function tickBox(sheet: Sheet, size: number, isTicked: boolean): Block {
  return {
    height: size,
    draw: (x, y) => {
      sheet.lineWidth(1).strokeColor('black');
      sheet.rect(x + 1, y + 1, size - 2, size - 2).stroke();
      if (!isTicked) return;
      const [near, far] = [4, size - 4];
      sheet.moveTo(x + near, y + near).lineTo(x + far, y + far);
      sheet.moveTo(x + far, y + near).lineTo(x + near, y + far);
      sheet.lineWidth(2).stroke();
    },
  };
}

/** Large where it fits into one line. */
function binOf(sheet: Sheet, { bin }: PrintedLine, width: number, size: number): Block {
  if (bin === undefined || bin.trim() === '') return paragraph(sheet, 'no bin', width, { font: 'regular', size: 11 });
  const fits = sheet.font('bold').fontSize(size).widthOfString(bin) <= width;
  return paragraph(sheet, bin, width, { font: 'bold', size: fits ? size : 11 });
}

/** Those that are still to be picked. */
function unitsOf(sheet: Sheet, { quantity, picked }: PrintedLine, width: number, size: number): Block {
  const left = paragraph(sheet, `${Math.max(0, quantity - picked)}`, width, { font: 'bold', size, align: 'right' });
  if (picked === 0) return left;
  return stack(left, paragraph(sheet, `of ${quantity}`, width, { font: 'regular', size: 9, align: 'right' }));
}

function itemOf(
  sheet: Sheet,
  { name, sku }: PrintedLine,
  boxes: string | undefined,
  width: number,
  size: number,
): Block {
  return stack(
    paragraph(sheet, name, width, { font: 'regular', size }),
    paragraph(sheet, sku, width, { font: 'bold', size: size - 1 }),
    ...(boxes === undefined ? [] : [paragraph(sheet, boxes, width, { font: 'bold', size: size + 1 })]),
  );
}

/** "3: 2 into 1, 1 into 4", in parts so short that each fits on any page. A line ends between two boxes only. */
function boxesOf({ quantity, slots }: PrintedLine): string[] {
  const puts = slots.map(({ slot, quantity: units }) => `${units} into ${slot}`.replaceAll(' ', '\u00a0'));
  const parts: string[] = [];
  for (let at = 0; at < puts.length; at += 20) parts.push(puts.slice(at, at + 20).join(', '));
  return parts.map((part, index) => (index === 0 && slots.length > 1 ? `${quantity}: ${part}` : part));
}
