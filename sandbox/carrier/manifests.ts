import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Journal } from '../journal.ts';
import { Refusal } from '../refusal.ts';
import { address, line, type Parcels } from './parcels.ts';

export const manifestRequest = z.strictObject({ from: address, labelIds: z.array(line).min(1).max(2_000) });

export interface Manifest {
  id: string;
  /** The idempotency key it was made with. */
  key: string;
  from: z.infer<typeof address>;
  /** Sorted, each once. */
  labelIds: string[];
  at: string;
}

/** The papers with which parcels are handed over, each parcel on one of them. */
export function openManifests(journal: Journal, parcels: Parcels) {
  const manifests = journal.collection<Manifest>('manifests');
  const idByKey = new Map<string, string>();
  const idByLabel = new Map<string, string>();
  for (const manifest of manifests.values()) index(manifest);

  function index({ id, key, labelIds }: Manifest): void {
    idByKey.set(key, id);
    for (const labelId of labelIds) idByLabel.set(labelId, id);
  }

  function find(id: string | undefined): Manifest {
    const manifest = id === undefined ? undefined : manifests.get(id);
    if (!manifest) throw new Refusal(404, 'not_found', 'there is no such manifest');
    return manifest;
  }

  return {
    /** One manifest a key. A refusal does not use the key up. */
    create(key: string, { from, labelIds: given }: z.infer<typeof manifestRequest>): Manifest {
      const labelIds = [...new Set(given)].sort();
      const made = idByKey.get(key);
      if (made !== undefined) {
        const manifest = find(made);
        if (JSON.stringify([manifest.from, manifest.labelIds]) === JSON.stringify([from, labelIds])) return manifest;
        throw new Refusal(422, 'idempotency_key_reused', 'this Idempotency-Key was used for another request');
      }
      for (const labelId of labelIds) {
        if (!parcels.has(labelId)) throw new Refusal(422, 'label_unknown', 'a label in it is none of the carrier');
        const { status } = parcels.label(labelId);
        if (status === 'voided') throw new Refusal(422, 'label_voided', 'a label in it is voided');
        if (idByLabel.has(labelId)) throw new Refusal(422, 'label_manifested', 'a label in it is on another manifest');
      }
      const id = `mnf_${randomBytes(12).toString('hex')}`;
      const manifest = manifests.put(id, { id, key, from, labelIds, at: new Date().toISOString() });
      index(manifest);
      return manifest;
    },

    manifest: find,

    manifests: (): Manifest[] => [...manifests.values()],
  };
}
