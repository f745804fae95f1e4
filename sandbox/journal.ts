import { closeSync, existsSync, mkdirSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

export interface Collection<T> {
  get(id: string): T | undefined;
  /** Stores the value under its id and, before returning, appends it to the file. Call it again after each change. */
  put(id: string, value: T): T;
  /** All values, in the order in which their ids were first put. */
  values(): IterableIterator<T>;
  readonly size: number;
}

export interface Journal {
  /** The collection of that name. Asked for twice, it is the same one. Values must survive JSON. */
  collection<T>(name: string): Collection<T>;
  /** Runs `work`, and appends all its puts as one line at its end: after a kill either all of them are there, or none. */
  atomically<R>(work: () => R): R;
  close(): void;
}

type Put = [collection: string, id: string, value: unknown];

/**
 * A small durable store for the sandbox servers: everything lives in memory, and every put is appended to the file as
 * a JSON line, a list of `[collection, id, value]`, and read back at open. The line is handed to the operating system before
 * `put` returns, so a killed process loses nothing; it is not synced to the disk, so a power cut may.
 * Without a file it is memory only.
 */
export function openJournal(file?: string): Journal {
  const tables = new Map<string, Map<string, unknown>>();
  const table = (name: string): Map<string, unknown> => {
    const known = tables.get(name);
    if (known) return known;
    const added = new Map<string, unknown>();
    tables.set(name, added);
    return added;
  };

  let fd: number | undefined;
  if (file !== undefined) {
    for (const puts of readLines(file)) for (const [name, id, value] of puts) table(name).set(id, value);
    mkdirSync(dirname(file), { recursive: true });
    fd = openSync(file, 'a');
  }
  let open = true;
  let together: string[] | undefined;

  return {
    collection<T>(name: string): Collection<T> {
      const rows = table(name) as Map<string, T>;
      return {
        get: (id) => rows.get(id),
        put(id, value) {
          if (!open) throw new Error(`journal ${file ?? '(memory)'} is closed: cannot put ${name}/${id}`);
          if (fd !== undefined) {
            const entry = JSON.stringify([name, id, value] satisfies Put);
            if (together) together.push(entry);
            else append(fd, `[${entry}]\n`);
          }
          rows.set(id, value);
          return value;
        },
        values: () => rows.values(),
        get size() {
          return rows.size;
        },
      };
    },
    atomically(work) {
      if (together) return work();
      together = [];
      try {
        return work();
      } finally {
        // Also where work threw: what it had put is in memory, and must be in the file.
        if (fd !== undefined && together.length > 0) append(fd, `[${together.join(',')}]\n`);
        together = undefined;
      }
    },
    close() {
      open = false;
      if (fd !== undefined) closeSync(fd);
      fd = undefined;
    },
  };
}

/** Reads the whole lines of the file, and cuts off a last one that a killed process left half written. */
function readLines(file: string): Put[][] {
  if (!existsSync(file)) return [];
  const bytes = readFileSync(file);
  const end = bytes.lastIndexOf(10) + 1;
  if (end < bytes.length) truncateSync(file, end);
  const lines = bytes.subarray(0, end).toString('utf8').split('\n').slice(0, -1);
  return lines.map((line, index) => {
    try {
      return JSON.parse(line) as Put[];
    } catch {
      throw new Error(`${file}, line ${index + 1} is not JSON: the journal is damaged, delete it to start afresh`);
    }
  });
}

function append(fd: number, line: string): void {
  const bytes = Buffer.from(line);
  let written = 0;
  while (written < bytes.length) written += writeSync(fd, bytes, written);
}
