import { invalidRequest } from './errors.ts';
import type { FormMap, FormValue } from './form.ts';

export type Reader<T> = (value: FormValue, param: string) => T;
type Field = Reader<unknown> | { required: Reader<unknown> };
export type Spec = Record<string, Field>;
/** What `readParams` gives for a spec: required ones are there, the others may be undefined. */
export type Params<S extends Spec> = {
  [K in keyof S]: S[K] extends { required: Reader<infer T> } ? T : S[K] extends Reader<infer T> ? T | undefined : never;
};

export const required = <T>(reader: Reader<T>) => ({ required: reader });

/** Checks the parameters of a request before anything is done, with Stripe's own errors. */
export function readParams<S extends Spec>(form: FormMap, spec: S, path = (name: string) => name): Params<S> {
  const unknown = Object.keys(form)
    .filter((name) => !Object.hasOwn(spec, name))
    .map(path);
  if (unknown.length > 0) {
    throw invalidRequest(`Received unknown parameter${unknown.length > 1 ? 's' : ''}: ${unknown.join(', ')}`, {
      code: 'parameter_unknown',
      param: unknown[0]!,
    });
  }
  const params: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(spec)) {
    const value = form[name];
    const param = path(name);
    if (value !== undefined) params[name] = (typeof field === 'function' ? field : field.required)(value, param);
    else if (typeof field !== 'function') {
      throw invalidRequest(`Missing required param: ${param}.`, { code: 'parameter_missing', param });
    }
  }
  return params as Params<S>;
}

export const text: Reader<string> = (value, param) => {
  if (typeof value !== 'string') throw invalidRequest('Invalid string', { param });
  if (value.trim() === '') {
    throw invalidRequest(`You passed an empty string for '${param}'. You may not unset '${param}' with it.`, {
      code: 'parameter_invalid_empty',
      param,
    });
  }
  return value;
};

/** An empty text takes back what was there. */
export const textOrUnset: Reader<string | null> = (value, param) => (value === '' ? null : text(value, param));

export const bool: Reader<boolean> = (value, param) => {
  if (value !== 'true' && value !== 'false') throw invalidRequest(`Invalid boolean: ${String(value)}`, { param });
  return value === 'true';
};

export function integer(bounds: { min: number; max?: number }): Reader<number> {
  return (value, param) => {
    const bad = (message: string) => invalidRequest(message, { code: 'parameter_invalid_integer', param });
    if (typeof value !== 'string' || !/^-?\d{1,15}$/.test(value)) throw bad(`Invalid integer: ${show(value)}`);
    const number = Number(value);
    if (number < bounds.min) throw bad(`This value must be greater than or equal to ${bounds.min}.`);
    if (bounds.max !== undefined && number > bounds.max) {
      throw bad(`This value must be less than or equal to ${bounds.max}.`);
    }
    return number;
  };
}

export function oneOf<const T extends string>(...allowed: T[]): Reader<T> {
  return (value, param) => {
    const found = allowed.find((candidate) => candidate === value);
    if (!found) throw invalidRequest(`Invalid ${param}: must be one of ${allowed.join(', ')}`, { param });
    return found;
  };
}

export const map: Reader<FormMap> = (value, param) => {
  if (typeof value === 'string') throw invalidRequest('Invalid object', { param });
  return value;
};

/** An object with parameters of its own. */
export function object<S extends Spec>(spec: S): Reader<Params<S>> {
  return (value, param) => readParams(map(value, param), spec, (name) => `${param}[${name}]`);
}

export function list<T>(reader: Reader<T>): Reader<T[]> {
  return (value, param) => {
    if (typeof value === 'string') throw invalidRequest('Invalid array', { param });
    return Object.entries(value).map(([index, item]) => reader(item, `${param}[${index}]`));
  };
}

export const textList = list(text);

/** Stripe's limits: 50 keys, names of 40 characters, values of 500. An empty value stands for "none". */
export const metadata: Reader<Record<string, string>> = (value, param) => {
  if (value === '') return {};
  const entries = Object.entries(map(value, param));
  if (entries.length > 50) throw invalidRequest('You can have at most 50 metadata keys.', { param });
  for (const [key, item] of entries) {
    const here = `${param}[${key}]`;
    if (typeof item !== 'string') throw invalidRequest('Metadata values must be strings.', { param: here });
    if (key.length > 40) throw invalidRequest('Metadata keys can have up to 40 characters.', { param: here });
    if (item.length > 500) throw invalidRequest('Metadata values can have up to 500 characters.', { param: here });
  }
  return Object.fromEntries(entries.filter(([, item]) => item !== '')) as Record<string, string>;
};

const show = (value: FormValue): string => (typeof value === 'string' ? value : '(object)');
