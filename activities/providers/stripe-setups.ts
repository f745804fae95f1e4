/**
 * Cards that are saved now and charged later, when the customer is not there. For a guest, Stripe's customer stands for
 * one order and has nothing personal: it only ties the saved method to the intents that may charge it.
 */
import type Stripe from 'stripe';
import type { AttemptStatus } from '../../workflows/domain/states.ts';
import { orAsItIs, told, withMethod } from './stripe-failures.ts';

export interface Setup {
  id: string;
  customerId: string;
  clientSecret: string | undefined;
  /** Those of a payment attempt, and `saved`: nothing is authorized. */
  status: Extract<AttemptStatus, 'created' | 'requires_action' | 'processing' | 'declined' | 'voided'> | 'saved';
  declineCode: string | undefined;
  /** The id of what was saved, once it is. */
  paymentMethod: string | undefined;
}

export function createSetups(stripe: Stripe) {
  return {
    /**
     * A setup takes no money: one that gets lost is harmless, and so is a customer without one. `customerId` is Stripe's
     * customer that somebody with an account has.
     */
    async createSetup(request: { orderId: string; customerId?: string | undefined; key: string }): Promise<Setup> {
      const { orderId, customerId, key } = request;
      const customer = customerId ?? (await customerOfOrder(orderId, `${key}:customer`));
      return create(customer, { orderId, workflowId: `order-${orderId}` }, `${key}:setup`);
    },

    /** To save a method without an order. */
    openSetup({ customerId, setupId, key }: { customerId: string; setupId: string; key: string }): Promise<Setup> {
      return create(customerId, { setupId }, key);
    },

    /** A decline comes back as a setup of status `declined`; so does a method that is none, or was used up. */
    async confirmSetup(setupId: string, request: { paymentMethod: string; key: string }): Promise<Setup> {
      const { paymentMethod, key } = request;
      const isToken = paymentMethod.startsWith('ctoken_');
      const params = isToken ? { confirmation_token: paymentMethod } : { payment_method: paymentMethod };
      return setupAfter(setupId, () =>
        withMethod(stripe, { method: paymentMethod, intentId: setupId }, () =>
          stripe.setupIntents.confirm(setupId, params, { idempotencyKey: key }),
        ),
      );
    },

    readSetup,

    /** Nothing can be saved by it any more. What was saved already stays so. */
    async cancelSetup(setupId: string, { key }: { key: string }): Promise<Setup> {
      return setupAfter(setupId, () => stripe.setupIntents.cancel(setupId, {}, { idempotencyKey: key }));
    },
  };

  async function customerOfOrder(orderId: string, key: string): Promise<string> {
    return (await told(() => stripe.customers.create({ metadata: { orderId } }, { idempotencyKey: key }))).id;
  }

  async function create(customer: string, metadata: Record<string, string>, key: string): Promise<Setup> {
    const params: Stripe.SetupIntentCreateParams = {
      customer,
      usage: 'off_session',
      automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
      metadata,
    };
    return toSetup(await told(() => stripe.setupIntents.create(params, { idempotencyKey: key })));
  }

  async function readSetup(setupId: string): Promise<Setup> {
    return toSetup(await told(() => stripe.setupIntents.retrieve(setupId)));
  }

  async function setupAfter(setupId: string, call: () => Promise<Stripe.SetupIntent>): Promise<Setup> {
    return orAsItIs(
      async () => toSetup(await call()),
      () => readSetup(setupId),
    );
  }
}

function toSetup(setup: Stripe.SetupIntent): Setup {
  const { id, customer, client_secret, last_setup_error, payment_method, status } = setup;
  return {
    id,
    // Never without one, as it was made, and never expanded: nobody asks for that.
    customerId: customer as string,
    clientSecret: client_secret ?? undefined,
    status: statusOf(setup),
    declineCode: last_setup_error?.decline_code ?? last_setup_error?.code,
    paymentMethod: status === 'succeeded' ? (payment_method as string) : undefined,
  };
}

function statusOf(setup: Stripe.SetupIntent): Setup['status'] {
  switch (setup.status) {
    case 'requires_payment_method':
      return setup.last_setup_error ? 'declined' : 'created';
    case 'requires_action':
      return 'requires_action';
    case 'processing':
      return 'processing';
    case 'succeeded':
      return 'saved';
    case 'canceled':
      return 'voided';
    default:
      return 'created';
  }
}
