/** The API: every route with its permission, in one table. */
import type { Client } from '@temporalio/client';
import express, { type ErrorRequestHandler, type Express } from 'express';
import helmet from 'helmet';
import type { Registry } from 'prom-client';
import type { Log } from '../platform/log.ts';
import type { Mongo } from '../platform/mongo.ts';
import type { Api } from './endpoint.ts';
import { serveHealth } from './health.ts';
import { serveDocs } from './openapi.ts';
import { Problem, problemBody, statusOf, toProblem } from './problem.ts';
import { countRefusedScans, countRefusedWebhooks, countRequests, logRequests } from './requests.ts';
import { type Route, register, route } from './route.ts';
import * as books from './routes/books.ts';
import * as catalogue from './routes/catalogue.ts';
import * as claims from './routes/claims.ts';
import * as counts from './routes/counts.ts';
import * as customerClaims from './routes/customer-claims.ts';
import * as customers from './routes/customers.ts';
import * as deliveries from './routes/deliveries.ts';
import * as deliveryMethods from './routes/delivery-methods.ts';
import * as disputes from './routes/disputes.ts';
import * as edits from './routes/edits.ts';
import * as events from './routes/events.ts';
import * as handOvers from './routes/hand-overs.ts';
import * as invoices from './routes/invoices.ts';
import * as orders from './routes/orders.ts';
import * as paymentMethods from './routes/payment-methods.ts';
import * as pickLists from './routes/pick-lists.ts';
import { placeOrder } from './routes/place.ts';
import * as promotions from './routes/promotions.ts';
import { makeQuote } from './routes/quotes.ts';
import * as refunds from './routes/refunds.ts';
import * as reports from './routes/reports.ts';
import * as returns from './routes/returns.ts';
import * as settings from './routes/settings.ts';
import * as shipments from './routes/shipments.ts';
import * as stock from './routes/stock.ts';
import * as stockFiles from './routes/stock-files.ts';
import * as support from './routes/support.ts';
import * as taxRates from './routes/tax-rates.ts';
import * as transfers from './routes/transfers.ts';
import * as webhooks from './routes/webhooks.ts';

export const routes: readonly Route[] = [
  route('GET', '/v1/products', 'catalogue.read', catalogue.listProducts),
  route('GET', '/v1/products/:sku', 'catalogue.read', catalogue.getProduct),
  route('GET', '/v1/products/:sku/prices', 'pricing.read', catalogue.getPrices),
  route('PUT', '/v1/products/:sku', 'catalogue.write', catalogue.putProduct),
  route('GET', '/v1/availability', 'catalogue.read', catalogue.listAvailability),
  route('GET', '/v1/promotions', 'pricing.read', promotions.listPromotions),
  route('GET', '/v1/promotions/:id', 'pricing.read', promotions.getPromotion),
  route('PUT', '/v1/promotions/:id', 'pricing.write', promotions.putPromotion),
  route('GET', '/v1/tax-rates', 'pricing.read', taxRates.listTaxRates),
  route('PUT', '/v1/tax-rates/:id', 'pricing.write', taxRates.putTaxRate),
  route('DELETE', '/v1/tax-rates/:id', 'pricing.write', taxRates.deleteTaxRate),
  route('GET', '/v1/delivery-methods', 'pricing.read', deliveryMethods.listDeliveryMethods),
  route('PUT', '/v1/delivery-methods/:id', 'pricing.write', deliveryMethods.putDeliveryMethod),
  route('GET', '/v1/settings', 'pricing.read', settings.getSettings),
  route('PUT', '/v1/settings', 'pricing.write', settings.putSettings),
  route('GET', '/v1/warehouses', 'warehouses.read', catalogue.listWarehouses),
  route('PUT', '/v1/warehouses/:id', 'warehouses.write', catalogue.putWarehouse),
  route('GET', '/v1/stock', 'stock.read', stock.listStock),
  route('GET', '/v1/stock/backlogs', 'stock.read', stock.listBacklogs),
  route('GET', '/v1/stock/movements', 'stock.read', stock.listMovements),
  route('POST', '/v1/stock/receipts', 'stock.move', stock.receiveStock),
  route('POST', '/v1/stock/adjustments', 'stock.move', stock.adjustStock),
  route('GET', '/v1/stock/export', 'stock.read', stockFiles.exportStock),
  route('POST', '/v1/stock/imports', 'stock.move', stockFiles.importStock),
  route('GET', '/v1/stock/imports', 'stock.read', stockFiles.listImports),
  route('GET', '/v1/stock/imports/:id', 'stock.read', stockFiles.getImport),
  // After those whose words could be a SKU.
  route('GET', '/v1/stock/:sku/:warehouseId', 'stock.read', stock.getStock),
  route('PUT', '/v1/stock/:sku/:warehouseId/settings', 'stock.move', stock.putStockSettings),
  route('POST', '/v1/deliveries', 'stock.move', deliveries.createDelivery),
  route('GET', '/v1/deliveries', 'stock.read', deliveries.listDeliveries),
  route('GET', '/v1/deliveries/:id', 'stock.read', deliveries.getDelivery),
  route('POST', '/v1/deliveries/:id/receipts', 'stock.move', deliveries.receiveDelivery),
  route('PUT', '/v1/deliveries/:id/expected-at', 'stock.move', deliveries.postponeDelivery),
  route('POST', '/v1/deliveries/:id/cancel', 'stock.move', deliveries.cancelDelivery),
  route('POST', '/v1/transfers', 'stock.move', transfers.createTransfer),
  route('GET', '/v1/transfers', 'stock.read', transfers.listTransfers),
  route('GET', '/v1/transfers/:id', 'stock.read', transfers.getTransfer),
  route('POST', '/v1/transfers/:id/receipts', 'stock.move', transfers.receiveTransfer),
  route('POST', '/v1/counts', 'stock.move', counts.createCount),
  route('GET', '/v1/counts', 'stock.read', counts.listCounts),
  route('GET', '/v1/counts/:id', 'stock.read', counts.getCount),
  route('PUT', '/v1/counts/:id/counted', 'stock.move', counts.putCounted),
  route('POST', '/v1/counts/:id/decide', 'stock.decide', counts.decideCount),

  route('POST', '/v1/customers', 'customers.write', customers.createCustomer),
  route('GET', '/v1/customers', 'customers.read', customers.findCustomers),
  route('GET', '/v1/customers/:id', 'customers.read', customers.getCustomer),
  route('PUT', '/v1/customers/:id', 'customers.write', customers.putCustomer),
  route('POST', '/v1/customers/:id/tokens', 'customers.token', customers.signCustomerIn),
  route('GET', '/v1/customers/:id/credit/:currency', 'credit.read', customers.getCredit),
  route('POST', '/v1/customers/:id/credit/:currency', 'credit.grant', customers.grantCredit),
  route('GET', '/v1/customers/:id/payment-methods', 'wallet.read', paymentMethods.listPaymentMethods),
  route('POST', '/v1/customers/:id/payment-methods', 'wallet.change', paymentMethods.addPaymentMethod),
  route('PUT', '/v1/customers/:id/payment-methods/default', 'wallet.change', paymentMethods.setDefaultPaymentMethod),
  route(
    'DELETE',
    '/v1/customers/:id/payment-methods/:paymentMethodId',
    'wallet.remove',
    paymentMethods.removePaymentMethod,
  ),

  route('POST', '/v1/quotes', 'quotes.make', makeQuote),
  route('POST', '/v1/orders', 'orders.place', placeOrder),
  route('GET', '/v1/orders', 'orders.list', orders.listOrders),
  route('GET', '/v1/orders/:id', 'orders.read', orders.getOrder),
  route('GET', '/v1/orders/:id/state', 'orders.read', orders.getOrderState),
  route('POST', '/v1/orders/:id/payments', 'orders.pay', orders.payOrder),
  route('POST', '/v1/orders/:id/payments/refresh', 'orders.pay', orders.refreshPayment),
  route('POST', '/v1/orders/:id/cancel', 'orders.cancel', orders.cancelOrder),
  route('POST', '/v1/orders/:id/edits', 'orders.edit', edits.makeEdit),
  route('GET', '/v1/orders/:id/edits/:editId', 'orders.edit', edits.getEdit),
  route('POST', '/v1/orders/:id/edits/:editId/confirm', 'orders.edit', edits.confirmEdit),
  route('POST', '/v1/orders/:id/hold', 'orders.support', support.holdOrder),
  route('POST', '/v1/orders/:id/release', 'orders.support', support.releaseOrder),
  route('PUT', '/v1/orders/:id/deadline', 'orders.support', support.putDeadline),
  route('PUT', '/v1/orders/:id/shipping-address', 'orders.support', support.putShippingAddress),
  route('GET', '/v1/incidents', 'incidents.answer', support.listIncidents),
  route('POST', '/v1/incidents/answer', 'incidents.answer', support.answerIncidents),
  route('POST', '/v1/incidents/:incidentId/answer', 'incidents.answer', support.answerAnyIncident),
  route('POST', '/v1/orders/:id/incidents/:incidentId/answer', 'incidents.answer', support.answerIncident),
  route('POST', '/v1/orders/:id/refunds', 'refunds.open', refunds.openRefund),
  route('GET', '/v1/refunds/:id', 'refunds.read', refunds.getRefund),
  route('GET', '/v1/disputes', 'disputes.read', disputes.listDisputes),
  route('GET', '/v1/disputes/:id', 'disputes.read', disputes.getDispute),
  route('PUT', '/v1/disputes/:id/evidence', 'disputes.answer', disputes.putEvidence),
  route('GET', '/v1/orders/:id/invoices', 'invoices.read', invoices.listInvoices),
  route('GET', '/v1/orders/:id/invoices/:invoiceId/pdf', 'invoices.read', invoices.getInvoicePdf),
  route('GET', '/v1/reconciliations', 'books.read', books.listReconciliations),
  route('GET', '/v1/reconciliations/:day', 'books.read', books.getReconciliation),
  route('GET', '/v1/payouts', 'books.read', books.listPayouts),
  route('GET', '/v1/reports/labels', 'reports.read', reports.getLabelReport),
  route('GET', '/v1/reports/delivery', 'reports.read', reports.getDeliveryReport),

  route('GET', '/v1/shipments', 'shipments.work', shipments.listShipments),
  route('GET', '/v1/shipments/:id', 'shipments.read', shipments.getShipment),
  route('POST', '/v1/shipments/:id/pack', 'shipments.work', shipments.packShipment),
  route('GET', '/v1/shipments/:id/parcels/:parcelId/packing-slip', 'shipments.work', shipments.getPackingSlip),
  route('POST', '/v1/shipments/:id/hand-over', 'shipments.work', shipments.handOverShipment),
  route('PUT', '/v1/shipments/:id/priority', 'shipments.urge', shipments.putPriority),
  route('POST', '/v1/shipments/:id/put-back', 'shipments.work', shipments.putBackShipment),
  route('POST', '/v1/waves', 'shipments.work', pickLists.createWave),
  route('POST', '/v1/pick-lists', 'shipments.work', pickLists.createPickList),
  route('GET', '/v1/pick-lists', 'shipments.work', pickLists.listPickLists),
  route('POST', '/v1/pick-lists/next', 'shipments.work', pickLists.takeNextPickList),
  route('GET', '/v1/pick-lists/:id', 'shipments.work', pickLists.getPickList),
  route('GET', '/v1/pick-lists/:id/pdf', 'shipments.work', pickLists.getPickListPdf),
  route('POST', '/v1/pick-lists/:id/take', 'shipments.work', pickLists.takePickList),
  route('POST', '/v1/pick-lists/:id/give-back', 'shipments.work', pickLists.releasePickList),
  route('POST', '/v1/pick-lists/:id/disband', 'shipments.work', pickLists.disbandPickList),
  route('POST', '/v1/pick-lists/:id/scans', 'shipments.work', pickLists.scanItem),
  route('POST', '/v1/pick-lists/:id/shorts', 'shipments.work', pickLists.reportShortage),
  route('POST', '/v1/hand-overs', 'shipments.work', handOvers.createHandOver),
  route('GET', '/v1/hand-overs/:id', 'shipments.work', handOvers.getHandOver),
  route('GET', '/v1/carrier-claims', 'claims.work', claims.listClaims),
  route('POST', '/v1/carrier-claims/:id/decide', 'claims.work', claims.decideClaim),

  route('POST', '/v1/orders/:id/returns', 'returns.open', returns.openReturn),
  route('GET', '/v1/returns', 'returns.list', returns.listReturns),
  route('GET', '/v1/returns/:id', 'returns.read', returns.getReturn),
  route('POST', '/v1/returns/:id/decide', 'returns.decide', returns.decideReturn),
  route('POST', '/v1/returns/:id/receive', 'returns.work', returns.receiveReturn),
  route('POST', '/v1/returns/:id/inspect', 'returns.work', returns.inspectReturn),
  route('POST', '/v1/returns/:id/resolution', 'returns.decide', returns.resolveReturn),
  route('PUT', '/v1/returns/:id/deadline', 'returns.decide', returns.putDeadline),
  route('POST', '/v1/returns/:id/cancel', 'returns.cancel', returns.cancelReturn),

  route('POST', '/v1/orders/:id/claims', 'claims.open', customerClaims.openClaim),
  route('GET', '/v1/claims', 'claims.list', customerClaims.listClaims),
  route('GET', '/v1/claims/:id', 'claims.read', customerClaims.getClaim),
  route('POST', '/v1/claims/:id/evidence', 'claims.open', customerClaims.postEvidence),
  route('POST', '/v1/claims/:id/decide', 'claims.decide', customerClaims.decideClaim),
  route('POST', '/v1/claims/:id/withdraw', 'claims.open', customerClaims.withdrawClaim),
  route('PUT', '/v1/claims/:id/deadline', 'claims.decide', customerClaims.putDeadline),

  route('GET', '/v1/events', 'events.read', events.listEvents),
  route('GET', '/v1/events/:id', 'events.read', events.getEvent),
  route('POST', '/v1/events/:id/replay', 'events.replay', events.replayEvent),
  route('POST', '/v1/webhooks/stripe', 'webhooks.receive', webhooks.stripeWebhook),
  route('POST', '/v1/webhooks/carrier', 'webhooks.receive', webhooks.carrierWebhook),
  route('POST', '/v1/webhooks/easypost', 'webhooks.receive', webhooks.easyPostWebhook),
];

interface AppOptions {
  mongo: Mongo;
  temporal: Client;
  config: Api['config'];
  log: Log;
  metrics: Registry;
  /** True once the process is about to stop: `/readyz` says so, and no new callers are sent here. */
  isDraining?: () => boolean;
}

export function createApp({ mongo, temporal, config, log, metrics, isDraining = () => false }: AppOptions): Express {
  const api: Api = { mongo, temporal, config };
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(logRequests(log), countRequests(metrics), helmet({ contentSecurityPolicy: nothingToShow }));
  app.use((_request, response, next) => {
    // Whoever keeps connections open, as gateways do, opens the next one elsewhere.
    if (isDraining()) response.set('connection', 'close');
    next();
  });
  serveHealth(app, api, metrics, isDraining);
  serveDocs(app, routes);
  for (const each of routes) register(app, api, each);
  app.use((request) => {
    throw new Problem('not-found', `There is no ${request.method} ${request.path}`);
  });
  app.use(countRefusedWebhooks(metrics), countRefusedScans(metrics), answerProblem);
  return app;
}

/** The API answers with data: no page of it loads or runs anything. */
const nothingToShow = {
  useDefaults: false,
  directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
};

const answerProblem: ErrorRequestHandler = (error, request, response, _next) => {
  const problem = toProblem(error);
  const status = statusOf(problem.kind);
  const cause = problem.cause ?? problem;
  if (status >= 500) request.log.error({ err: cause }, problem.message);
  if (response.headersSent) {
    // The answer broke off in the middle: closing the connection is the only way to say so.
    response.destroy();
    return;
  }
  if (problem.kind === 'unauthenticated') response.set('www-authenticate', 'Bearer');
  if (problem.kind === 'unavailable') response.set('retry-after', '5');
  response
    .status(status)
    .set('cache-control', 'no-store')
    .type('application/problem+json')
    .send(JSON.stringify(problemBody(problem, String(request.id))));
};
