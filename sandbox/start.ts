/** `npm start`: everything on one machine, until Ctrl-C, with its data kept. */
import { ServerUnavailable } from './servers/unavailable.ts';
import { portSettings, waybillHome } from './settings.ts';
import { type Stack, startStack } from './stack.ts';

const help = `Usage: npm start

Starts MongoDB, Temporal, a sandbox Stripe, carrier and mailbox, the API and a worker on this machine.
Data, logs and downloaded servers are kept in ${waybillHome()} (WAYBILL_HOME changes that). Ctrl-C stops it all.

Environment:
  MONGODB_URI, TEMPORAL_ADDRESS   use these servers and start none
  STRIPE_SECRET_KEY               use the real Stripe, with STRIPE_WEBHOOK_SECRETS
  EASYPOST_API_KEY                labels of EasyPost too, with EASYPOST_WEBHOOK_SECRETS
  LOG_LEVEL                       debug or trace for more in the logs
  ports                           ${Object.values(portSettings)
    .map(({ variable, usual }) => `${variable} (${usual})`)
    .join('\n                                  ')}

Exit codes: 0 stopped by Ctrl-C, 1 it could not be started, and the last line says why.`;

const args = process.argv.slice(2);
if (args.includes('--help') || args.includes('-h')) {
  console.log(help);
} else if (args.length > 0) {
  console.error(`Unknown argument: ${args[0]}. Remedy: npm start -- --help`);
  process.exitCode = 1;
} else {
  await start();
}

async function start(): Promise<void> {
  try {
    const say = (line: string) => console.log(line);
    print(await startStack({ dataDir: waybillHome(), ports: 'fixed', exitCode: 0, say }));
  } catch (error) {
    console.error(error instanceof ServerUnavailable ? error.message : error);
    process.exitCode = 1;
  }
}

function print(stack: Stack): void {
  const rows = [
    ['API', `${stack.apiUrl}/v1`],
    ['API docs', stack.docsUrl],
    ['Temporal UI', stack.temporalUiUrl ?? `of the server at ${stack.temporalAddress}`],
    ['Mailbox', stack.mailbox.url],
    ['Stripe', stack.stripe?.url ?? 'the real one'],
    ['Carrier', stack.carrier.url],
    ['Data and logs', stack.dataDir],
    ['For commands', `set -a; . ${stack.envFile}; npm run audit`],
  ];
  console.log(`\nWaybill is up.\n${table(rows)}`);
  if (stack.tokens) {
    const tokens = Object.entries(stack.tokens).map(([role, token]) => `  ${role.toUpperCase()}=${token}`);
    console.log(`\nStaff tokens, shown this once (Authorization: Bearer TOKEN):\n${tokens.join('\n')}`);
  } else {
    console.log('\nThe staff tokens were shown at the first start; others are made by: npm run tokens -- new ROLE');
  }
  console.log('\nCtrl-C stops it.');
}

function table(rows: string[][]): string {
  return rows.map(([name, value]) => `  ${name!.padEnd(14)} ${value}`).join('\n');
}
