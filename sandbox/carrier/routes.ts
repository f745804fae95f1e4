import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import { Refusal } from '../refusal.ts';
import { parse, parseBody, type Route } from '../rest.ts';
import { verify, verifyRequest } from './addresses.ts';
import { printLabel } from './label-pdf.ts';
import { printManifest } from './manifest-pdf.ts';
import { type Manifest, manifestRequest, type openManifests } from './manifests.ts';
import { type Label, labelRequest, movement, type ParcelEvent, type Parcels } from './parcels.ts';
import { quote, ratesRequest } from './rates.ts';
import { type WebhookSender, webhookModes } from './webhooks.ts';

const labelsQuery = z.strictObject({ reference: z.string().min(1) });
const webhooksRequest = z.strictObject({ mode: z.enum(webhookModes), seed: z.int().optional() });

interface Books {
  url: string;
  parcels: Parcels;
  manifests: ReturnType<typeof openManifests>;
  webhooks: WebhookSender | undefined;
  faults(): unknown[];
}

export function carrierRoutes(books: Books): Route[] {
  return [...sellingRoutes(books), ...trackingRoutes(books), ...controlRoutes(books)];
}

function sellingRoutes({ url, parcels, manifests }: Books): Route[] {
  const label = (sold: Label) => showLabel(url, sold);
  const manifest = ({ id }: Manifest) => ({ id, url: `${url}/manifests/${id}/file` });
  return [
    {
      method: 'POST',
      path: /^\/rates$/,
      operation: 'rates',
      handle: ({ body }) => ({ status: 200, body: { rates: quote(parseBody(ratesRequest, body)) } }),
    },
    {
      method: 'POST',
      path: /^\/addresses\/verify$/,
      operation: 'addresses.verify',
      handle: ({ body }) => ({ status: 200, body: verify(parseBody(verifyRequest, body).address) }),
    },
    {
      method: 'POST',
      path: /^\/labels$/,
      operation: 'labels.create',
      handle: ({ headers, body }) => ({
        status: 201,
        body: label(parcels.buy(keyOf(headers), parseBody(labelRequest, body))),
      }),
    },
    {
      method: 'GET',
      path: /^\/labels$/,
      operation: 'labels.read',
      handle: ({ query }) => {
        const found = parcels.labels(parse(labelsQuery, query).reference);
        return { status: 200, body: { labels: found.map(label) } };
      },
    },
    {
      method: 'GET',
      path: /^\/labels\/([^/]+)$/,
      operation: 'labels.read',
      handle: ({ id }) => ({ status: 200, body: label(parcels.label(id)) }),
    },
    {
      method: 'POST',
      path: /^\/labels\/([^/]+)\/void$/,
      operation: 'labels.void',
      handle: ({ id }) => ({ status: 200, body: label(parcels.void(id)) }),
    },
    {
      method: 'GET',
      path: /^\/labels\/([^/]+)\/file$/,
      operation: 'labels.file',
      open: true,
      handle: async ({ id }) => ({
        status: 200,
        type: 'application/pdf',
        body: await printLabel(parcels.label(id)),
      }),
    },
    {
      method: 'POST',
      path: /^\/manifests$/,
      operation: 'manifests.create',
      handle: ({ headers, body }) => ({
        status: 201,
        body: manifest(manifests.create(keyOf(headers), parseBody(manifestRequest, body))),
      }),
    },
    {
      method: 'GET',
      path: /^\/manifests\/([^/]+)\/file$/,
      operation: 'manifests.file',
      open: true,
      async handle({ id }) {
        const found = manifests.manifest(id);
        const body = await printManifest(found, found.labelIds.map(parcels.label));
        return { status: 200, type: 'application/pdf', body };
      },
    },
  ];
}

function trackingRoutes({ parcels }: Books): Route[] {
  return [
    {
      method: 'GET',
      path: /^\/tracking\/([^/]+)$/,
      operation: 'tracking',
      handle: ({ id }) => ({ status: 200, body: { events: parcels.eventsOf(id).map(showEvent) } }),
    },
  ];
}

function controlRoutes({ url, parcels, manifests, webhooks, faults }: Books): Route[] {
  return [
    {
      method: 'POST',
      path: /^\/_sandbox\/tracking\/([^/]+)$/,
      handle({ id, body }) {
        const moved = parseBody(movement, body);
        const delays = webhooks?.delays() ?? [];
        const event = parcels.move(id, moved, delays.length > 0 ? 'due' : 'not_sent');
        if (delays.length > 0) webhooks!.send(event, delays);
        return { status: 201, body: showEvent(event) };
      },
    },
    {
      method: 'POST',
      path: /^\/_sandbox\/webhooks$/,
      handle({ body }) {
        if (!webhooks) throw new Refusal(409, 'no_webhook', 'this carrier was started without a webhook');
        const { mode, seed } = parseBody(webhooksRequest, body);
        webhooks.setMode(mode, seed);
        return { status: 200, body: { mode: webhooks.mode } };
      },
    },
    {
      method: 'GET',
      path: /^\/_sandbox\/state$/,
      handle() {
        const labels = parcels.labels().map((label) => ({
          ...showLabel(url, label),
          key: label.key,
          movements: parcels.eventsOf(label.trackingNumber).map((event) => event.status),
        }));
        const state = { mode: webhooks?.mode ?? 'off', due: parcels.due().length };
        const made = manifests.manifests().map(({ id, key, labelIds }) => ({ id, key, labelIds }));
        return { status: 200, body: { labels, manifests: made, webhooks: state, faults: faults() } };
      },
    },
  ];
}

function keyOf(headers: IncomingHttpHeaders): string {
  const key = headers['idempotency-key'];
  if (typeof key !== 'string') throw new Refusal(400, 'invalid_request', 'the Idempotency-Key header is missing');
  return key;
}

function showLabel(url: string, { id, trackingNumber, request, costMinor, currency, status }: Label) {
  const { reference, service, purpose } = request;
  const labelUrl = `${url}/labels/${id}/file`;
  return { id, trackingNumber, reference, service, purpose, costMinor, currency, labelUrl, status };
}

function showEvent({ webhook: _, ...event }: ParcelEvent): Omit<ParcelEvent, 'webhook'> {
  return event;
}
