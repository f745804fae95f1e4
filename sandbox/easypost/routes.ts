import { drawCode128, paper, write } from '../carrier/paper.ts';
import { Refusal } from '../refusal.ts';
import type { Answer, Route } from '../rest.ts';
import { toAddress } from './addresses.ts';
import type { Shipment } from './objects.ts';
import * as requests from './requests.ts';
import { createStore, type Store } from './store.ts';
import { post, type Webhook } from './webhook.ts';

const { checked, json } = requests;
const ok = (body: unknown, status = 200): Answer => ({ status, body });

export function easyPostRoutes(url: string, webhook: Webhook | undefined): Route[] {
  const store = createStore(url);
  return [
    {
      method: 'POST',
      path: /^\/v2\/addresses$/,
      operation: 'addresses.create',
      handle({ body }) {
        const { address, verify = false } = checked(requests.addressBody, json(body), 'ADDRESS.PARAMETERS.INVALID');
        return ok(toAddress(address, verify), 201);
      },
    },
    {
      method: 'POST',
      path: /^\/v2\/shipments$/,
      operation: 'shipments.create',
      handle: ({ body }) =>
        ok(shown(store.create(checked(requests.shipmentBody, json(body), 'SHIPMENT.INVALID_PARAMS').shipment)), 201),
    },
    {
      method: 'GET',
      path: /^\/v2\/shipments$/,
      operation: 'shipments.list',
      handle: ({ query }) => ok(pageOf(store.shipments, checked(requests.shipmentsQuery, query, 'BAD_REQUEST'))),
    },
    {
      method: 'GET',
      path: /^\/v2\/shipments\/([^/]+)$/,
      operation: 'shipments.read',
      handle: ({ id }) => ok(shown(store.shipment(id))),
    },
    {
      method: 'POST',
      path: /^\/v2\/shipments\/([^/]+)\/rerate$/,
      operation: 'shipments.rerate',
      handle({ id, body }) {
        checked(requests.emptyBody, json(body), 'BAD_REQUEST');
        return ok({ rates: store.rerate(id) });
      },
    },
    {
      method: 'POST',
      path: /^\/v2\/shipments\/([^/]+)\/buy$/,
      operation: 'shipments.buy',
      handle: ({ id, body }) =>
        ok(shown(store.buy(id, checked(requests.buyBody, json(body), 'SHIPMENT.INVALID_PARAMS').rate.id))),
    },
    {
      method: 'POST',
      path: /^\/v2\/shipments\/([^/]+)\/refund$/,
      operation: 'shipments.refund',
      handle({ id, body }) {
        checked(requests.emptyBody, json(body), 'BAD_REQUEST');
        return ok(shown(store.refund(id)));
      },
    },
    {
      method: 'GET',
      path: /^\/v2\/trackers$/,
      operation: 'trackers.list',
      handle({ query }) {
        const { tracking_code, page_size } = checked(requests.trackersQuery, query, 'BAD_REQUEST');
        const found = store
          .trackers()
          .filter((one) => tracking_code === undefined || one.tracking_code === tracking_code);
        return ok({ trackers: found.slice(0, page_size), has_more: found.length > page_size });
      },
    },
    {
      method: 'POST',
      path: /^\/v2\/scan_forms$/,
      operation: 'scan_forms.create',
      handle({ body }) {
        const { scan_form } = checked(requests.scanFormBody, json(body), 'SCAN_FORM.SHIPMENTS.REQUIRED');
        return ok(store.scanForm(scan_form.shipments.map(({ id }) => id)));
      },
    },
    {
      method: 'GET',
      path: /^\/files\/postage_label\/(shp_\w+)\.pdf$/,
      operation: 'files',
      open: true,
      handle: async ({ id }) => ({ status: 200, type: 'application/pdf', body: await print(store.shipment(id)) }),
    },
    ...controlRoutes(store, webhook),
  ];
}

function controlRoutes(store: Store, webhook: Webhook | undefined): Route[] {
  return [
    {
      method: 'POST',
      path: /^\/_sandbox\/trackers\/([^/]+)$/,
      async handle({ id, body }) {
        const scan = checked(requests.scanBody, json(body), 'BAD_REQUEST');
        const tracker = store.trackers().find(({ tracking_code }) => tracking_code === id);
        if (!tracker) throw new Refusal(404, 'NOT_FOUND', 'there is no such tracker');
        const { status, status_detail, datetime = new Date().toISOString(), signed_by, est_delivery_date } = scan;
        const message = `Left with Ann Canary, 1 Canary Street (${status})`;
        tracker.tracking_details.push({ object: 'TrackingDetail', message, status, status_detail, datetime });
        Object.assign(tracker, { status, status_detail });
        if (signed_by !== undefined) tracker.signed_by = signed_by;
        if (est_delivery_date !== undefined) tracker.est_delivery_date = est_delivery_date;
        return ok({ tracker, answered: webhook && !scan.silent && (await post(webhook, tracker)) });
      },
    },
    {
      method: 'POST',
      path: /^\/_sandbox\/refunds\/([^/]+)$/,
      handle: ({ id, body }) =>
        ok(Object.assign(store.shipment(id), checked(requests.refundBody, json(body), 'BAD_REQUEST'))),
    },
    {
      // Its rates are no longer for sale, until it is rated anew.
      method: 'POST',
      path: /^\/_sandbox\/lapsed\/([^/]+)$/,
      handle: ({ id }) => ok(Object.assign(store.shipment(id), { rates: [] })),
    },
    {
      method: 'GET',
      path: /^\/_sandbox\/state$/,
      handle: () => ok({ shipments: store.shipments.map(shown), scan_forms: store.scanForms }),
    },
  ];
}

/** Newest first, and from the one after `before_id` on. */
function pageOf(shipments: Shipment[], query: ReturnType<typeof requests.shipmentsQuery.parse>) {
  const { purchased, start_datetime = '', before_id, page_size } = query;
  const all = shipments
    .filter(({ tracker, created_at }) => (tracker !== null || purchased === 'false') && created_at > start_datetime)
    .reverse();
  const start = before_id === undefined ? 0 : all.findIndex(({ id }) => id === before_id) + 1;
  const page = all.slice(start, start + page_size);
  return { shipments: page.map(shown), has_more: all.length > start + page_size };
}

/** Its status is that of its tracker. */
function shown(shipment: Shipment) {
  return { ...shipment, status: shipment.tracker?.status ?? 'unknown' };
}

function print({ tracking_code, created_at, to_address, options }: Shipment): Promise<Buffer> {
  const lines = [options.print_custom_1, options.print_custom_2, to_address.name, to_address.street1, to_address.city];
  const text = lines.map((line) => line ?? '');
  return paper({ size: [288, 432], title: tracking_code ?? '', at: created_at, text: text.join(' ') }, (page) => {
    text.forEach((line, at) => {
      write(page, line, 14, 14 + 16 * at, 260, 11);
    });
    drawCode128(page, tracking_code ?? '', { x: 14, y: 264, width: 260, height: 76 });
  });
}
