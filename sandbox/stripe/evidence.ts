/** What a shop can say and show against a dispute. */
import { invalidRequest, noSuch } from './errors.ts';
import type { FormMap, FormValue } from './form.ts';
import { map, type Reader } from './params.ts';
import type { Store } from './store.ts';

const FILES = [
  ...['cancellation_policy', 'customer_communication', 'customer_signature', 'duplicate_charge_documentation'],
  ...['receipt', 'refund_policy', 'service_documentation', 'shipping_documentation', 'uncategorized_file'],
];
const TEXTS = [
  ...['access_activity_log', 'billing_address', 'cancellation_policy_disclosure', 'cancellation_rebuttal'],
  ...['customer_email_address', 'customer_name', 'customer_purchase_ip', 'duplicate_charge_explanation'],
  ...['duplicate_charge_id', 'product_description', 'refund_policy_disclosure', 'refund_refusal_explanation'],
  ...['service_date', 'shipping_address', 'shipping_carrier', 'shipping_date', 'shipping_tracking_number'],
  'uncategorized_text',
];
const MOST_CHARACTERS = 20_000;
const MOST_CHARACTERS_IN_ALL = 150_000;

export type Evidence = Record<string, string | null>;

export const noEvidence = (): Record<string, unknown> =>
  Object.fromEntries([...[...TEXTS, ...FILES].sort().map((name) => [name, null]), ['enhanced_evidence', {}]]);

export const evidenceFields: Reader<Evidence> = (value, param) => {
  const given: FormMap = map(value, param);
  for (const [name, item] of Object.entries<FormValue>(given)) {
    const here = `${param}[${name}]`;
    if (!TEXTS.includes(name) && !FILES.includes(name)) {
      throw invalidRequest(`Received unknown parameter: ${here}`, { code: 'parameter_unknown', param: here });
    }
    if (typeof item !== 'string') throw invalidRequest('Invalid string', { param: here });
    if (item.length > MOST_CHARACTERS) {
      throw invalidRequest(`Invalid string: must be at most ${MOST_CHARACTERS} characters`, { param: here });
    }
  }
  return Object.fromEntries(Object.entries(given).map(([name, item]) => [name, item === '' ? null : (item as string)]));
};

/** Refuses files that were not uploaded as evidence, and more text than a bank reads. */
export function refuseEvidence(store: Store, evidence: Evidence): void {
  for (const name of FILES) {
    const id = evidence[name];
    if (id == null) continue;
    const param = `evidence[${name}]`;
    const file = store.files.get(id);
    if (!file) throw noSuch('file upload', id, param);
    if (file.purpose !== 'dispute_evidence') {
      throw invalidRequest(`The file ${id} has the purpose ${file.purpose}, and not dispute_evidence.`, { param });
    }
  }
  const characters = TEXTS.reduce((sum, name) => sum + (evidence[name]?.length ?? 0), 0);
  if (characters > MOST_CHARACTERS_IN_ALL) {
    throw invalidRequest(`The combined character count of all evidence is limited to ${MOST_CHARACTERS_IN_ALL}.`, {
      param: 'evidence',
    });
  }
}
