/** The carriers' papers for parcels that left together. The driver may be gone by then; the parcels are on their way. */
import { callProvider } from './activities.ts';
import type { ManifestInput } from './messages.ts';

export async function manifest({ handOverId }: ManifestInput): Promise<void> {
  await callProvider('makeManifests', { summary: `Papers of ${handOverId}` }, { handOverId });
}
