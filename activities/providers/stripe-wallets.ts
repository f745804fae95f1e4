/** Customers at Stripe, each for one of ours, and the payment methods that are saved for them. */
import type Stripe from 'stripe';
import type { SavedMethod } from '../../models/customer.ts';
import { told } from './stripe-failures.ts';

export interface Wallet {
  methods: Omit<SavedMethod, 'addedAt'>[];
  defaultMethod: string | undefined;
}

export function createWallets(stripe: Stripe) {
  return {
    /** The idempotency key is for the first day, when the search may not know it yet; the search for ever after. */
    async ensureCustomer({ customerId, key }: { customerId: string; key: string }): Promise<string> {
      const query = `metadata['customerId']:'${customerId}'`;
      const [found] = (await told(() => stripe.customers.search({ query, limit: 1 }))).data;
      if (found) return found.id;
      const params = { metadata: { customerId } };
      return (await told(() => stripe.customers.create(params, { idempotencyKey: key }))).id;
    },

    /** Undefined where the customer was deleted at Stripe. */
    async readWallet(providerId: string): Promise<Wallet | undefined> {
      const customer = await told(() => stripe.customers.retrieve(providerId));
      if (customer.deleted) return undefined;
      const pages = stripe.paymentMethods.list({ customer: providerId, limit: 100 });
      const methods = await told(() => pages.autoPagingToArray({ limit: 1_000 }));
      return {
        methods: methods.map(toSaved),
        // Never expanded: nobody asks for that.
        defaultMethod: (customer.invoice_settings.default_payment_method as string | null) ?? undefined,
      };
    },

    /** Saying it again changes nothing, so it needs no key of ours; an old key would replay an old answer. */
    async setDefaultMethod(providerId: string, paymentMethod: string): Promise<void> {
      const params = { invoice_settings: { default_payment_method: paymentMethod } };
      await told(() => stripe.customers.update(providerId, params));
    },

    /** For good. One that is not the customer's any more is left alone. */
    async detachMethod(providerId: string, paymentMethod: string): Promise<void> {
      const { customer } = await told(() => stripe.paymentMethods.retrieve(paymentMethod));
      if (customer === providerId) await told(() => stripe.paymentMethods.detach(paymentMethod));
    },
  };
}

/** Neither billing details nor fingerprint: nothing that its customer does not need to know it again. */
function toSaved(method: Stripe.PaymentMethod): Wallet['methods'][number] {
  const { id, type, card } = method;
  if (card) {
    const { brand, last4, exp_month: expMonth, exp_year: expYear } = card;
    return { id, type, brand, last4, expMonth, expYear };
  }
  const last4 = method.sepa_debit?.last4 ?? method.us_bank_account?.last4;
  return { id, type, ...(last4 && { last4 }) };
}
