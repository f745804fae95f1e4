/**
 * What Temporal alone leaves of the yardstick: orders that ask of it what ours do, with no API, no database and no
 * provider behind them. No order of this shape can be placed faster on the same machine.
 */
import { startTemporal } from '../sandbox/servers/temporal.ts';
import { connectTo } from '../sandbox/shop/temporal.ts';
import { searchAttributes } from '../workflows/messages.ts';
import { type Figures, round } from './load.ts';
import { startYardstick } from './yardstick.ts';

const atATime = 20;

export async function engine(): Promise<Figures> {
  const server = await startTemporal({
    searchAttributes: Object.values(searchAttributes),
    ours: true,
    say: console.log,
  });
  const client = await connectTo(server.address);
  const yardstick = await startYardstick(server.address, client);
  try {
    console.log('Warming up');
    await yardstick.perSecond(100, atATime);
    await yardstick.bareDeliveredPerSecond(100, atATime);
    console.log('Empty workflows and bare orders');
    const before = await yardstick.perSecond(300, atATime);
    const placed = await yardstick.barePlacedPerSecond(600, atATime);
    const delivered = await yardstick.bareDeliveredPerSecond(300, atATime);
    const after = await yardstick.perSecond(300, atATime);
    const empty = (before + after) / 2;
    return {
      ratios: {
        placed: { value: round(placed / empty), aim: 0.6 },
        delivered: { value: round(delivered / empty), aim: 0.2 },
      },
      atATime,
      emptyPerSecond: [round(before), round(after)],
      placedPerSecond: round(placed),
      deliveredPerSecond: round(delivered),
    };
  } finally {
    await yardstick.stop();
    await client.connection.close();
    await server.stop();
  }
}
