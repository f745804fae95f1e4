/** Asks the providers for what a quote needs of them. Whoever makes the quote waits for it. */
import { isCancellation, log, rootCause } from '@temporalio/workflow';
import { callProvider } from './activities.ts';
import { deadlines } from './domain/limits.ts';
import type { QuoteInput } from './messages.ts';

export async function quote({ quoteId, rates, taxes }: QuoteInput): Promise<void> {
  const scheduleToCloseTimeout = deadlines.quote;
  if (rates) {
    await callProvider('askRates', { summary: 'Rates of the carrier', scheduleToCloseTimeout }, { quoteId }).catch(
      (error) => {
        if (isCancellation(error)) throw error;
        log.warn('The carrier did not say what it costs', { why: rootCause(error) });
      },
    );
  }
  if (taxes) await callProvider('askTaxes', { summary: 'Taxes by Stripe', scheduleToCloseTimeout }, { quoteId });
}
