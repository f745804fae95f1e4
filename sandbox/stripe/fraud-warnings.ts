/** The cardholder has told the bank of a fraud, which mostly becomes a dispute unless the money is given back. */
import { type Charge, type FraudWarning, newId, type Store } from './store.ts';

export function warnOfFraud(store: Store, charge: Charge): FraudWarning {
  const { id, payment_intent } = charge;
  const warning: FraudWarning = {
    id: newId('issfr'),
    object: 'radar.early_fraud_warning',
    actionable: true,
    charge: id,
    created: store.now(),
    fraud_type: 'made_with_stolen_card',
    livemode: false,
    ...(payment_intent === null ? {} : { payment_intent }),
  };
  store.emit('radar.early_fraud_warning.created', store.fraudWarnings.put(warning.id, warning));
  return warning;
}

/** Nothing is left to do about a charge that was disputed or given back as a whole. */
export function closeWarnings(store: Store, charge: Charge): void {
  for (const warning of [...store.fraudWarnings.values()]) {
    if (warning.charge !== charge.id || !warning.actionable) continue;
    const closed = store.fraudWarnings.put(warning.id, { ...warning, actionable: false });
    store.emit('radar.early_fraud_warning.updated', closed);
  }
}
