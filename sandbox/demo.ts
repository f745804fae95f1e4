/** `npm run demo`: a whole shop on this machine, orders to their ends, and the auditor's verdict. */
import { styleText } from 'node:util';
import { audit } from '../activities/audit.ts';
import { createPayments } from '../activities/providers/stripe.ts';
import { connectMongo } from '../platform/mongo.ts';
import type { Ending, Stage } from './demo/acts.ts';
import { cast } from './demo/cast.ts';
import { createScreen, table } from './demo/screen.ts';
import { ServerUnavailable } from './servers/unavailable.ts';
import { createShopClient } from './shop/client.ts';
import { openShop } from './shop/goods.ts';
import { connectTo } from './shop/temporal.ts';
import { type Stack, startStack } from './stack.ts';

const help = `Usage: npm run demo

Starts everything on free ports and a temporary folder, fills a shop, plays ${cast.length} orders over the REST API, lets the
auditor look, and stops it all. Exit code 0: every order ended as it should, and no guarantee is broken. 1: not so.`;

interface Told {
  title: string;
  expected: string;
  ending?: Ending;
  failure?: string;
}

if (process.argv.includes('--help')) console.log(help);
else process.exitCode = await main();

async function main(): Promise<number> {
  let stack: Stack | undefined;
  try {
    stack = await startStack({ ports: 'free', say: console.log });
    return await perform(stack);
  } catch (error) {
    console.error(error instanceof ServerUnavailable ? error.message : error);
    return 1;
  } finally {
    await stack?.stop();
  }
}

async function perform(stack: Stack): Promise<number> {
  if (!stack.tokens || !stack.stripe)
    throw new Error('The demo plays with the sandbox Stripe: unset STRIPE_SECRET_KEY');
  const shop = createShopClient(stack.apiUrl, stack.tokens);
  const opened = await openShop(shop);
  console.log(`The shop is open: ${opened.products} products in ${opened.warehouses} warehouses, in USD and EUR`);
  console.log(`  API ${stack.docsUrl}   Temporal ${stack.temporalUiUrl}   Mailbox ${stack.mailbox.url}\n`);

  const stage: Stage = { shop, stripeUrl: stack.stripe.url, carrierUrl: stack.carrier.url };
  const screen = createScreen(cast.map(({ title }) => title));
  const told = await Promise.all(
    cast.map(async ({ title, expected, play }, index): Promise<Told> => {
      try {
        const ending = await play(stage, (what) => screen.tell(index, what));
        screen.tell(index, ending.status);
        return { title, expected, ending };
      } catch (error) {
        const failure = error instanceof Error ? error.message : String(error);
        screen.tell(index, `failed: ${failure}`);
        return { title, expected, failure };
      }
    }),
  );
  shop.close();

  const verdict = await askAuditor(stack);
  console.log(`\n${table([['story', 'order', 'total', 'ended'], ...told.map(rowOf)])}\n`);
  for (const { ending } of told) if (ending?.document) console.log(`Invoice ${ending.document}\n`);
  for (const { guarantee, where, what } of verdict.violations) console.log(`  ${guarantee}  ${where}  ${what}`);
  const counts = Object.entries(verdict.checked).map(([name, count]) => `${count} ${name}`);
  console.log(`Auditor: ${verdict.violations.length} violations in ${counts.join(', ')}`);

  const wrong = told.filter(({ ending, expected }) => ending?.status !== expected);
  for (const { title, expected, ending, failure } of wrong) {
    console.error(
      `${title}: ${failure ?? `ended "${ending?.status}", expected "${expected}"`}. Logs: ${stack.dataDir}/logs`,
    );
  }
  return wrong.length === 0 && verdict.violations.length === 0 ? 0 : 1;
}

function rowOf({ title, ending, expected, failure }: Told): string[] {
  const ended = failure ? 'failed' : (ending?.status ?? '');
  const colour = ended === expected ? 'green' : 'red';
  const shown = process.stdout.isTTY ? styleText(colour, ended) : ended;
  return [title, ending?.orderId ?? '', ending?.total ?? '', shown];
}

async function askAuditor(stack: Stack) {
  const mongo = await connectMongo(stack.mongodbUri);
  const temporal = await connectTo(stack.temporalAddress);
  const payments = createPayments({ secretKey: 'sk_test_sandbox', apiBase: stack.stripe!.url });
  try {
    return await audit({ mongo, payments, temporal });
  } finally {
    await temporal.connection.close();
    await mongo.close();
  }
}
