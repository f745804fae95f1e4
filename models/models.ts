/** All models on one connection. */
import type { Connection } from 'mongoose';
import { apiRequestModel, staffTokenModel } from './access.ts';
import { balanceEntryModel, payoutModel, reconciliationModel } from './balance.ts';
import { carrierClaimModel } from './carrier-claim.ts';
import { productModel, warehouseModel } from './catalogue.ts';
import { claimModel } from './claim.ts';
import { creditAccountModel, creditEntryModel, customerModel, methodSetupModel } from './customer.ts';
import { editModel } from './edit.ts';
import { handOverModel } from './hand-over.ts';
import { inboxModel, outgoingMailModel } from './inbox.ts';
import { invoiceCounterModel, invoiceModel } from './invoice.ts';
import { orderModel } from './order.ts';
import { disputeModel, paymentModel, refundModel } from './payment.ts';
import { pickListModel, pickScanModel } from './pick-list.ts';
import {
  deliveryMethodModel,
  promotionCountModel,
  promotionModel,
  promotionUseModel,
  taxRateModel,
  taxTableModel,
} from './pricing.ts';
import { quoteModel } from './quote.ts';
import { returnModel } from './return.ts';
import { shipmentModel } from './shipment.ts';
import { backlogModel, stockModel, stockMovementModel } from './stock.ts';
import { stockImportModel } from './stock-import.ts';
import { deliveryModel, stockCountModel, transferModel } from './stock-work.ts';
import { storeSettingsModel } from './store.ts';

export type Models = ReturnType<typeof createModels>;

export function createModels(connection: Connection) {
  return {
    products: productModel(connection),
    warehouses: warehouseModel(connection),
    promotions: promotionModel(connection),
    promotionCounts: promotionCountModel(connection),
    promotionUses: promotionUseModel(connection),
    taxRates: taxRateModel(connection),
    taxTables: taxTableModel(connection),
    deliveryMethods: deliveryMethodModel(connection),
    settings: storeSettingsModel(connection),
    customers: customerModel(connection),
    methodSetups: methodSetupModel(connection),
    quotes: quoteModel(connection),
    creditAccounts: creditAccountModel(connection),
    creditEntries: creditEntryModel(connection),
    stock: stockModel(connection),
    movements: stockMovementModel(connection),
    backlogs: backlogModel(connection),
    deliveries: deliveryModel(connection),
    transfers: transferModel(connection),
    counts: stockCountModel(connection),
    stockImports: stockImportModel(connection),
    orders: orderModel(connection),
    edits: editModel(connection),
    shipments: shipmentModel(connection),
    pickLists: pickListModel(connection),
    pickScans: pickScanModel(connection),
    handOvers: handOverModel(connection),
    carrierClaims: carrierClaimModel(connection),
    claims: claimModel(connection),
    payments: paymentModel(connection),
    refunds: refundModel(connection),
    disputes: disputeModel(connection),
    balanceEntries: balanceEntryModel(connection),
    reconciliations: reconciliationModel(connection),
    payouts: payoutModel(connection),
    returns: returnModel(connection),
    invoices: invoiceModel(connection),
    invoiceCounters: invoiceCounterModel(connection),
    inbox: inboxModel(connection),
    mails: outgoingMailModel(connection),
    requests: apiRequestModel(connection),
    staffTokens: staffTokenModel(connection),
  };
}
