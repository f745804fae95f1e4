import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openJournal } from '../../sandbox/journal.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'waybill-journal-'));
  file = join(folder, 'deeper', 'journal.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the sandbox journal', () => {
  test('gives back everything after a restart, the last value of each id, in the order of first put', () => {
    const before = openJournal(file);
    const parcels = before.collection<{ n: number }>('parcels');
    parcels.put('a', { n: 1 });
    parcels.put('b', { n: 2 });
    parcels.put('a', { n: 3 });
    before.collection<string>('mails').put('a', 'another collection, in two\nlines, with an ü');
    // Not closed: what was put must be in the file already, as after a kill.

    const after = openJournal(file);
    expect([...after.collection('parcels').values()]).toEqual([{ n: 3 }, { n: 2 }]);
    expect(after.collection('mails').get('a')).toBe('another collection, in two\nlines, with an ü');
    expect(after.collection('mails').get('b')).toBeUndefined();
    before.close();
    after.close();
  });

  test('drops a torn last line, and what is put afterwards is whole', () => {
    const first = openJournal(file);
    first.collection('c').put('kept', 1);
    first.close();
    appendFileSync(file, '[["c","torn",{"half":');

    const second = openJournal(file);
    expect(second.collection('c').get('torn')).toBeUndefined();
    second.collection('c').put('later', 2);
    second.close();

    const third = openJournal(file);
    expect([...third.collection('c').values()]).toEqual([1, 2]);
    third.close();
  });

  test('keeps what was put together whole: all of it or nothing', () => {
    const before = openJournal(file);
    const rows = before.collection<number>('c');
    before.atomically(() => {
      rows.put('a', 1);
      rows.put('b', 2);
    });
    expect(() =>
      before.atomically(() => {
        rows.put('c', 3);
        throw new Error('declined');
      }),
    ).toThrow('declined');
    before.close();

    const after = openJournal(file);
    expect([...after.collection('c').values()]).toEqual([1, 2, 3]);
    after.close();
    writeFileSync(file, readFileSync(file, 'utf8').slice(0, -4));
    const torn = openJournal(file);
    expect([...torn.collection('c').values()]).toEqual([1, 2]);
    torn.close();
  });

  test('refuses a file that is damaged in the middle, naming the line', () => {
    const journal = openJournal(file);
    journal.collection('c').put('a', 1);
    journal.close();
    writeFileSync(file, `${readFileSync(file, 'utf8')}nonsense\n[["c","b",2]]\n`);
    expect(() => openJournal(file)).toThrow(/line 2/);
  });

  test('without a file it keeps things in memory; closed, it refuses to put', () => {
    const journal = openJournal();
    journal.collection('c').put('a', 1);
    expect(journal.collection('c').get('a')).toBe(1);
    expect(journal.collection('c').size).toBe(1);
    journal.close();
    expect(() => journal.collection('c').put('b', 2)).toThrow(/closed/);
  });
});
