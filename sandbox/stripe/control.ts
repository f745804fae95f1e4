import { expireAuthorization } from './cancel-intent.ts';
import { confirmIntent, finishAuthentication } from './confirm-intent.ts';
import { createToken } from './confirmation-tokens.ts';
import { settleDebit } from './debits.ts';
import { decideDispute, escalateInquiry, openDispute } from './disputes.ts';
import { BadControl, noSuch, StripeFailure } from './errors.ts';
import { eventOf } from './events.ts';
import type { Faults } from './faults.ts';
import { warnOfFraud } from './fraud-warnings.ts';
import { forgetKeys } from './idempotency.ts';
import { intentOf } from './intent-state.ts';
import { payOut } from './payouts.ts';
import { settleRefund } from './refunds.ts';
import { confirmSetupIntent, finishSetupAuthentication, setupIntentOf } from './setup-intents.ts';
import type { Charge, Store } from './store.ts';
import { calculationOf, expireCalculation } from './taxes.ts';
import { advanceClock } from './time.ts';
import type { Webhooks } from './webhooks.ts';

const NO_ENDPOINT = 'this sandbox was started without a webhook endpoint';

export interface ControlAnswer {
  status: number;
  body: object;
}

/**
 * The endpoints under `/_sandbox/`, by which tests, the demo and crash runs play the outside world: the customer, the bank,
 * the network. JSON in and out, no authentication.
 */
export function createControl(world: {
  store: Store;
  faults: Faults;
  webhooks: Webhooks | undefined;
  calls: Map<string, number>;
}) {
  const { store, faults, webhooks, calls } = world;

  const state = (): Record<string, object> => ({
    customers: [...store.customers.values()],
    setup_intents: [...store.setupIntents.values()],
    payment_intents: [...store.intents.values()],
    charges: [...store.charges.values()],
    refunds: [...store.refunds.values()],
    disputes: [...store.disputes.values()],
    fraud_warnings: [...store.fraudWarnings.values()],
    files: [...store.files.values()],
    tax_calculations: [...store.taxCalculations.values()],
    tax_transactions: [...store.taxTransactions.values()],
    payouts: [...store.payouts.values()],
    balance_transactions: [...store.balanceTransactions.values()],
    events: [...store.events.values()],
    undelivered_events: webhooks?.waiting() ?? [],
    idempotency_keys: [...store.idempotency.values()]
      .filter(({ forgotten }) => !forgotten)
      .map(({ key, path, status }) => ({ key, path, status })),
  });

  const act = (method: string, path: string, body: Record<string, unknown>): object => {
    const [subject, id = '', action = ''] = path.split('/').slice(2);
    switch (`${method} ${[subject, ...(id ? [':id'] : []), ...(action ? [action] : [])].join('/')}`) {
      case 'GET faults':
        return { faults: faults.list() };
      case 'POST faults':
        return faults.arm(body);
      case 'DELETE faults':
        faults.clear();
        return { faults: [] };
      case 'POST multicapture':
        return { available: store.settings.put('multicapture', choice(body, 'available', [true, false])) };
      case 'POST confirmation_tokens':
        return createToken(store, { payment_method: 'pm_card_visa', ...paymentMethod(body), ...futureUsage(body) });
      case 'DELETE idempotency_keys':
      case 'DELETE idempotency_keys/:id':
        forgetKeys(store, id);
        return {};
      case 'POST clock':
        return advanceClock(store, body);
      case 'POST payouts':
        return payOut(store, body);
      case 'POST down':
        return faults.setDown(choice(body, 'down', [true, false]));
      case 'POST events/:id/send': {
        const event = eventOf(store, id);
        if (!webhooks) throw new BadControl(NO_ENDPOINT);
        webhooks.send(event);
        return event;
      }
      case 'POST webhooks':
        if (!webhooks) throw new BadControl(NO_ENDPOINT);
        return webhooks.set(body);
      case 'POST payment_intents/:id/authenticate':
        return finishAuthentication(store, intentOf(store, id), choice(body, 'outcome', ['succeed', 'fail']));
      case 'POST payment_intents/:id/confirm':
        return confirmIntent(store, intentOf(store, id), {
          ...paymentMethod(body),
          ...futureUsage(body),
          fromBrowser: true,
        });
      case 'POST payment_intents/:id/expire':
        return expireAuthorization(store, intentOf(store, id));
      case 'POST payment_intents/:id/settle':
        return settleDebit(store, intentOf(store, id), choice(body, 'outcome', ['succeeded', 'failed']));
      case 'POST setup_intents/:id/authenticate':
        return finishSetupAuthentication(store, setupIntentOf(store, id), choice(body, 'outcome', ['succeed', 'fail']));
      case 'POST setup_intents/:id/confirm':
        return confirmSetupIntent(store, setupIntentOf(store, id), { ...paymentMethod(body), fromBrowser: true });
      case 'POST disputes':
        return disputeByHand(store, body);
      case 'POST fraud_warnings':
        return warnOfFraud(store, chargeOf(store, body));
      case 'POST disputes/:id/escalate': {
        const dispute = store.disputes.get(id);
        if (!dispute) throw noSuch('dispute', id);
        return escalateInquiry(store, dispute);
      }
      case 'POST disputes/:id/decide': {
        const dispute = store.disputes.get(id);
        if (!dispute) throw noSuch('dispute', id);
        return decideDispute(store, dispute, choice(body, 'outcome', ['won', 'lost']));
      }
      case 'POST refunds/:id/settle': {
        const refund = store.refunds.get(id);
        if (!refund) throw noSuch('refund', id);
        return settleRefund(store, refund, choice(body, 'outcome', ['succeeded', 'failed']));
      }
      case 'POST tax_calculations/:id/expire':
        return expireCalculation(store, calculationOf(store, id));
      case 'GET calls':
        return { calls: Object.fromEntries(calls) };
      case 'GET state':
        return state();
      // One part of it is enough for who asks again and again.
      case 'GET state/:id':
        return { [id]: state()[id] };
      default:
        throw new StripeFailure(404, { type: 'invalid_request_error', message: `no such control: ${method} ${path}` });
    }
  };

  return function answer(method: string, path: string, body: string): ControlAnswer {
    try {
      const given = parse(body);
      return store.atomically(() => {
        store.request = { id: null, idempotency_key: null };
        return { status: 200, body: act(method, path, given) };
      });
    } catch (error) {
      if (error instanceof StripeFailure) return { status: error.status, body: { error: error.error } };
      if (error instanceof BadControl) return { status: 400, body: { error: { message: error.message } } };
      throw error;
    }
  };
}

function parse(body: string): Record<string, unknown> {
  if (body === '') return {};
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Told below, with the other things that are no JSON object.
  }
  throw new BadControl(`the body must be a JSON object, not: ${body.slice(0, 100)}`);
}

function choice<const T extends string | boolean>(body: Record<string, unknown>, field: string, allowed: T[]): T {
  const found = allowed.find((candidate) => candidate === body[field]);
  if (found === undefined)
    throw new BadControl(`${field} must be one of ${allowed.join(', ')}, not ${String(body[field])}`);
  return found;
}

function paymentMethod(body: Record<string, unknown>): { payment_method?: string } {
  const { payment_method } = body;
  if (payment_method === undefined) return {};
  if (typeof payment_method !== 'string') throw new BadControl('payment_method must be a text such as pm_card_visa');
  return { payment_method };
}

function futureUsage(body: Record<string, unknown>): { setup_future_usage?: 'off_session' | 'on_session' } {
  if (body.setup_future_usage === undefined) return {};
  return { setup_future_usage: choice(body, 'setup_future_usage', ['off_session', 'on_session']) };
}

/** The cardholder's bank disputes a payment, at any time after money of it was captured. */
function chargeOf(store: Store, { payment_intent }: Record<string, unknown>): Charge {
  const charge = store.charges.get(intentOf(store, String(payment_intent)).latest_charge ?? '');
  if (!charge) throw new BadControl(`${String(payment_intent)} was not charged`);
  return charge;
}

function disputeByHand(store: Store, body: Record<string, unknown>): object {
  const { payment_intent, reason = 'fraudulent', inquiry = false, amount } = body;
  const charge = chargeOf(store, body);
  const most = charge.amount_captured;
  if (most === 0) throw new BadControl(`nothing of ${String(payment_intent)} is captured`);
  if (typeof reason !== 'string') throw new BadControl('reason must be a text such as product_not_received');
  if (typeof inquiry !== 'boolean') throw new BadControl('inquiry must be true or false');
  if (amount === undefined) return openDispute(store, charge, { reason, inquiry });
  if (typeof amount !== 'number' || !Number.isInteger(amount) || amount < 1 || amount > most) {
    throw new BadControl(`amount must be a whole number from 1 to ${most}, which is what was captured`);
  }
  return openDispute(store, charge, { reason, inquiry, amount });
}
