/** A small shop to play with: three warehouses and thirty things for the kitchen, the desk and the road. */
import { setTimeout } from 'node:timers/promises';
import type { ShopClient } from './client.ts';
import { setPrices } from './prices.ts';

const warehouses = {
  'wh-newark': {
    name: 'Newark',
    city: 'Newark',
    region: 'NJ',
    postalCode: '07101',
    country: 'US',
    line1: '1 Port Street',
    timeZone: 'America/New_York',
  },
  'wh-reno': {
    name: 'Reno',
    city: 'Reno',
    region: 'NV',
    postalCode: '89501',
    country: 'US',
    line1: '20 Valley Road',
    timeZone: 'America/Los_Angeles',
  },
  'wh-venlo': {
    name: 'Venlo',
    city: 'Venlo',
    region: 'LI',
    postalCode: '5928',
    country: 'NL',
    line1: 'Havenkade 3',
    timeZone: 'Europe/Amsterdam',
  },
};

/** SKU, name, grams, US cents, euro cents, and units in Newark, Reno and Venlo. */
const goods: [string, string, number, number, number, number, number, number][] = [
  ['MUG-BLUE', 'Stoneware mug, blue', 380, 1490, 1390, 120, 80, 60],
  ['MUG-SAND', 'Stoneware mug, sand', 380, 1490, 1390, 90, 40, 60],
  ['BOWL-M', 'Mixing bowl, medium', 640, 2400, 2290, 60, 30, 40],
  ['KETTLE-1L', 'Enamel kettle, 1 litre', 1150, 5900, 5490, 40, 20, 30],
  ['TEAPOT-6', 'Glass teapot, six cups', 720, 4200, 3990, 35, 10, 25],
  ['PRESS-8', 'Coffee press, eight cups', 890, 3900, 3690, 50, 25, 30],
  ['GRINDER', 'Hand coffee grinder', 610, 6500, 5990, 30, 30, 20],
  ['FILTER-100', 'Paper filters, 100', 150, 690, 590, 300, 200, 250],
  ['KNIFE-CHEF', 'Chef knife, 20 cm', 240, 8900, 8490, 25, 15, 20],
  ['KNIFE-PARE', 'Paring knife, 9 cm', 80, 3200, 2990, 45, 25, 30],
  ['BOARD-OAK', 'Cutting board, oak', 1900, 4900, 4590, 30, 20, 25],
  ['PAN-26', 'Cast iron pan, 26 cm', 2600, 5400, 4990, 40, 20, 30],
  ['APRON', 'Linen apron', 290, 3800, 3590, 60, 30, 40],
  ['TOWEL-2', 'Kitchen towels, pair', 220, 1800, 1690, 100, 60, 80],
  ['JAR-SET', 'Storage jars, set of four', 2100, 3600, 3390, 30, 15, 20],
  ['LAMP-DESK', 'Desk lamp, brass', 1700, 12900, 11900, 0, 40, 10],
  ['LAMP-CLIP', 'Clip lamp', 650, 4500, 4290, 35, 20, 20],
  ['CHAIR-OAK', 'Oak chair', 6400, 18900, 17900, 12, 10, 8],
  ['STOOL', 'Low stool', 3100, 8900, 8490, 15, 10, 10],
  ['SHELF-S', 'Wall shelf, small', 2800, 5900, 5490, 25, 20, 15],
  ['NOTE-A5', 'Notebook, A5 dotted', 260, 1600, 1490, 200, 120, 150],
  ['PEN-BLK', 'Fountain pen, black', 40, 4900, 4590, 50, 30, 40],
  ['INK-BLUE', 'Ink, blue, 50 ml', 160, 1400, 1290, 80, 40, 60],
  ['CLOCK', 'Wall clock, linden', 900, 7900, 7490, 20, 10, 15],
  ['VASE-TALL', 'Tall vase', 1300, 4600, 4290, 25, 15, 15],
  ['BLANKET', 'Wool blanket', 1500, 11900, 10900, 20, 15, 15],
  ['PACK-20L', 'Day pack, 20 litres', 780, 9900, 9490, 30, 25, 20],
  ['BOTTLE-07', 'Steel bottle, 0.7 litres', 310, 2900, 2690, 90, 70, 60],
  ['UMBRELLA', 'Compact umbrella', 360, 3400, 3190, 40, 30, 40],
  ['PRINT-1OF1', 'Linocut, numbered 1 of 1', 200, 24000, 22000, 1, 0, 0],
];

/** What lies in bins and has barcodes, in a warehouse of its own where parcels are weighed. */
export const shelvedIn = 'wh-boise';
export const shelved: Record<string, { name: string; weightGrams: number; barcode: string; bin: string }> = {
  SOAP: { name: 'Olive soap', weightGrams: 120, barcode: '4006381333931', bin: 'A-02-1' },
  CANDLE: { name: 'Beeswax candle', weightGrams: 300, barcode: '96385074', bin: 'A-10-2' },
  BRUSH: { name: 'Dish brush, beech', weightGrams: 90, barcode: '036000291452', bin: 'B-01-3' },
};

/** Sold before it is there. */
const comesLater = {
  sku: 'ROASTER',
  product: {
    name: 'Drum roaster, 250 grams',
    weightGrams: 4200,
    prices: { USD: 31900, EUR: 29900 },
    active: true,
    backorder: { limit: 20, leadDays: 14 },
  },
};

/** Sold together, with the stock of its parts. */
const together = {
  sku: 'COFFEE-SET',
  product: {
    name: 'Coffee set',
    weightGrams: 2030,
    prices: { USD: 11900, EUR: 10900 },
    active: true,
    bundle: [
      { sku: 'PRESS-8', quantity: 1 },
      { sku: 'GRINDER', quantity: 1 },
      { sku: 'MUG-SAND', quantity: 2 },
    ],
  },
};

/** Fills the shop over its API, as its owner would. */
export async function openShop(shop: ShopClient): Promise<{ products: number; warehouses: number }> {
  for (const [id, { name, timeZone, ...place }] of Object.entries(warehouses)) {
    const address = { ...place, name: `Waybill ${name}` };
    const calendar = { timeZone, workdays: [1, 2, 3, 4, 5], cutOff: '16:00' };
    await shop.putWarehouse(id, { name, address, priority: 1, active: true, calendar });
  }
  await Promise.all(
    goods.map(async ([sku, name, weightGrams, USD, EUR, ...stock]) => {
      await shop.putProduct(sku, { name, weightGrams, prices: { USD, EUR }, active: true });
      for (const [index, warehouseId] of Object.keys(warehouses).entries()) {
        const units = stock[index]!;
        if (units > 0) await shop.receiveStock(sku, warehouseId, units);
      }
    }),
  );
  await fillShelves(shop);
  await setPrices(shop);
  for (const { sku, product } of [comesLater, together]) await shop.putProduct(sku, product);
  // Whoever has asked before for the warehouses and rules of prices knows of these within a second.
  await setTimeout(1_000);
  const products = goods.length + Object.keys(shelved).length + 2;
  return { products, warehouses: Object.keys(warehouses).length + 1 };
}

async function fillShelves(shop: ShopClient): Promise<void> {
  const place = { line1: '4 Foothill Way', city: 'Boise', region: 'ID', postalCode: '83702', country: 'US' };
  await shop.putWarehouse(shelvedIn, {
    ...{ name: 'Boise', address: { ...place, name: 'Waybill Boise' }, priority: 1, active: true },
    calendar: { timeZone: 'America/Boise', workdays: [1, 2, 3, 4, 5], cutOff: '16:00' },
    weightTolerance: { percent: 5, grams: 200 },
  });
  for (const [sku, { name, weightGrams, barcode, bin }] of Object.entries(shelved)) {
    const prices = { USD: 990, EUR: 890 };
    await shop.putProduct(sku, { name, weightGrams, prices, barcodes: [barcode], active: true });
    await shop.receiveStock(sku, shelvedIn, 30);
    await shop.putBins(sku, shelvedIn, [bin]);
  }
}
