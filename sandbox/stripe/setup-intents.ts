import {
  type AutomaticPaymentMethods,
  type Confirmation,
  offeredMethods,
  refuseForeignMethod,
  refuseWithoutReturnUrl,
  threeDSecure,
} from './confirmation.ts';
import { refuseTokenWithoutConfirm, useUpToken, withToken } from './confirmation-tokens.ts';
import { givenCustomer } from './customers.ts';
import { type ErrorBody, invalidRequest, noSuch, StripeFailure } from './errors.ts';
import { declineWhenSaved, needsAuthentication, usePaymentMethod } from './payment-methods.ts';
import { attach } from './saved-methods.ts';
import { newId, type PaymentMethod, type SetupIntent, type Store } from './store.ts';

export interface NewSetupIntent extends Confirmation {
  allowed_payment_method_types?: string[];
  automatic_payment_methods?: AutomaticPaymentMethods;
  confirm?: boolean;
  customer?: string;
  metadata?: Record<string, string>;
  usage?: 'off_session' | 'on_session';
}

export function createSetupIntent(store: Store, request: NewSetupIntent): SetupIntent {
  refuseTokenWithoutConfirm(request);
  const given = withToken(store, request);
  const offered = offeredMethods(given);
  const customer = givenCustomer(store, given.customer);
  const method = given.payment_method === undefined ? null : usePaymentMethod(store, given.payment_method);
  if (method) refuseForeignMethod({ object: 'setup_intent', customer }, method, {});
  const id = newId('seti');
  const intent: SetupIntent = {
    id,
    object: 'setup_intent',
    ...offered,
    application: null,
    cancellation_reason: null,
    client_secret: newId(`${id}_secret`),
    created: store.now(),
    customer,
    customer_account: null,
    description: null,
    excluded_payment_method_types: null,
    flow_directions: null,
    last_setup_error: null,
    latest_attempt: null,
    livemode: false,
    managed_payments: null,
    mandate: null,
    metadata: given.metadata ?? {},
    next_action: null,
    on_behalf_of: null,
    payment_method: method?.id ?? null,
    payment_method_configuration_details: null,
    payment_method_options: null,
    payment_method_types: ['card'],
    single_use_mandate: null,
    status: method ? 'requires_confirmation' : 'requires_payment_method',
    usage: given.usage ?? 'off_session',
  };
  const confirmation = { ...given, payment_method: method?.id };
  if (given.confirm) methodToSetUp(store, intent, confirmation);
  store.setupIntents.put(id, intent);
  store.emit('setup_intent.created', intent);
  return given.confirm ? confirmSetupIntent(store, intent, confirmation) : intent;
}

export function confirmSetupIntent(store: Store, intent: SetupIntent, request: Confirmation): SetupIntent {
  const given = withToken(store, request);
  const method = methodToSetUp(store, intent, given);
  useUpToken(store, given.confirmation_token, intent);
  const confirmed: SetupIntent = {
    ...intent,
    payment_method: method.id,
    latest_attempt: newId('setatt'),
    last_setup_error: null,
    next_action: null,
  };
  if (needsAuthentication(store, method.id, false)) {
    const waiting = store.setupIntents.put(intent.id, {
      ...confirmed,
      status: 'requires_action',
      next_action: threeDSecure(),
    });
    store.emit('setup_intent.requires_action', waiting);
    return waiting;
  }
  const decline = declineWhenSaved(store, method.id);
  if (!decline) return succeed(store, confirmed, method);
  const setup_intent = setupFailed(store, confirmed, method, decline);
  throw new StripeFailure(402, { ...decline, setup_intent, payment_method: method });
}

/** The customer's bank has asked the customer. */
export function finishSetupAuthentication(store: Store, intent: SetupIntent, outcome: 'succeed' | 'fail'): SetupIntent {
  if (intent.status !== 'requires_action') {
    throw unexpectedState(intent, `This SetupIntent cannot be authenticated in its status ${intent.status}.`);
  }
  const answered: SetupIntent = { ...intent, next_action: null };
  const method = usePaymentMethod(store, intent.payment_method ?? '');
  if (outcome === 'fail') {
    return setupFailed(store, answered, method, {
      type: 'invalid_request_error',
      code: 'setup_intent_authentication_failure',
      message: 'The latest attempt to set up the payment method has failed because authentication failed.',
    });
  }
  const decline = declineWhenSaved(store, method.id);
  return decline ? setupFailed(store, answered, method, decline) : succeed(store, answered, method);
}

const OPEN = ['requires_payment_method', 'requires_confirmation', 'requires_action'];

export function cancelSetupIntent(
  store: Store,
  intent: SetupIntent,
  reason: SetupIntent['cancellation_reason'],
): SetupIntent {
  if (intent.status === 'canceled') {
    throw unexpectedState(intent, 'You cannot cancel this SetupIntent because it is already canceled.');
  }
  if (!OPEN.includes(intent.status)) {
    throw unexpectedState(
      intent,
      `You cannot cancel this SetupIntent because it has a status of ${intent.status}. Only a SetupIntent with one of the following statuses may be canceled: \`requires_payment_method\`, \`requires_confirmation\`, or \`requires_action\`.`,
    );
  }
  const canceled = store.setupIntents.put(intent.id, {
    ...intent,
    status: 'canceled',
    cancellation_reason: reason,
    next_action: null,
  });
  store.emit('setup_intent.canceled', canceled);
  return canceled;
}

export function setupIntentOf(store: Store, id: string): SetupIntent {
  const intent = store.setupIntents.get(id);
  if (!intent) throw noSuch('setupintent', id);
  return intent;
}

/** Refuses what cannot be confirmed. As at Stripe, the payment method is looked at before the state. */
function methodToSetUp(store: Store, intent: SetupIntent, given: Confirmation): PaymentMethod {
  const setup_intent = store.setupIntents.get(intent.id);
  const id = given.payment_method ?? intent.payment_method;
  if (id === null) {
    throw unexpectedState(
      setup_intent,
      "You cannot confirm this SetupIntent because it's missing a payment method. You can either update the SetupIntent with a payment method and then confirm it again, or confirm it again directly with a payment method or ConfirmationToken.",
    );
  }
  const method = usePaymentMethod(store, id);
  if (!OPEN.includes(intent.status)) {
    const why = intent.status === 'canceled' ? 'been canceled' : 'already succeeded';
    throw unexpectedState(setup_intent, `You cannot confirm this SetupIntent because it has ${why}.`);
  }
  refuseForeignMethod(intent, method, { setup_intent });
  refuseWithoutReturnUrl(intent, given, { setup_intent });
  return method;
}

function succeed(store: Store, intent: SetupIntent, method: PaymentMethod): SetupIntent {
  const succeeded = store.setupIntents.put(intent.id, { ...intent, status: 'succeeded' });
  attach(store, method, intent.customer);
  if (intent.usage === 'off_session') store.setUp.put(method.id, true);
  store.emit('setup_intent.succeeded', succeeded);
  return succeeded;
}

/** Back to where another payment method can be tried. */
function setupFailed(store: Store, intent: SetupIntent, method: PaymentMethod, error: ErrorBody): SetupIntent {
  const failed = store.setupIntents.put(intent.id, {
    ...intent,
    status: 'requires_payment_method',
    payment_method: null,
    last_setup_error: { ...error, payment_method: method } as SetupIntent['last_setup_error'],
  });
  store.emit('setup_intent.setup_failed', failed);
  return failed;
}

const unexpectedState = (setup_intent: SetupIntent | undefined, message: string): StripeFailure =>
  invalidRequest(message, { code: 'setup_intent_unexpected_state', setup_intent });
