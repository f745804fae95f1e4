import { invalidRequest, noSuch } from './errors.ts';
import { integer, oneOf, type Reader, text } from './params.ts';

/** The parameters every list takes. */
export const paging = {
  limit: integer({ min: 1, max: 100 }),
  starting_after: text,
  ending_before: text,
};
export interface Paging {
  limit?: number;
  starting_after?: string;
  ending_before?: string;
}

interface Listed {
  id: string;
  object: string;
}
export interface Page<T> {
  object: 'list';
  url: string;
  has_more: boolean;
  data: T[];
}

/** One page of a list, the newest first. `oldestFirst` is all that passes the filters. */
export function page<T extends Listed>(oldestFirst: Iterable<T>, url: string, params: Paging): Page<T> {
  const items = [...oldestFirst].reverse();
  const limit = params.limit ?? 10;
  const indexOf = (id: string, param: string): number => {
    const index = items.findIndex((item) => item.id === id);
    if (index === -1) throw noSuch('object', id, param);
    return index;
  };
  if (params.ending_before !== undefined) {
    const end = indexOf(params.ending_before, 'ending_before');
    const start = Math.max(0, end - limit);
    return { object: 'list', url, has_more: start > 0, data: items.slice(start, end) };
  }
  const start = params.starting_after === undefined ? 0 : indexOf(params.starting_after, 'starting_after') + 1;
  return { object: 'list', url, has_more: items.length > start + limit, data: items.slice(start, start + limit) };
}

const seconds = integer({ min: 0 });
const bound = oneOf('gt', 'gte', 'lt', 'lte');

/** Reads Stripe's `created` filter: one second, or a range of them. */
export const createdFilter: Reader<(created: number) => boolean> = (value, param) => {
  if (typeof value === 'string') {
    const exact = seconds(value, param);
    return (created) => created === exact;
  }
  const tests = Object.entries(value).map(([name, item]) => {
    const limit = seconds(item, `${param}[${name}]`);
    return COMPARE[bound(name, param)](limit);
  });
  return (created) => tests.every((passes) => passes(created));
};

const COMPARE = {
  gt: (limit: number) => (created: number) => created > limit,
  gte: (limit: number) => (created: number) => created >= limit,
  lt: (limit: number) => (created: number) => created < limit,
  lte: (limit: number) => (created: number) => created <= limit,
};

/** Reads the one search the sandbox knows, `metadata['name']:'value'`, and gives its name and value. */
export const metadataQuery: Reader<[name: string, value: string]> = (value, param) => {
  const match = /^\s*metadata\[(["'])([^"']+)\1\]\s*:\s*(["'])([^"']*)\3\s*$/.exec(text(value, param));
  if (!match) {
    throw invalidRequest(`The sandbox only searches by metadata['name']:'value', not by: ${String(value)}`, { param });
  }
  return [match[2]!, match[4]!];
};

/** One page of what has the metadata, the newest first. */
export function searched<T extends Listed & { metadata: Record<string, string> }>(
  oldestFirst: readonly T[],
  url: string,
  params: { query: [name: string, value: string]; limit?: number; page?: number },
): object {
  const { limit = 10, page: from = 0 } = params;
  const [name, value] = params.query;
  const found = oldestFirst.filter(({ metadata }) => metadata[name] === value).reverse();
  const has_more = found.length > from + limit;
  const next_page = has_more ? String(from + limit) : null;
  return { object: 'search_result', url, has_more, next_page, data: found.slice(from, from + limit) };
}
