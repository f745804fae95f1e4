/** Bank debits: the money is not there, or not to be had, until days after the customer has agreed. */
export interface TestDebit {
  type: 'us_bank_account' | 'sepa_debit';
  last4: string;
  /** How it ends by itself. One without an end is processing until a test ends it. */
  end?: 'succeeded' | DebitFailure;
  dispute?: { reason: string; inquiry: boolean };
}

interface DebitFailure {
  code: string;
  message: string;
}

const FAILURES: Record<string, DebitFailure> = {
  account_closed: { code: 'account_closed', message: "The customer's bank account has been closed." },
  debit_not_authorized: {
    code: 'debit_not_authorized',
    message: 'The customer has notified their bank that this payment was unauthorized.',
  },
  insufficient_funds: {
    code: 'insufficient_funds',
    message: "The customer's account has insufficient funds to cover this payment.",
  },
  no_account: { code: 'no_account', message: "The customer's bank account could not be located." },
};
export const INSUFFICIENT_FUNDS = FAILURES.insufficient_funds!;

const ach = (last4: string, end: TestDebit['end'], dispute?: TestDebit['dispute']): TestDebit => ({
  type: 'us_bank_account',
  last4,
  end,
  dispute,
});
const sepa = (last4: string, end: TestDebit['end']): TestDebit => ({ type: 'sepa_debit', last4, end });

/** Stripe's documented test payment methods. Those of SEPA end in a country, such as `pm_sepaDebit_success_de`. */
export const TEST_DEBITS: Record<string, TestDebit> = {
  pm_usBankAccount_success: ach('6789', 'succeeded'),
  pm_usBankAccount_accountClosed: ach('1113', FAILURES.account_closed),
  pm_usBankAccount_noAccount: ach('1116', FAILURES.no_account),
  pm_usBankAccount_insufficientFunds: ach('2227', INSUFFICIENT_FUNDS),
  pm_usBankAccount_debitNotAuthorized: ach('3335', FAILURES.debit_not_authorized),
  pm_usBankAccount_dispute: ach('5559', 'succeeded', { reason: 'debit_not_authorized', inquiry: false }),
  pm_usBankAccount_processing: ach('0009', undefined),
  pm_sepaDebit_success: sepa('3201', 'succeeded'),
  pm_sepaDebit_failed: sepa('3202', INSUFFICIENT_FUNDS),
};

export const CURRENCY_OF: Record<TestDebit['type'], string> = { us_bank_account: 'usd', sepa_debit: 'eur' };
