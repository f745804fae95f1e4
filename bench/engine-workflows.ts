/** The yardstick, and the bare engine: what an order asks of Temporal, with nothing behind it. */
import {
  condition,
  defineSignal,
  defineUpdate,
  proxyActivities,
  proxyLocalActivities,
  setHandler,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import { searchAttributes } from '../workflows/messages.ts';

interface Nothing {
  nothing(): Promise<void>;
}

export const providersQueue = 'bench-providers';
export const place = defineUpdate('place');
export const pack = defineUpdate('pack');
export const handOver = defineUpdate('handOver');
export const arrive = defineSignal('arrive');

const local = proxyLocalActivities<Nothing>({ startToCloseTimeout: '3s' });
const provider = proxyActivities<Nothing>({ startToCloseTimeout: '45s', taskQueue: providersQueue });

export async function empty(): Promise<void> {}

/** The steps of workflows/order.ts for one parcel, as its history shows them. */
export async function bareOrder(): Promise<void> {
  const asked = new Set<string>();
  const done = new Set<string>();
  for (const update of [place, pack, handOver]) {
    setHandler(update, async () => {
      asked.add(update.name);
      await condition(() => done.has(update.name));
    });
  }
  setHandler(arrive, () => {
    asked.add(arrive.name);
  });
  const show = (value: string) => upsertSearchAttributes([{ key: searchAttributes.orderStatus, value }]);

  await local.nothing();
  await provider.nothing();
  show('confirmed');
  await local.nothing();
  done.add(place.name);

  await condition(() => asked.has(pack.name), '2 days');
  await local.nothing();
  await provider.nothing();
  await provider.nothing();
  show('processing');
  await local.nothing();
  done.add(pack.name);

  await condition(() => asked.has(handOver.name));
  show('shipped');
  await local.nothing();
  done.add(handOver.name);

  await condition(() => asked.has(arrive.name));
  show('completed');
  await local.nothing();
}
