/** The REST API as a storefront, a warehouse and a support desk call it. */
import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import type { StaffTokens } from '../stack.ts';

/** An answer that was not the expected one. */
export class Unexpected extends Error {
  readonly status: number;
  readonly body: ProblemBody;
  constructor(asked: string, status: number, body: ProblemBody) {
    super(`${asked} answered ${status}: ${body.title ?? ''} ${body.detail ?? ''}`.trim());
    this.status = status;
    this.body = body;
  }
}

interface ProblemBody {
  type?: string;
  title?: string;
  detail?: string;
  code?: string;
}

export interface OrderView {
  id: string;
  status: string;
  paymentStatus: string;
  fulfillmentStatus: string;
  currency: string;
  total: number;
  tax: number;
  payment?: { credit: number };
  lines: { lineId: string; sku: string; quantity: number }[];
  expectedAt?: string;
  shipments: {
    id: string;
    warehouseId?: string;
    status: string;
    parcels?: { id: string; trackingNumber: string; status: string }[];
  }[];
  returns: { id: string; status: string }[];
  refunds: { id: string; status: string; amount: number }[];
  incidents?: { id: string; cause: string; why: string; answers: string[] }[];
  timeline?: { what: string }[];
}

export interface Placed {
  order: OrderView;
  link: { token: string; href: string };
  payment?: { status: string; clientSecret?: string; declineCode?: string };
}

export interface DisputeView {
  id: string;
  orderId: string;
  status: string;
  evidence?: { sentAt?: string };
  incidents: { id: string; cause: string }[];
}

interface Shipment {
  id: string;
  status: string;
  lines: { lineId: string; sku: string; bin?: string; quantity: number; picked: number }[];
  pickListId?: string;
  parcels?: { id: string; trackingNumber?: string }[];
  toPutBack?: { sku: string; quantity: number }[];
}

export interface PickListView {
  id: string;
  shipments: { id: string; orderId: string; slot: number; state: string }[];
  lines: { bin?: string; sku: string; barcode?: string; quantity: number; picked: number; short: number }[];
}

interface Goods {
  currency: string;
  items: { sku: string; quantity: number }[];
  codes?: string[];
  deliveryMethod?: string;
  acceptBackorder?: boolean;
  useStoreCredit?: boolean;
}

interface Buyer {
  customer: { email: string; name: string; language?: string };
  shippingAddress: Record<string, string>;
  paymentMethod?: string;
}

export type PlaceRequest = Goods & Buyer & { expectedTotal: number };
export type BuyRequest = Goods & Buyer;

interface InvoiceView {
  kind: string;
  number: string;
  net: number;
  tax: number;
  total: number;
  currency: string;
  href: string;
}

export interface QuoteView {
  id: string;
  total: number;
  due: number;
  promotions: { id: string; amount: number }[];
  refusedCodes: { code: string; why: string }[];
}

export type ShopClient = ReturnType<typeof createShopClient>;

export function createShopClient(apiUrl: string, tokens: StaffTokens) {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const ask = <T>(method: string, path: string, token?: string, body?: unknown, key?: string) =>
    call<T>(agent, `${apiUrl}/v1${path}`, method, token, body, key);
  const { admin, support, warehouse } = tokens;
  const quote = (order: BuyRequest, signedIn?: string) => {
    const { shippingAddress, currency, items, codes, deliveryMethod, acceptBackorder, useStoreCredit } = order;
    const goods = { currency, items, codes, deliveryMethod, acceptBackorder, useStoreCredit };
    const { country, region, postalCode, city } = shippingAddress;
    return ask<QuoteView>('POST', '/quotes', signedIn, {
      ...goods,
      destination: { country, region, postalCode, city },
    });
  };

  return {
    // The storefront.
    place: (order: PlaceRequest, key: string = randomUUID()) => ask<Placed>('POST', '/orders', undefined, order, key),
    quote,
    /** As a checkout does: asks what it costs, and places the quote. */
    buy: async (order: BuyRequest, signedIn?: string): Promise<Placed> => {
      const { customer, shippingAddress, paymentMethod } = order;
      const { id: quoteId } = await quote(order, signedIn);
      return ask('POST', '/orders', signedIn, { quoteId, customer, shippingAddress, paymentMethod }, randomUUID());
    },
    pay: (id: string, link: string, paymentMethod: string) =>
      ask<OrderView>('POST', `/orders/${id}/payments`, link, { paymentMethod }),
    backFromTheBank: (id: string, link: string) => ask('POST', `/orders/${id}/payments/refresh`, link, {}),
    cancel: (id: string, link: string, reason: string) => ask('POST', `/orders/${id}/cancel`, link, { reason }),
    cancelUnits: (id: string, link: string, lineId: string, quantity: number) =>
      ask<{ amountDue: number }>(
        ...(['POST', `/orders/${id}/cancel`, link, { reason: 'too many', lines: [{ lineId, quantity }] }] as const),
        randomUUID(),
      ),
    previewEdit: (id: string, link: string, change: object) =>
      ask<{ id: string; difference: number }>('POST', `/orders/${id}/edits`, link, change),
    confirmEdit: (id: string, link: string, editId: string, paymentMethod: string) =>
      ask<{ status: string }>('POST', `/orders/${id}/edits/${editId}/confirm`, link, { paymentMethod }),
    invoices: (id: string, link: string) =>
      ask<{ invoices: InvoiceView[] }>('GET', `/orders/${id}/invoices`, link).then(({ invoices }) => invoices),
    invoicePdf: async (href: string, link: string): Promise<Buffer> => {
      const response = await fetch(new URL(href, apiUrl), { headers: { authorization: `Bearer ${link}` } });
      if (!response.ok) throw new Error(`GET ${href} answered ${response.status}`);
      return Buffer.from(await response.arrayBuffer());
    },
    sendBack: (
      id: string,
      link: string,
      lines: { lineId: string; quantity: number; reason: string; comment?: string }[],
      exchangeFor?: { items: { sku: string; quantity: number }[] },
    ) => ask<{ id: string }>('POST', `/orders/${id}/returns`, link, { lines, exchangeFor }, randomUUID()),

    // The warehouse.
    shipment: (id: string) => ask<Shipment>('GET', `/shipments/${id}`, warehouse),
    /** A list of one shipment, or of several that are picked together, in the hands of who asks. */
    pickList: (...shipmentIds: string[]) =>
      ask<PickListView>('POST', '/pick-lists', warehouse, { shipmentIds, take: true }, randomUUID()),
    releaseWave: (wave: object) =>
      ask<{ id: string; pickLists: { id: string }[] }>('POST', '/waves', warehouse, wave, randomUUID()),
    takePickList: (id: string) => ask<PickListView>('POST', `/pick-lists/${id}/take`, warehouse, {}),
    pickListOf: (id: string) => ask<PickListView>('GET', `/pick-lists/${id}`, warehouse),
    scan: (listId: string, barcode: string, quantity: number, bin?: string) =>
      ask<{ puts: { slot: number; quantity: number }[] }>('POST', `/pick-lists/${listId}/scans`, warehouse, {
        ...{ scanId: randomUUID(), barcode, quantity, bin },
      }),
    /** Picks all of one shipment. */
    pickAll: async (shipmentId: string): Promise<void> => {
      const { lines } = await ask<Shipment>('GET', `/shipments/${shipmentId}`, warehouse);
      const list = { shipmentIds: [shipmentId], take: true };
      const { id } = await ask<PickListView>('POST', '/pick-lists', warehouse, list, randomUUID());
      for (const { sku, bin, quantity } of lines)
        await ask('POST', `/pick-lists/${id}/scans`, warehouse, { scanId: randomUUID(), barcode: sku, bin, quantity });
    },
    short: (listId: string, sku: string, reason: string) =>
      ask('POST', `/pick-lists/${listId}/shorts`, warehouse, { scanId: randomUUID(), sku, reason }),
    pack: (id: string, ...parcels: object[]) =>
      ask<{ status: string; parcels: { id: string; trackingNumber?: string; labelUrl?: string }[] }>(
        ...(['POST', `/shipments/${id}/pack`, warehouse, { parcels }] as const),
      ),
    handOverParcels: (warehouseId: string, barcodes: string[]) =>
      ask<{ id: string; parcels: { barcode: string; outcome: string }[] }>(
        ...(['POST', '/hand-overs', warehouse, { warehouseId, barcodes, manifest: true }, randomUUID()] as const),
      ),
    handOverOf: (id: string) =>
      ask<{ manifests?: { carrier: string; url: string }[] }>('GET', `/hand-overs/${id}`, warehouse),
    pdf: async (path: string): Promise<Buffer> => {
      const response = await fetch(`${apiUrl}/v1${path}`, { headers: { authorization: `Bearer ${warehouse}` } });
      if (!response.ok) throw new Error(`GET ${path} answered ${response.status}`);
      return Buffer.from(await response.arrayBuffer());
    },
    putBack: (id: string) => ask<Shipment>('POST', `/shipments/${id}/put-back`, warehouse),
    handOver: (id: string) => ask<{ status: string }>('POST', `/shipments/${id}/hand-over`, warehouse, {}),
    openCounts: (warehouseId: string) =>
      ask<{ counts: { id: string; lines: { sku: string }[] }[] }>(
        ...(['GET', `/counts?warehouseId=${warehouseId}&status=open`, warehouse] as const),
      ).then(({ counts }) => counts),
    count: (id: string, sku: string, counted: number) =>
      ask('PUT', `/counts/${id}/counted`, warehouse, { sku, counted }),
    approveCount: (id: string) => ask('POST', `/counts/${id}/decide`, admin, { decision: 'approve' }),
    stock: (sku: string, warehouseId: string) =>
      ask<{ onHand: number }>('GET', `/stock/${sku}/${warehouseId}`, warehouse),
    putBins: (sku: string, warehouseId: string, bins: string[]) =>
      ask('PUT', `/stock/${sku}/${warehouseId}/settings`, warehouse, { safetyStock: 0, bins }),
    receive: (id: string, lines: object[]) => ask('POST', `/returns/${id}/receive`, warehouse, { lines }),
    inspect: (id: string, lines: object[]) => ask('POST', `/returns/${id}/inspect`, warehouse, { lines }),

    // The desk.
    createCustomer: (email: string, name: string) =>
      ask<{ id: string }>('POST', '/customers', support, { email, name }, randomUUID()),
    signIn: (id: string) => ask<{ token: string }>('POST', `/customers/${id}/tokens`, admin, {}),
    grantCredit: (id: string, currency: string, amount: number, reason: string) =>
      ask('POST', `/customers/${id}/credit/${currency}`, support, { amount, reason }, randomUUID()),
    order: (id: string) => ask<OrderView>('GET', `/orders/${id}`, support),
    returned: (id: string) =>
      ask<{ status: string; refundId?: string; exchange?: { orderId?: string } }>('GET', `/returns/${id}`, support),
    answer: (id: string, incidentId: string, answer: string) =>
      ask('POST', `/orders/${id}/incidents/${incidentId}/answer`, support, { answer }),
    refundLine: (id: string, lineId: string, quantity: number, reason: string) =>
      ask<{ id: string }>(
        'POST',
        `/orders/${id}/refunds`,
        support,
        { lines: [{ lineId, quantity }], reason },
        randomUUID(),
      ),
    dispute: async (orderId: string): Promise<DisputeView | undefined> => {
      const { disputes } = await ask<{ disputes: DisputeView[] }>('GET', '/disputes', support);
      const found = disputes.find((dispute) => dispute.orderId === orderId);
      return found && ask('GET', `/disputes/${found.id}`, support);
    },
    putProduct: (sku: string, product: object) => ask('PUT', `/products/${sku}`, admin, product),
    putSettings: (settings: object) => ask('PUT', '/settings', admin, settings),
    putTaxRate: (id: string, rate: object) => ask('PUT', `/tax-rates/${id}`, admin, rate),
    putDeliveryMethod: (id: string, method: object) => ask('PUT', `/delivery-methods/${id}`, admin, method),
    putPromotion: (id: string, promotion: object) => ask('PUT', `/promotions/${id}`, admin, promotion),
    putWarehouse: (id: string, given: object) => ask('PUT', `/warehouses/${id}`, admin, given),
    receiveStock: (sku: string, warehouseId: string, quantity: number) => {
      const reference = 'opening stock';
      return ask('POST', '/stock/receipts', warehouse, { sku, warehouseId, quantity, reference }, randomUUID());
    },

    announceDelivery: (sku: string, warehouseId: string, expected: number, expectedAt: Date) => {
      const delivery = { warehouseId, reference: 'PO-1001', expectedAt, lines: [{ sku, expected }] };
      return ask<{ id: string }>('POST', '/deliveries', warehouse, delivery, randomUUID());
    },
    receiveDelivery: (id: string, sku: string, quantity: number) =>
      ask('POST', `/deliveries/${id}/receipts`, warehouse, { lines: [{ sku, quantity }] }, randomUUID()),

    close: () => agent.destroy(),
  };
}

/** node:http with kept connections costs a third of fetch, and in the bench the client shares the machine. */
function call<T>(
  agent: Agent,
  url: string,
  method: string,
  token: string | undefined,
  body: unknown,
  key: string | undefined,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(key && { 'idempotency-key': key }),
      ...(text && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
    };
    const asking = request(url, { agent, method, headers, timeout: 30_000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const answered = Buffer.concat(chunks).toString();
        const read = answered === '' ? {} : JSON.parse(answered);
        const status = response.statusCode ?? 0;
        if (status >= 400) reject(new Unexpected(`${method} ${new URL(url).pathname}`, status, read));
        else resolve(read as T);
      });
    });
    asking.on('timeout', () => asking.destroy(new Error(`${method} ${url} took more than 30 s`)));
    asking.on('error', reject);
    asking.end(text);
  });
}
