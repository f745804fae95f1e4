import { invalidRequest } from './errors.ts';
import type { Store } from './store.ts';

/** For each kind of object, its fields that hold the id of another, and that one's kind. */
const EXPANDABLE: Record<string, Record<string, string>> = {
  payment_intent: { customer: 'customer', latest_charge: 'charge', payment_method: 'payment_method' },
  setup_intent: { customer: 'customer', payment_method: 'payment_method' },
  payment_method: { customer: 'customer' },
  charge: { payment_intent: 'payment_intent', balance_transaction: 'balance_transaction' },
  refund: { charge: 'charge', payment_intent: 'payment_intent', balance_transaction: 'balance_transaction' },
  dispute: { charge: 'charge', payment_intent: 'payment_intent' },
  balance_transaction: { source: 'source' },
  // What moved the money: a charge, a refund, a dispute or a payout.
  source: { charge: 'charge', payment_intent: 'payment_intent' },
  payout: { balance_transaction: 'balance_transaction' },
  early_fraud_warning: { charge: 'charge', payment_intent: 'payment_intent' },
  file: {},
  // Of these the field itself is left out where nobody asks for it.
  tax_calculation: { line_items: 'tax_line_item[]', shipping_cost: 'tax_shipping_cost' },
  tax_line_item: { tax_breakdown: 'tax_breakdown' },
  tax_shipping_cost: { tax_breakdown: 'tax_breakdown' },
  tax_transaction: { line_items: 'tax_transaction_line_item[]' },
};

/** Refuses, before anything is done, a path that cannot be expanded. The kind of a list of charges is `charge[]`. */
export function checkExpand(paths: string[], kind: string): void {
  for (const path of paths) {
    let here: string | undefined = kind;
    for (const field of path.split('.')) {
      here = here.endsWith('[]') && field === 'data' ? here.slice(0, -2) : EXPANDABLE[here]?.[field];
      if (here === undefined) throw invalidRequest(`This property cannot be expanded (${path}).`, { param: 'expand' });
    }
  }
}

/** A copy of the object in which the ids named by the paths are replaced by what they stand for. */
export function expand(store: Store, object: object, paths: string[]): object {
  return paths.reduce((copy, path) => expandPath(store, copy, path.split('.')), object);
}

function expandPath(store: Store, object: object, [field, ...deeper]: string[]): object {
  if (Array.isArray(object))
    return object.map((item) => expandPath(store, item, field === undefined ? [] : [field, ...deeper]));
  if (field === undefined) return object;
  const value = (object as Record<string, unknown>)[field];
  const found = typeof value === 'string' ? lookUp(store, value) : value;
  if (typeof found !== 'object' || found === null) return object;
  return { ...object, [field]: expandPath(store, found, deeper) };
}

function lookUp(store: Store, id: string): object | undefined {
  if (id.startsWith('cus_')) return store.customers.get(id);
  if (id.startsWith('pi_')) return store.intents.get(id);
  if (id.startsWith('ch_') || id.startsWith('py_')) return store.charges.get(id);
  if (id.startsWith('pm_')) return store.paymentMethods.get(id);
  if (id.startsWith('re_')) return store.refunds.get(id);
  if (id.startsWith('du_')) return store.disputes.get(id);
  if (id.startsWith('po_')) return store.payouts.get(id);
  return store.balanceTransactions.get(id);
}
