/** What happens by itself as time passes: by the second, and at once where a test puts the clock forward. */

import { expireDueAuthorizations } from './cancel-intent.ts';
import { settleDueDebits } from './debits.ts';
import { closeOverdueDisputes } from './disputes.ts';
import { BadControl } from './errors.ts';
import { settleDueRefunds } from './refunds.ts';
import type { Store } from './store.ts';

export function advanceClock(store: Store, request: { advanceMs?: unknown }): { now: number } {
  const { advanceMs } = request;
  if (typeof advanceMs !== 'number' || !Number.isSafeInteger(advanceMs) || advanceMs < 0) {
    throw new BadControl('advanceMs must be a whole number of milliseconds from 0');
  }
  store.advance(advanceMs);
  letTimeWork(store);
  return { now: store.now() };
}

export function letTimeWork(store: Store): void {
  expireDueAuthorizations(store);
  settleDueDebits(store);
  settleDueRefunds(store);
  closeOverdueDisputes(store);
}
