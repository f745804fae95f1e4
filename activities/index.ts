/** The activities of the workers, made from what they need. Each is a plain function over what it is given. */
import type { Mongo } from '../platform/mongo.ts';
import type { LocalSteps, ProviderSteps } from '../workflows/activities.ts';
import { loadClaim, saveClaim, settleClaim } from './claims.ts';
import { pollEvents } from './events.ts';
import { loadCase, saveCase, saveOrder } from './orders.ts';
import { acceptDispute, openDisputeRefund, readDispute, stageEvidence, submitEvidence } from './payments/disputes.ts';
import { authorizeEdit, releaseEdit } from './payments/edits.ts';
import { authorizePayment, capturePayment, readPayment, voidPayment } from './payments/payments.ts';
import { findDaysDue, reconcilePage, repairDifference, skipDifference, sumUpDay } from './payments/reconciliation.ts';
import { sendRefund, skipRefund } from './payments/refund-sending.ts';
import { issuePayment, withdrawPayment } from './payments/reissue.ts';
import { renewPayment } from './payments/renewals.ts';
import { openReshipRefund } from './payments/reships.ts';
import { openOrderRefund, recordTaxes, reverseTaxes } from './payments/sales.ts';
import { readSetup, savePaymentMethod } from './payments/setups.ts';
import { openMethodSetup, readMethods, removeMethod, setDefaultMethod } from './payments/wallet.ts';
import { askRates, askTaxes } from './pricing/quotes.ts';
import type { Payments } from './providers/stripe.ts';
import { openReship } from './reships.ts';
import { recordInspection, recordReception } from './returns/arrivals.ts';
import { openParcelReturn } from './returns/brought-back.ts';
import { openExchange, readExchanges, weighExchange } from './returns/exchanges.ts';
import { loadReturn, saveReturn } from './returns/records.ts';
import { settleReturn } from './returns/settlement.ts';
import { checkAddress } from './shipping/addresses.ts';
import { openClaim } from './shipping/claims.ts';
import { makeManifests } from './shipping/hand-overs.ts';
import { buyLabels, buyReturnLabel, type Carriers, voidLabels } from './shipping/labels.ts';
import { pollTracking } from './shipping/tracking.ts';
import { applyEdit, readEdit } from './stock/edits.ts';
import { cancelLines } from './stock/line-cancels.ts';
import {
  commitStock,
  readHoldings,
  releaseShipment,
  releaseStock,
  reserveStock,
  shipStock,
  writeOffParcel,
} from './stock/reservations.ts';
import { settleShortPick } from './stock/short-picks.ts';

export function createLocalActivities(mongo: Mongo): LocalSteps {
  return {
    reserveStock: (input) => reserveStock(mongo, input),
    commitStock: (input) => commitStock(mongo, input),
    readHoldings: (input) => readHoldings(mongo, input),
    releaseStock: (input) => releaseStock(mongo, input),
    releaseShipment: (input) => releaseShipment(mongo, input),
    cancelLines: (input) => cancelLines(mongo, input),
    settleShortPick: (input) => settleShortPick(mongo, input),
    readEdit: (input) => readEdit(mongo, input),
    applyEdit: (input) => applyEdit(mongo, input),
    shipStock: (input) => shipStock(mongo, input),
    writeOffParcel: (input) => writeOffParcel(mongo, input),
    openClaim: (input) => openClaim(mongo, input),
    saveOrder: (input) => saveOrder(mongo, input),
    openOrderRefund: (input) => openOrderRefund(mongo, input),
    openDisputeRefund: (input) => openDisputeRefund(mongo, input),
    openReshipRefund: (input) => openReshipRefund(mongo, input),
    openReship: (input) => openReship(mongo, input),
    openParcelReturn: (input) => openParcelReturn(mongo, input),
    loadReturn: (input) => loadReturn(mongo, input),
    recordReception: (input) => recordReception(mongo, input),
    recordInspection: (input) => recordInspection(mongo, input),
    openExchange: (input) => openExchange(mongo, input),
    readExchanges: (input) => readExchanges(mongo, input),
    weighExchange: (input) => weighExchange(mongo, input),
    settleReturn: (input) => settleReturn(mongo, input),
    saveReturn: (input) => saveReturn(mongo, input),
    loadClaim: (input) => loadClaim(mongo, input),
    settleClaim: (input) => settleClaim(mongo, input),
    saveClaim: (input) => saveClaim(mongo, input),
    loadCase: (input) => loadCase(mongo, input),
    saveCase: (input) => saveCase(mongo, input),
    findDaysDue: (input) => findDaysDue(mongo, input),
    skipRefund: (input) => skipRefund(mongo, input),
    skipDifference: (input) => skipDifference(mongo, input),
  };
}

export function createProviderActivities({
  mongo,
  payments,
  carriers,
}: {
  mongo: Mongo;
  payments: Payments;
  carriers: Carriers;
}): ProviderSteps {
  return {
    savePaymentMethod: (input) => savePaymentMethod(mongo, payments, input),
    readSetup: (input) => readSetup(mongo, payments, input),
    authorizePayment: (input) => authorizePayment(mongo, payments, input),
    readPayment: (input) => readPayment(mongo, payments, input),
    capturePayment: (input) => capturePayment(mongo, payments, input),
    renewPayment: (input) => renewPayment(mongo, payments, input),
    authorizeEdit: (input) => authorizeEdit(mongo, payments, input),
    releaseEdit: (input) => releaseEdit(mongo, payments, input),
    withdrawPayment: (input) => withdrawPayment(mongo, payments, input),
    issuePayment: (input) => issuePayment(mongo, payments, input),
    voidPayment: (input) => voidPayment(mongo, payments, input),
    checkAddress: (input) => checkAddress(mongo, carriers, input),
    buyLabels: (input) => buyLabels(mongo, carriers, input),
    voidLabels: (input) => voidLabels(mongo, carriers, input),
    makeManifests: (input) => makeManifests(mongo, carriers, input),
    buyReturnLabel: (input) => buyReturnLabel(mongo, carriers, input),
    sendRefund: (input) => sendRefund(mongo, payments, input),
    pollTracking: (input) => pollTracking(mongo, carriers, input),
    pollEvents: (input) => pollEvents(mongo, payments, input),
    readDispute: (input) => readDispute(mongo, payments, input),
    stageEvidence: (input) => stageEvidence(mongo, payments, input),
    submitEvidence: (input) => submitEvidence(mongo, payments, input),
    acceptDispute: (input) => acceptDispute(mongo, payments, input),
    recordTaxes: (input) => recordTaxes(mongo, payments, input),
    reverseTaxes: (input) => reverseTaxes(mongo, payments, input),
    askRates: (input) => askRates(mongo, carriers, input),
    askTaxes: (input) => askTaxes(mongo, payments, input),
    readMethods: (input) => readMethods(mongo, payments, input),
    openMethodSetup: (input) => openMethodSetup(mongo, payments, input),
    setDefaultMethod: (input) => setDefaultMethod(mongo, payments, input),
    removeMethod: (input) => removeMethod(mongo, payments, input),
    reconcilePage: (input) => reconcilePage(mongo, payments, input),
    sumUpDay: (input) => sumUpDay(mongo, payments, input),
    repairDifference: (input) => repairDifference(mongo, payments, input),
  };
}
