import { invalidRequest } from './errors.ts';

export type FormValue = string | FormMap;
/** Without a prototype, so that a key like `__proto__` is only a key. */
export interface FormMap {
  [key: string]: FormValue;
}

const MAX_DEPTH = 8;

/** Decodes Stripe's nested form encoding: `a=1&b[c]=2&d[0]=3&e[]=4`. Lists come out as maps with number keys. */
export function decodeForm(encoded: string): FormMap {
  const form: FormMap = Object.create(null);
  for (const [key, value] of new URLSearchParams(encoded)) put(form, segments(key), value, key);
  return form;
}

/** The same text for the same parameters in any order: what an idempotency key is compared by. */
export function canonicalForm(encoded: string): string {
  const params = new URLSearchParams(encoded);
  params.sort();
  return params.toString();
}

function segments(key: string): string[] {
  const open = key.indexOf('[');
  if (open < 1) return [key];
  const path = [key.slice(0, open), ...[...key.slice(open).matchAll(/\[([^[\]]*)\]/g)].map((match) => match[1] ?? '')];
  if (path.length > MAX_DEPTH) throw invalidRequest(`Parameter nested too deeply: ${key.slice(0, 100)}`);
  return path;
}

function put(form: FormMap, path: string[], value: string, key: string): void {
  let map = form;
  for (const [index, segment] of path.entries()) {
    const name = segment === '' && index > 0 ? String(Object.keys(map).length) : segment;
    const known = map[name];
    if (index === path.length - 1) {
      if (typeof known === 'object') throw invalidRequest(`Invalid parameter: ${key}`, { param: key });
      map[name] = value;
      return;
    }
    if (typeof known === 'string') throw invalidRequest(`Invalid parameter: ${key}`, { param: key });
    const next: FormMap = known ?? Object.create(null);
    map[name] = next;
    map = next;
  }
}
