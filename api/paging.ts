/** Pages by cursor: the sort keys of the last item, opaque to the caller. */
import { z } from 'zod';
import { Problem } from './problem.ts';

/** Reads one item more than the page holds, to know whether another page follows. */
export function page<T>(found: T[], limit: number, keys: (last: T) => string[]): { items: T[]; next: string | null } {
  const items = found.slice(0, limit);
  const last = items.at(-1);
  const more = found.length > limit && last !== undefined;
  return { items, next: more ? Buffer.from(JSON.stringify(keys(last))).toString('base64url') : null };
}

const keysSchema = z.array(z.string().max(100)).max(2);

/** @throws Problem invalid-request where the cursor is none of ours */
export function readCursor(cursor: string | undefined, keys: number): string[] | undefined {
  if (cursor === undefined) return undefined;
  try {
    const parsed = keysSchema.length(keys).safeParse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
    if (parsed.success) return parsed.data;
  } catch {
    // Not JSON: refused below, like everything else that we did not write.
  }
  const errors = [{ in: 'query', field: 'cursor', message: 'Not a cursor of this list' }];
  throw new Problem('invalid-request', 'query cursor: use `next` of the page before, or leave it out', { errors });
}

/** Newest first, with the id to tell those of the same millisecond apart. */
export function afterNewest(cursor: string | undefined, time = 'createdAt'): Record<string, unknown> {
  const keys = readCursor(cursor, 2);
  if (keys === undefined) return {};
  const at = new Date(keys[0]!);
  if (Number.isNaN(at.getTime())) throw new Problem('invalid-request', 'query cursor: it holds no time');
  return { $or: [{ [time]: { $lt: at } }, { [time]: at, _id: { $lt: keys[1] } }] };
}

export function newestKeys({ _id, createdAt }: { _id: string; createdAt: Date }): string[] {
  return [createdAt.toISOString(), _id];
}
