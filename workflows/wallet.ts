/** The methods of payment that are saved for a customer at the provider. */
import { setHandler } from '@temporalio/workflow';
import { callProvider } from './activities.ts';
import { deadlines } from './domain/limits.ts';
import { type WalletAsk, type WalletInput, walletChanged } from './messages.ts';

/** Something of them may have changed at the provider: they are read, and once more for what is heard meanwhile. */
export async function readWallet({ customerId }: WalletInput): Promise<void> {
  let hints = 0;
  setHandler(walletChanged, () => {
    hints += 1;
  });
  for (let heard = -1; heard < hints; ) {
    heard = hints;
    await callProvider('readMethods', { summary: 'Read the saved methods' }, { customerId });
  }
}

/** Whoever wants it changed waits for it. */
export function askWallet({ step, customerId, about }: WalletAsk): Promise<void> {
  const scheduleToCloseTimeout = deadlines.wallet;
  switch (step) {
    case 'openMethodSetup': {
      const input = { customerId, setupId: about };
      return callProvider(step, { summary: 'Open the saving of a method', scheduleToCloseTimeout }, input);
    }
    case 'setDefaultMethod': {
      const input = { customerId, paymentMethod: about };
      return callProvider(step, { summary: 'Choose the default method', scheduleToCloseTimeout }, input);
    }
    case 'removeMethod': {
      const input = { customerId, paymentMethod: about };
      return callProvider(step, { summary: 'Remove a saved method', scheduleToCloseTimeout }, input);
    }
  }
}
