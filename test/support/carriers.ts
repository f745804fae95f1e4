/** Both carriers, each with its stand-in, for tests of what the contract promises of any. */

import type { Carrier, LabelRequest, VoidOutcome } from '../../activities/providers/carrier.ts';
import { createEasyPost } from '../../activities/providers/easypost.ts';
import { createSandboxCarrier } from '../../activities/providers/sandbox-carrier.ts';
import type { Address } from '../../models/address.ts';
import { startCarrierSandbox } from '../../sandbox/carrier.ts';
import { startEasyPostSandbox } from '../../sandbox/easypost.ts';

const apiKey = 'key_test';

export interface Stage {
  carrier: Carrier;
  /** The same carrier, asked with a key that it does not know. */
  stranger: Carrier;
  services: { cheap: string; other: string };
  currency: string;
  /** The operations at the stand-in that a call of ours is made of. */
  operations: { buy: string[]; void: string; manifest: string; verify: string; rates: string };
  /** How the town of the address is mistaken, and how this carrier writes it. */
  town: { mistaken: string; written: string };
  /** What it says to a label given back in time. */
  voided: VoidOutcome;
  control: Control;
  labelsSold(reference: string): Promise<number>;
  fault(operation: string, kind: string, ms?: number): Promise<void>;
  faultsFired(): Promise<boolean>;
  /** The parcel is scanned, in the carrier's own words for our status. */
  scanned(trackingNumber: string, status: 'accepted' | 'in_transit' | 'delivered'): Promise<void>;
  stop(): Promise<void>;
}

export const stages: [string, () => Promise<Stage>][] = [
  ['the sandbox', stageSandbox],
  ['EasyPost', stageEasyPost],
];

export const address: Address = {
  name: 'Ann Canary',
  line1: '1 Canary Street',
  city: 'Springfield',
  region: 'IL',
  postalCode: '62701',
  country: 'US',
};

export const labelRequest = (key: string, changes: Partial<LabelRequest> = {}): LabelRequest => ({
  ...{ key, reference: `shp_${key}`, from: { ...address, name: 'Warehouse' }, to: address, service: '' },
  parcel: { weightGrams: 900, lengthMm: 300, widthMm: 200, heightMm: 100 },
  purpose: 'outbound',
  contents: [{ description: 'Mug', quantity: 2, weightGrams: 760, value: 2980, currency: 'USD' }],
  ...changes,
});

async function stageSandbox(): Promise<Stage> {
  const server = await startCarrierSandbox({ apiKey });
  const control = controlOf(server.url);
  return {
    carrier: createSandboxCarrier({ url: server.url, apiKey }),
    stranger: createSandboxCarrier({ url: server.url, apiKey: 'wrong' }),
    services: { cheap: 'standard', other: 'express' },
    currency: 'EUR',
    town: { mistaken: 'SPRINGFIELD', written: 'Springfield' },
    voided: 'voided',
    operations: {
      buy: ['labels.create'],
      void: 'labels.void',
      manifest: 'manifests.create',
      verify: 'addresses.verify',
      rates: 'rates',
    },
    control,
    ...faultsOf(control),
    async labelsSold(reference) {
      const { labels } = (await control('GET', '/state')) as { labels: { reference: string }[] };
      return labels.filter((label) => label.reference === reference).length;
    },
    scanned: (trackingNumber, status) => control('POST', `/tracking/${trackingNumber}`, { status }) as Promise<void>,
    stop: server.stop,
  };
}

async function stageEasyPost(): Promise<Stage> {
  const server = await startEasyPostSandbox({ apiKey });
  const baseUrl = `${server.url}/v2/`;
  const control = controlOf(server.url);
  const words = {
    accepted: { status: 'in_transit', status_detail: 'received_at_origin_facility' },
    in_transit: { status: 'in_transit', status_detail: 'departed_facility' },
    delivered: { status: 'delivered', status_detail: 'arrived_at_destination' },
  };
  return {
    carrier: createEasyPost({ apiKey, baseUrl }),
    stranger: createEasyPost({ apiKey: 'wrong', baseUrl }),
    services: { cheap: 'USPS/GroundAdvantage', other: 'USPS/Priority' },
    currency: 'USD',
    town: { mistaken: 'Springfeild', written: 'SPRINGFIELD' },
    voided: 'pending',
    operations: {
      buy: ['shipments.create', 'shipments.buy'],
      void: 'shipments.refund',
      manifest: 'scan_forms.create',
      verify: 'addresses.create',
      rates: 'shipments.create',
    },
    control,
    ...faultsOf(control),
    async labelsSold(reference) {
      const { shipments } = (await control('GET', '/state')) as {
        shipments: { options: { print_custom_1?: string }; tracker: unknown }[];
      };
      return shipments.filter(({ options, tracker }) => options.print_custom_1 === reference && tracker).length;
    },
    scanned: (code, status) => control('POST', `/trackers/${code}`, words[status]) as Promise<void>,
    stop: server.stop,
  };
}

type Control = (method: string, path: string, body?: object) => Promise<unknown>;

export function controlOf(url: string): Control {
  return async (method, path, body) => {
    const response = await fetch(`${url}/_sandbox${path}`, { method, body: body && JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  };
}

function faultsOf(control: Control): Pick<Stage, 'fault' | 'faultsFired'> {
  return {
    fault: (operation, kind, ms = 50) => control('POST', '/faults', { operation, kind, ms }) as Promise<void>,
    async faultsFired() {
      const { faults } = (await control('GET', '/faults')) as { faults: { fired: number }[] };
      await control('DELETE', '/faults');
      return faults.length > 0 && faults.every(({ fired }) => fired === 1);
    },
  };
}
