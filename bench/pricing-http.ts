/** Quotes over HTTP on one API process, beside a bare Express route with one read of MongoDB on the same machine and data. */
import { Agent } from 'node:http';
import { connectMongo, type Mongo } from '../platform/mongo.ts';
import { temporaryFolder } from '../sandbox/data-folder.ts';
import { freePorts } from '../sandbox/ports.ts';
import { startNode } from '../sandbox/processes.ts';
import { startMongo } from '../sandbox/servers/mongo.ts';
import { environment } from '../sandbox/settings.ts';
import { defaultCalendar } from '../workflows/domain/calendar.ts';
import { ask } from './ask.ts';
import { type Figures, load, percentile, round } from './load.ts';
import type { Serving } from './serve.ts';

const atATime = 32;
const requests = 4_000;
const turns = 5;
const skus = Array.from({ length: 200 }, (_, index) => `BENCH-${index}`);

export async function pricingHttp(): Promise<Figures> {
  const server = await startMongo({ ours: true, say: console.log });
  const folder = await temporaryFolder(console.log);
  const mongo = await connectMongo(server.uri);
  const agent = new Agent({ keepAlive: true, maxSockets: atATime });
  const [apiPort, barePort] = (await freePorts(2)) as [number, number];
  const start = (what: Serving['what'], port: number) => {
    const task: Serving = { uri: server.uri, port, what };
    const env = { ...environment(), BENCH_TASK: JSON.stringify(task) };
    return startNode({ name: `bench-${what}`, file: 'bench/quote-server.ts', env, dataDir: folder.path });
  };
  try {
    await seed(mongo);
    const children = await Promise.all([start('api', apiPort), start('bare', barePort)]);
    const quote = (index: number) => ask(agent, apiPort, { path: '/v1/quotes', body: JSON.stringify(quoteOf(index)) });
    const read = (index: number) => ask(agent, barePort, { path: `/${skus[index % skus.length]}` });
    console.log('Quotes, and bare reads');
    const rates: { quotes: number; reads: number }[] = [];
    const milliseconds: number[] = [];
    // The first is for warming up.
    for (let turn = 0; turn <= turns; turn++) {
      const quotes = await load(requests, atATime, quote);
      const reads = await load(requests, atATime, read);
      if (turn === 0) continue;
      rates.push({ quotes: quotes.perSecond, reads: reads.perSecond });
      milliseconds.push(...quotes.milliseconds);
    }
    await Promise.all(children.map((child) => child.stop()));
    const median = (of: (rate: (typeof rates)[number]) => number) => percentile(rates.map(of), 0.5);
    return {
      ratios: { quotes: { value: round(median(({ quotes, reads }) => quotes / reads)), aim: 0.3 } },
      quotesPerSecond: round(median(({ quotes }) => quotes)),
      readsPerSecond: round(median(({ reads }) => reads)),
      quoteMilliseconds: { p50: round(percentile(milliseconds, 0.5)), p99: round(percentile(milliseconds, 0.99)) },
    };
  } finally {
    agent.destroy();
    await mongo.close();
    await server.stop();
    await folder.release();
  }
}

/** A shop as stores are: taxes, two deliveries, some promotions by themselves and one by code. */
async function seed({ models }: Mongo): Promise<void> {
  for (const model of Object.values(models)) await model.createIndexes();
  const address = { name: 'Bench', line1: '1 Road', city: 'Berlin', postalCode: '10115', country: 'DE' };
  const calendar = { ...defaultCalendar, timeZone: 'Europe/Berlin', holidays: ['2026-12-25', '2026-12-26'] };
  await models.warehouses.create([{ _id: 'bench', name: 'Bench', address, priority: 1, active: true, calendar }]);
  await models.products.create(
    skus.map((sku) => ({ _id: sku, name: sku, weightGrams: 400, prices: { EUR: 1990 }, active: true })),
  );
  const units = { onHand: 1_000, damaged: 0, reserved: 0, committed: 0, incoming: 0, seq: 1, safetyStock: 0 };
  await models.stock.create(skus.map((sku) => ({ _id: `${sku}@bench`, sku, warehouseId: 'bench', ...units })));
  await models.settings.create([{ _id: 'store', taxes: { inclusiveIn: ['EUR'], rounding: 'total', source: 'table' } }]);
  await models.taxRates.create([
    { _id: 'de', name: 'VAT', country: 'DE', taxClass: 'standard', ppm: 190_000, onShipping: true },
  ]);
  const zone = (price: number) => ({ countries: ['DE'], prices: { EUR: [{ price }] }, minDays: 1, maxDays: 3 });
  await models.deliveryMethods.create(
    [490, 990].map((price, position) => ({
      ...{ _id: `method-${position}`, name: 'Delivery', active: true, position, zones: [zone(price)] },
    })),
  );
  const percent = { on: { what: 'order' as const }, discount: { kind: 'percent' as const, ppm: 50_000 } };
  await models.promotions.create(
    [1, 2, 3, 4, 5].map((priority) => ({
      ...{
        _id: `promotion-${priority}`,
        name: 'Five off',
        active: true,
        priority,
        stacking: 'with_others' as const,
        ...percent,
      },
      ...(priority === 5 && { code: 'FIVE' }),
    })),
  );
}

function quoteOf(index: number) {
  const items = [1, 7, 13].map((step) => ({
    sku: skus[(index * step + step) % skus.length]!,
    quantity: step % 3 || 1,
  }));
  return { items, currency: 'EUR', destination: { country: 'DE', postalCode: '10115' }, codes: ['FIVE'] };
}
