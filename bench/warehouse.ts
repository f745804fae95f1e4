/** The warehouse's work: waves put on pick lists, and the lists scanned; each beside what MongoDB needs for it at the least. */
import { connectMongo } from '../platform/mongo.ts';
import { startMongo } from '../sandbox/servers/mongo.ts';
import type { Figures } from './load.ts';
import { scans } from './warehouse-scans.ts';
import { seed } from './warehouse-seed.ts';
import { waves } from './warehouse-waves.ts';

export async function warehouse(): Promise<Figures> {
  const server = await startMongo({ ours: true, say: console.log });
  const mongo = await connectMongo(server.uri);
  try {
    await seed(mongo);
    const ofWaves = await waves(mongo);
    const ofScans = await scans(mongo, server.uri);
    return { ...ofScans, ...ofWaves, ratios: { ...ofScans.ratios, ...ofWaves.ratios } };
  } finally {
    await mongo.close();
    await server.stop();
  }
}
