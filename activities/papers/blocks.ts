/** What a sheet is made of: blocks that are measured first, so that the end of a page tears none. Lengths are points. */
import type { Address } from '../../models/address.ts';
import type { Sheet } from './sheet.ts';

export interface Block {
  height: number;
  draw(x: number, y: number): void;
}

export interface Style {
  font: 'regular' | 'bold';
  size: number;
  align?: 'left' | 'center' | 'right';
}

export function paragraph(sheet: Sheet, text: string, width: number, { font, size, align = 'left' }: Style): Block {
  const write = () => sheet.font(font).fontSize(size);
  return {
    height: write().heightOfString(text, { width }),
    draw: (x, y) => write().text(text, x, y, { width, align }),
  };
}

export function space(height: number): Block {
  return { height, draw: () => {} };
}

export function rule(sheet: Sheet, width: number, thickness: number): Block {
  return { height: thickness, draw: (x, y) => sheet.rect(x, y, width, thickness).fill('black') };
}

/** One below the other. */
export function stack(...blocks: Block[]): Block {
  return {
    height: blocks.reduce((sum, { height }) => sum + height, 0),
    draw: (x, y) => {
      let top = y;
      for (const block of blocks) {
        block.draw(x, top);
        top += block.height;
      }
    },
  };
}

/** Side by side, each so far from the left. */
export function beside(...cells: [left: number, block: Block][]): Block {
  return {
    height: Math.max(...cells.map(([, { height }]) => height)),
    draw: (x, y) => {
      for (const [left, block] of cells) block.draw(x + left, y);
    },
  };
}

/** The first cell to the left, figures after it to the right. */
export function tableRow(sheet: Sheet, columns: readonly number[], cells: readonly string[], style: Style): Block {
  const gap = 5;
  const drawn = cells.map((cell, index): [number, Block] => {
    const left = columns.slice(0, index).reduce((sum, width) => sum + width, 0);
    return [left, paragraph(sheet, cell, columns[index]! - gap, { ...style, align: index === 0 ? 'left' : 'right' })];
  });
  return beside(...drawn);
}

/** Below what was placed before; where it does not fit any more, on a new page, below the head. */
export function place(sheet: Sheet, bottom: number, block: Block, head?: Block): void {
  const { left } = sheet.page.margins;
  if (sheet.y + block.height > bottom) {
    sheet.addPage();
    if (head) place(sheet, bottom, head);
  }
  const { y } = sheet;
  block.draw(left, y);
  sheet.y = y + block.height;
}

/** The head is on each page, and never alone. */
export function placeTable(sheet: Sheet, bottom: number, head: Block, rows: readonly Block[]): void {
  for (const [index, row] of rows.entries()) {
    if (index === 0) place(sheet, bottom, stack(head, row));
    else place(sheet, bottom, row, head);
  }
}

/** As it stands on an envelope. Without the name where it was said already. */
export function addressLines(address: Address, said?: string): string[] {
  const { name, line1, line2, postalCode, city, region, country } = address;
  const lines = [name === said ? undefined : name, line1, line2, `${postalCode} ${city}`, region, country];
  return lines.filter((line) => line !== undefined);
}
