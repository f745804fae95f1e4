/** `npm run bench -- NAME`: measures, prints, and writes bench/results/NAME.json. Uses servers and data of its own. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { ServerUnavailable } from '../sandbox/servers/unavailable.ts';
import { engine } from './engine.ts';
import { inventory } from './inventory.ts';
import type { Figures } from './load.ts';
import { orders } from './orders.ts';
import { payments } from './payments.ts';
import { pricing } from './pricing.ts';
import { warehouse } from './warehouse.ts';

const benches: Record<string, () => Promise<Figures>> = { orders, engine, inventory, pricing, payments, warehouse };

const name = process.argv[2] ?? '';
if (name === '--help' || !(name in benches)) {
  console.log(`Usage: npm run bench -- NAME\n\nNAME is one of: ${Object.keys(benches).join(', ')}`);
  process.exitCode = name === '--help' ? 0 : 1;
} else {
  try {
    report(name, await benches[name]!());
  } catch (error) {
    console.error(error instanceof ServerUnavailable ? error.message : error);
    process.exitCode = 1;
  }
}

function report(name: string, { ratios, ...figures }: Figures): void {
  const machine = `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, node ${process.version}`;
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const folder = join(import.meta.dirname, 'results');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}.json`);
  writeFileSync(file, `${JSON.stringify({ name, machine, commit, ratios, ...figures }, null, 2)}\n`);
  for (const [key, value] of Object.entries(figures)) console.log(`  ${key.padEnd(24)} ${JSON.stringify(value)}`);
  for (const [key, { value, aim }] of Object.entries(ratios)) {
    console.log(`  ${key.padEnd(24)} ${value.toFixed(2)} of the yardstick, aim ${aim}${value < aim ? ': missed' : ''}`);
  }
  console.log(`Written to bench/results/${name}.json`);
}
