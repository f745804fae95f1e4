/** Stock as CSV files, and its counters set right by the facts behind them. */
import { createWriteStream } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { exportStock } from '../activities/stock/export.ts';
import { type Drift, findDrifts, rebuild } from '../activities/stock/facts.ts';
import { ImportRefused, importStock } from '../activities/stock/import.ts';
import { readConfig } from '../platform/config.ts';
import { main } from '../platform/main.ts';
import { connectMongo, type Mongo } from '../platform/mongo.ts';

const help = `npm run stock -- import FILE [--partial]   sets stock to what the CSV file says; nothing where a row is bad,
                                          or with --partial the rows that are good
npm run stock -- export [FILE]            writes all stock as CSV into the file, or to where the output goes
npm run stock -- rebuild [--check]        sets counters right that the movements and orders do not explain, or with
                                          --check only names them

docs/stock-files.md says what is in the files. Needs MONGODB_URI. Progress goes to the error output.
Exit code 0: done, or nothing to set right; 1: rows were refused, or counters are wrong; 2: it could not be done.`;

await main(async () => {
  const { values, positionals } = parseArgs({
    options: { partial: { type: 'boolean' }, check: { type: 'boolean' }, help: { type: 'boolean' } },
    allowPositionals: true,
  });
  if (values.help) return console.log(help);
  const [command, file, ...rest] = positionals;
  const run =
    command === 'import' && file !== undefined && !values.check
      ? (mongo: Mongo) => importFile(mongo, file, values.partial ? 'valid' : 'all')
      : command === 'export' && !values.partial && !values.check
        ? (mongo: Mongo) => exportFile(mongo, file)
        : command === 'rebuild' && file === undefined && !values.partial
          ? (mongo: Mongo) => setRight(mongo, values.check === true)
          : undefined;
  if (!run || rest.length > 0) throw new Error(`That is no command:\n\n${help}`);
  const mongo = await connectMongo(readConfig('common').MONGODB_URI);
  try {
    process.exitCode = (await run(mongo)) ? 0 : 1;
  } finally {
    await mongo.close();
  }
}, 2);

async function importFile(mongo: Mongo, file: string, mode: 'all' | 'valid'): Promise<boolean> {
  // A stream would fail by itself before anybody listens to it.
  const handle = await open(file);
  let isStopped = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (isStopped = true));
  const show = progress();
  try {
    const { result, repeated } = await importStock(mongo, {
      bytes: handle.createReadStream(),
      name: basename(file),
      mode,
      actor: 'command',
      onProgress(pass, percent) {
        if (isStopped) throw new Error('Stopped. Import the same file again to go on');
        show(pass === 'check' ? 'Checked' : 'Imported', percent);
      },
    });
    const { finishedAt, rows, changed, unchanged, refused, errors } = result;
    for (const { line, reason } of errors) console.error(`${file}:${line}: ${reason}`);
    if (repeated) console.error(`Imported at ${finishedAt!.toISOString()} already; nothing was changed now. Then:`);
    console.error(`${rows} rows: ${changed} changed, ${unchanged} unchanged, ${refused} refused`);
    return refused === 0;
  } catch (error) {
    if (!(error instanceof ImportRefused)) throw error;
    for (const { line, reason } of error.errors) console.error(`${file}:${line}: ${reason}`);
    console.error(error.message);
    return false;
  }
}

/** A file appears when it is complete. */
async function exportFile(mongo: Mongo, file: string | undefined): Promise<boolean> {
  const total = await mongo.models.stock.estimatedDocumentCount();
  const show = progress();
  const bytes = exportStock(mongo, { onProgress: (rows) => show('Exported', Math.min(100, (100 * rows) / total)) });
  if (file === undefined) await pipeline(bytes, process.stdout);
  else {
    await pipeline(bytes, createWriteStream(`${file}.part`));
    await rename(`${file}.part`, file);
  }
  return true;
}

async function setRight(mongo: Mongo, onlyLook: boolean): Promise<boolean> {
  const drifts = onlyLook ? (await findDrifts(mongo)).drifts : await rebuild(mongo);
  for (const drift of drifts) console.log(inWords(drift, onlyLook));
  return drifts.every(({ field }) => !onlyLook && field !== 'ledger');
}

function inWords({ where, field, is, should }: Drift, onlyLook: boolean): string {
  if (field === 'ledger')
    return `${where}  ${should - is} movements are missing, which nothing can bring back: count what is there`;
  return `${where}  ${field} ${onlyLook ? `is ${is}, and should be ${should}` : `was ${is}, and is ${should} now`}`;
}

/** One line that changes on a terminal, and elsewhere a line every ten percent. */
function progress(): (what: string, percent: number) => void {
  const { stderr } = process;
  let shown = '';
  return (what, percent) => {
    const step = stderr.isTTY ? Math.floor(percent) : Math.floor(percent / 10) * 10;
    const line = `${what}: ${step} %`;
    if (line === shown) return;
    shown = line;
    stderr.write(stderr.isTTY ? `\r${line.padEnd(20)}${step === 100 ? '\n' : ''}` : `${line}\n`);
  };
}
