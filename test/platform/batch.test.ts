import { expect, test } from '@jest/globals';
import { batched } from '../../platform/batch.ts';

const value = (each: number): PromiseSettledResult<number> => ({ status: 'fulfilled', value: each * 2 });
const turn = () => new Promise((resolve) => setImmediate(resolve));

function recording(largest = 100, answer = value) {
  const batches: number[][] = [];
  let release = () => {};
  const call = batched<object, number, number>(largest, async (_context, calls) => {
    batches.push(calls);
    await new Promise<void>((resolve) => {
      release = resolve;
    });
    return calls.map(answer);
  });
  return { batches, call, release: () => release() };
}

test('a call that comes alone goes at once; those that come meanwhile go together, each with its own answer', async () => {
  const context = {};
  const { batches, call, release } = recording();
  const first = call(context, 1);
  await turn();
  expect(batches).toEqual([[1]]);
  const others = Promise.all([call(context, 2), call(context, 3), call(context, 4)]);
  release();
  expect(await first).toBe(2);
  await turn();
  expect(batches).toEqual([[1], [2, 3, 4]]);
  release();
  expect(await others).toEqual([4, 6, 8]);
});

test('a batch is never larger than it may be', async () => {
  const context = {};
  const { batches, call, release } = recording(2);
  const calls = Promise.all([1, 2, 3].map((each) => call(context, each)));
  await turn();
  release();
  await turn();
  release();
  expect(await calls).toEqual([2, 4, 6]);
  expect(batches).toEqual([[1, 2], [3]]);
});

test('contexts do not wait for each other', async () => {
  const { batches, call } = recording();
  void call({}, 1);
  void call({}, 2);
  await turn();
  expect(batches).toEqual([[1], [2]]);
});

test('one that fails fails alone; where the batch throws, all of it does, and the next goes on', async () => {
  const context = {};
  const refuse = new Error('two');
  const one = recording(100, (each) => (each === 2 ? { status: 'rejected', reason: refuse } : value(each)));
  const settled = Promise.allSettled([1, 2, 3].map((each) => one.call(context, each)));
  await turn();
  one.release();
  expect(await settled).toEqual([value(1), { status: 'rejected', reason: refuse }, value(3)]);

  let down = true;
  const call = batched<object, number, number>(100, async (_context, calls) => {
    if (down) throw refuse;
    return calls.map(value);
  });
  const failed = await Promise.allSettled([call(context, 1), call(context, 2)]);
  expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  down = false;
  expect(await call(context, 3)).toBe(6);
});
