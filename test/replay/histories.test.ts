/**
 * The replay gate: histories that released code has written are walked by the code of today. One that comes to another
 * command is an order somewhere that stops: put the change behind `patched`, see CONTRIBUTING.md.
 *
 * RECORD_HISTORIES=1 plays every scene again and writes the histories anew: for scenes that were added, and before the
 * first release, where no order of anybody runs.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { temporal } from '@temporalio/proto';
import {
  customerClaimStates,
  disputeStates,
  orderStates,
  refundStates,
  returnStates,
  shipmentStates,
} from '../../workflows/domain/states.ts';
import { replay } from '../support/replay.ts';
import { startWorld } from '../support/world.ts';
import { longScenes, scenes } from './scenes.ts';

const folder = join(import.meta.dirname, 'histories');
const ms = 300_000;
const { History } = temporal.api.history.v1;
const readable = { longs: String, enums: String, bytes: String };

if (process.env.RECORD_HISTORIES) {
  describe('recording', () => {
    test('scenes on the real server', () => record(scenes, false), ms);
    test('scenes on the server that skips the time', () => record(longScenes, true), ms);
  });
}

async function record(played: typeof scenes, timeSkipping: boolean): Promise<void> {
  const world = await startWorld({ timeSkipping });
  try {
    for (const [name, play] of Object.entries(played)) {
      const workflowId = await play(world);
      const history = await world.client.workflow.getHandle(workflowId).fetchHistory();
      const text = JSON.stringify(History.toObject(History.fromObject(history), readable));
      writeFileSync(join(folder, `${name}.json`), `${withoutMachine(text)}\n`);
      for (const url of [world.stripe.url, world.carrier.url]) await world.control(url, 'DELETE', '/_sandbox/faults');
    }
  } finally {
    await world.stop();
  }
}

/** Neither where it was recorded nor by which process belongs into a history. */
function withoutMachine(text: string): string {
  return text.replaceAll(join(import.meta.dirname, '../..'), '').replace(/\d+@[\w.-]+/g, 'worker');
}

const files = () => readdirSync(folder).filter((file) => file.endsWith('.json'));

/** No workflow stays in these, or comes to them yet. */
const withoutHistory = ['shipment.on_hold'];

test('every state of every workflow has a history', () => {
  const machines = {
    order: orderStates,
    shipment: shipmentStates,
    return: returnStates,
    refund: refundStates,
    dispute: disputeStates,
    claim: customerClaimStates,
  };
  const states = Object.entries(machines).flatMap(([machine, table]) =>
    Object.keys(table).map((state) => `${machine}.${state}`),
  );
  const recorded = new Set(files().map((file) => file.replace(/(-.*)?\.json$/, '')));
  expect(states.filter((state) => !recorded.has(state))).toEqual(withoutHistory);
});

test('every history is walked as it was', async () => {
  const histories = files().map((file) => ({
    workflowId: file,
    history: History.fromObject(JSON.parse(readFileSync(join(folder, file), 'utf8'))),
  }));
  expect(histories.length).toBeGreaterThan(0);
  expect(await replay(histories)).toEqual([]);
}, 120_000);

test('a history whose steps the code does not take is told', async () => {
  const file = 'order.completed.json';
  const text = readFileSync(join(folder, file), 'utf8').replaceAll('"buyLabels"', '"buyStamp"');
  const failures = await replay([{ workflowId: file, history: History.fromObject(JSON.parse(text)) }]);
  expect(failures).toHaveLength(1);
  expect(failures[0]).toMatch(/nondeterminism/i);
});
