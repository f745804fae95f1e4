/** What lies in the parcel. Without prices: it may be a present. The same parcel gives the same bytes. */
import { buffer } from 'node:stream/consumers';
import type { Address } from '../../models/address.ts';
import { barcode } from './barcode.ts';
import {
  addressLines,
  type Block,
  beside,
  paragraph,
  place,
  placeTable,
  rule,
  space,
  stack,
  tableRow,
} from './blocks.ts';
import { onEachPage, type PaperName, papers, type Sheet, startSheets } from './sheet.ts';

export interface PrintedPackingSlip {
  shipmentId: string;
  parcelId: string;
  /** Of so many `parcels`; the first is 1. */
  parcel: number;
  parcels: number;
  orderId: string;
  /** Printed as the day that it was in UTC. */
  orderedAt: Date;
  shipFrom: Address;
  shipTo: Address;
  lines: PackedLine[];
  /** What is sent separately. */
  later: PackedLine[];
  seller?: { name: string; email?: string };
  note?: string;
  /** BCP 47, such as `de-AT`; English where there are no words of it. */
  language?: string;
}

interface PackedLine {
  sku: string;
  name: string;
  quantity: number;
}

export async function renderPackingSlip(slip: PrintedPackingSlip, paper: PaperName): Promise<Buffer> {
  const on = papers[paper];
  const words = wordsOf(slip);
  const sheet = startSheets({
    ...on,
    title: `${words.title} ${slip.parcelId}`,
    author: slip.seller?.name ?? slip.shipFrom.name,
    createdAt: slip.orderedAt,
    text: JSON.stringify(slip),
    language: words.language,
  });
  const width = on.width - 2 * on.margin;
  const bottom = on.height - on.margin - footHeight;

  place(sheet, bottom, paper === 'a4' ? headOnA4(sheet, slip) : headOnLabel(sheet, slip));
  place(sheet, bottom, addressesOf(sheet, slip, width));
  if (slip.note !== undefined) place(sheet, bottom, paragraph(sheet, `${slip.note}\n\n`, width, plain));
  placeTable(sheet, bottom, headRow(sheet, width, [words.item, words.units]), rowsOf(sheet, width, slip.lines));
  if (slip.later.length > 0) {
    place(sheet, bottom, space(14));
    placeTable(sheet, bottom, headRow(sheet, width, [words.later, words.units]), rowsOf(sheet, width, slip.later));
  }
  const email = slip.seller?.email;
  if (email !== undefined)
    place(sheet, bottom, stack(space(14), paragraph(sheet, `${words.questions}: ${email}`, width, plain)));

  onEachPage(sheet, (page, pages) => {
    const style = { font: 'regular', size: 8 } as const;
    paragraph(sheet, slip.parcelId, width, style).draw(on.margin, bottom + 5);
    paragraph(sheet, `${page} / ${pages}`, width, { ...style, align: 'right' }).draw(on.margin, bottom + 5);
  });
  sheet.end();
  return buffer(sheet);
}

const footHeight = 15;
const plain = { font: 'regular', size: 10 } as const;
const strong = { font: 'bold', size: 10 } as const;

function headOnA4(sheet: Sheet, slip: PrintedPackingSlip): Block {
  const { width, margin, dpi } = papers.a4;
  const left = 245;
  const id = barcode(sheet, slip.parcelId, width - 2 * margin - left - 5, { height: 36, size: 9, dpi });
  const words = stack(titleOf(sheet, slip, left), factsOf(sheet, slip, left));
  return stack(beside([0, words], [left + 5, id]), space(20));
}

function headOnLabel(sheet: Sheet, slip: PrintedPackingSlip): Block {
  const { width, margin, dpi } = papers['4x6'];
  const id = barcode(sheet, slip.parcelId, width, { height: 34, size: 9, dpi });
  const inner = width - 2 * margin;
  return stack(titleOf(sheet, slip, inner), beside([-margin, id]), space(6), factsOf(sheet, slip, inner), space(8));
}

function titleOf(sheet: Sheet, slip: PrintedPackingSlip, width: number): Block {
  const { title, parcel } = wordsOf(slip);
  return stack(
    ...(slip.seller ? [paragraph(sheet, slip.seller.name, width, { font: 'bold', size: 14 })] : []),
    paragraph(sheet, title, width, { font: slip.seller ? 'regular' : 'bold', size: 14 }),
    paragraph(sheet, parcel(slip.parcel, slip.parcels), width, { font: 'bold', size: 12 }),
    space(4),
  );
}

function factsOf(sheet: Sheet, slip: PrintedPackingSlip, width: number): Block {
  const { order, ordered, shipment } = wordsOf(slip);
  const day = slip.orderedAt.toISOString().slice(0, 10);
  const facts = [`${order}: ${slip.orderId}`, `${ordered}: ${day}`, `${shipment}: ${slip.shipmentId}`];
  return paragraph(sheet, facts.join('\n'), width, { font: 'regular', size: 9 });
}

function addressesOf(sheet: Sheet, slip: PrintedPackingSlip, width: number): Block {
  const { from, to } = wordsOf(slip);
  const half = width / 2;
  const address = (title: string, of: Address) =>
    stack(paragraph(sheet, title, half - 8, strong), paragraph(sheet, addressLines(of).join('\n'), half - 8, plain));
  return stack(beside([0, address(from, slip.shipFrom)], [half, address(to, slip.shipTo)]), space(14));
}

function headRow(sheet: Sheet, width: number, names: readonly [string, string]): Block {
  return stack(tableRow(sheet, columnsOf(width), names, strong), space(2), rule(sheet, width, 1), space(3));
}

function rowsOf(sheet: Sheet, width: number, lines: readonly PackedLine[]): Block[] {
  return lines.map(({ name, sku, quantity }) =>
    stack(tableRow(sheet, columnsOf(width), [`${name}\n${sku}`, `${quantity}`], plain), space(5)),
  );
}

function columnsOf(width: number): [number, number] {
  return [width - 60, 65];
}

const english = {
  language: 'en',
  title: 'Packing slip',
  parcel: (parcel: number, parcels: number) => `Parcel ${parcel} of ${parcels}`,
  order: 'Order',
  ordered: 'Ordered on',
  shipment: 'Shipment',
  from: 'From',
  to: 'To',
  item: 'In this parcel',
  units: 'Units',
  later: 'Sent separately',
  questions: 'Questions',
};

const languages: Record<string, typeof english> = {
  en: english,
  de: {
    language: 'de',
    title: 'Lieferschein',
    parcel: (parcel, parcels) => `Paket ${parcel} von ${parcels}`,
    order: 'Bestellung',
    ordered: 'Bestellt am',
    shipment: 'Sendung',
    from: 'Von',
    to: 'An',
    item: 'In diesem Paket',
    units: 'Stück',
    later: 'Kommt getrennt',
    questions: 'Fragen',
  },
  fr: {
    language: 'fr',
    title: 'Bon de livraison',
    parcel: (parcel, parcels) => `Colis ${parcel} sur ${parcels}`,
    order: 'Commande',
    ordered: 'Commandé le',
    shipment: 'Envoi',
    from: 'De',
    to: 'À',
    item: 'Dans ce colis',
    units: 'Quantité',
    later: 'Envoyé séparément',
    questions: 'Questions',
  },
  es: {
    language: 'es',
    title: 'Albarán',
    parcel: (parcel, parcels) => `Paquete ${parcel} de ${parcels}`,
    order: 'Pedido',
    ordered: 'Fecha del pedido',
    shipment: 'Envío',
    from: 'De',
    to: 'Para',
    item: 'En este paquete',
    units: 'Unidades',
    later: 'Se envía por separado',
    questions: 'Preguntas',
  },
};

function wordsOf({ language }: PrintedPackingSlip): typeof english {
  const [main] = (language ?? '').toLowerCase().split('-');
  return new Map(Object.entries(languages)).get(main!) ?? english;
}
