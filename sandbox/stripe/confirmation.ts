/** What payment intents and setup intents ask of a confirmation alike. */
import { invalidRequest } from './errors.ts';
import { type Intent, newId, type PaymentMethod, type SetupIntent } from './store.ts';

export interface Confirmation {
  payment_method?: string;
  confirmation_token?: string;
  return_url?: string;
  /** Confirmed by Stripe.js in the browser, which brings its own return address. */
  fromBrowser?: boolean;
}

export type AutomaticPaymentMethods = NonNullable<Intent['automatic_payment_methods']>;

/** Which payment methods are offered: those named, or those that Stripe chooses. */
export function offeredMethods(given: {
  allowed_payment_method_types?: string[];
  automatic_payment_methods?: AutomaticPaymentMethods;
}) {
  const { allowed_payment_method_types = null, automatic_payment_methods } = given;
  if (allowed_payment_method_types && automatic_payment_methods) {
    throw invalidRequest(
      'You may only specify one of these parameters: allowed_payment_method_types, automatic_payment_methods.',
      { code: 'parameters_exclusive', param: 'allowed_payment_method_types' },
    );
  }
  const automatic = automatic_payment_methods ?? { enabled: true, allow_redirects: 'always' };
  return {
    allowed_payment_method_types,
    automatic_payment_methods: allowed_payment_method_types ? null : automatic,
  };
}

/** The intent as an error shows it. One that was to be created and confirmed at once is not there yet. */
type Shown = { payment_intent?: Intent | undefined; setup_intent?: SetupIntent | undefined };

export function refuseWithoutReturnUrl(intent: Intent | SetupIntent, given: Confirmation, shown: Shown): void {
  const automatic = intent.automatic_payment_methods;
  const mayRedirect = automatic?.enabled === true && automatic.allow_redirects !== 'never';
  if (!mayRedirect || given.return_url !== undefined || given.fromBrowser) return;
  throw invalidRequest(
    `This ${nameOf(intent)} is configured to accept payment methods enabled in your Dashboard. Because some of these might redirect your customer off of your page, you must provide a \`return_url\`. If you do not want to accept redirect-based payment methods, set \`automatic_payment_methods[enabled]\` to \`true\` and \`automatic_payment_methods[allow_redirects]\` to \`never\`.`,
    { param: 'return_url', ...shown },
  );
}

/** A payment method that a customer saved is for that customer's intents only. */
export function refuseForeignMethod(
  intent: Pick<Intent | SetupIntent, 'object' | 'customer'>,
  method: PaymentMethod,
  shown: Shown,
): void {
  if (method.customer === null || method.customer === intent.customer) return;
  if (intent.customer !== null) {
    throw invalidRequest(
      `The PaymentMethod ${method.id} does not belong to the Customer you supplied ${intent.customer}. Please use this PaymentMethod with the Customer that it belongs to instead.`,
      { param: 'payment_method', ...shown },
    );
  }
  const include = `belongs to the Customer ${method.customer}. Please include the Customer in the \`customer\` parameter on the ${nameOf(intent)}.`;
  if (intent.object === 'setup_intent') {
    throw invalidRequest(`The payment method supplied (${method.id}) ${include}`, {
      param: 'payment_method',
      ...shown,
    });
  }
  // Stripe names a parameter here that the request does not have.
  throw invalidRequest(`The \`payment_method\` parameter supplied ${method.id} ${include}`, {
    code: 'parameter_missing',
    param: 'source',
    ...shown,
  });
}

export const threeDSecure = (): NonNullable<Intent['next_action']> & NonNullable<SetupIntent['next_action']> => ({
  type: 'use_stripe_sdk',
  use_stripe_sdk: { type: 'stripe_3ds2_fingerprint', source: newId('src') },
});

const nameOf = ({ object }: Pick<Intent | SetupIntent, 'object'>): string =>
  object === 'payment_intent' ? 'PaymentIntent' : 'SetupIntent';
