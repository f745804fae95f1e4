/** What a browser hands over instead of a payment method: good for one confirmation, within twelve hours. */
import type { Stripe } from 'stripe';
import type { Confirmation } from './confirmation.ts';
import { invalidRequest, noSuch } from './errors.ts';
import { usePaymentMethod } from './payment-methods.ts';
import { type ConfirmationToken, type Intent, newId, type SetupIntent, type Store } from './store.ts';

const GOOD_SECONDS = 12 * 3600;

export function createToken(
  store: Store,
  given: { payment_method: string; return_url?: string; setup_future_usage?: 'off_session' | 'on_session' },
): Stripe.ConfirmationToken {
  const {
    id: method,
    type,
    card,
    us_bank_account,
    sepa_debit,
    billing_details,
    ...rest
  } = usePaymentMethod(store, given.payment_method);
  const token: ConfirmationToken = {
    id: newId('ctoken'),
    object: 'confirmation_token',
    created: store.now(),
    expires_at: store.now() + GOOD_SECONDS,
    livemode: false,
    mandate_data: null,
    metadata: null,
    method,
    payment_intent: null,
    payment_method_options: null,
    payment_method_preview: {
      allow_redisplay: rest.allow_redisplay,
      billing_details,
      customer: rest.customer,
      customer_account: null,
      type,
      ...(card && { card }),
      ...(us_bank_account && { us_bank_account }),
      ...(sepa_debit && { sepa_debit }),
    } as Stripe.ConfirmationToken.PaymentMethodPreview,
    return_url: given.return_url ?? null,
    setup_future_usage: given.setup_future_usage ?? null,
    setup_intent: null,
    shipping: null,
    use_stripe_sdk: true,
  };
  return showToken(store.confirmationTokens.put(token.id, token));
}

export const showToken = ({ method: _, ...shown }: ConfirmationToken): Stripe.ConfirmationToken => shown;

/** The confirmation with what its token brings along. Where the request says the same, the request counts. */
export function withToken<C extends Confirmation & { setup_future_usage?: string | null }>(store: Store, given: C): C {
  const { confirmation_token } = given;
  if (confirmation_token === undefined) return given;
  const token = store.confirmationTokens.get(confirmation_token);
  if (!token) throw noSuch('confirmation_token', confirmation_token, 'confirmation_token');
  if (token.payment_intent !== null || token.setup_intent !== null) {
    throw invalidRequest(
      `The ConfirmationToken ${token.id} has already been used to confirm a PaymentIntent or SetupIntent. Create a new ConfirmationToken and try again.`,
      { param: 'confirmation_token' },
    );
  }
  if (token.expires_at! <= store.now()) {
    throw invalidRequest(
      `The ConfirmationToken ${token.id} has expired. Create a new ConfirmationToken and try again.`,
      {
        param: 'confirmation_token',
      },
    );
  }
  return {
    ...given,
    payment_method: given.payment_method ?? token.method,
    return_url: given.return_url ?? token.return_url ?? undefined,
    setup_future_usage: given.setup_future_usage ?? token.setup_future_usage ?? undefined,
    fromBrowser: true,
  };
}

export function refuseTokenWithoutConfirm(given: Confirmation & { confirm?: boolean }): void {
  if (given.confirmation_token === undefined || given.confirm) return;
  throw invalidRequest('You may only provide `confirmation_token` when `confirm` is true.', {
    param: 'confirmation_token',
  });
}

/** From now on the token is of this intent and of no other, also where the payment is declined. */
export function useUpToken(store: Store, id: string | undefined, intent: Intent | SetupIntent): void {
  const token = store.confirmationTokens.get(id ?? '');
  if (token) store.confirmationTokens.put(token.id, { ...token, [intent.object]: intent.id });
}
