/**
 * Writers of one SKU queue up inside the process instead of colliding in the database, where each collision costs a
 * whole transaction. Across processes the transactions themselves decide.
 */
import { Mutex } from 'async-mutex';

const locks = new Map<string, { mutex: Mutex; users: number }>();

/** SKUs are taken in sorted order, so that no two callers wait for each other. */
export async function withSkus<T>(skus: readonly string[], run: () => Promise<T>): Promise<T> {
  const sorted = [...new Set(skus)].sort();
  const releases: (() => void)[] = [];
  try {
    for (const sku of sorted) releases.push(await acquire(sku));
    return await run();
  } finally {
    for (const release of releases.reverse()) release();
  }
}

async function acquire(sku: string): Promise<() => void> {
  const lock = locks.get(sku) ?? { mutex: new Mutex(), users: 0 };
  locks.set(sku, lock);
  lock.users += 1;
  const release = await lock.mutex.acquire();
  return () => {
    release();
    lock.users -= 1;
    if (lock.users === 0) locks.delete(sku);
  };
}
