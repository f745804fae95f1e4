export interface Decline {
  code: string;
  decline_code: string;
  advice_code: 'confirm_card_data' | 'do_not_try_again' | 'try_again_later';
  message: string;
}

/** What a test card does. One that says nothing more is charged without a question. */
export interface TestCard {
  brand: string;
  last4: string;
  decline?: Decline;
  /** It is declined when it is charged, and not when it is saved. */
  canBeSaved?: true;
  authentication?: 'always' | 'unless_set_up';
  risk?: { level: string; score: number };
  dispute?: { reason: string; inquiry: boolean };
  refund?: 'pending' | 'fails';
  fraudWarning?: true;
  /** Without multicapture, extended authorization and the like. */
  plain?: true;
}

const declined = (
  last4: string,
  decline_code: string,
  advice_code: Decline['advice_code'],
  message: string,
  code = 'card_declined',
): TestCard => ({ brand: 'visa', last4, decline: { code, decline_code, advice_code, message } });

const CARD_DECLINED = 'Your card was declined.';

/** Stripe's documented test payment methods. `pm_card_visa_chargeDeclined…` may also be written without `visa_`. */
export const TEST_CARDS: Record<string, TestCard> = {
  pm_card_visa: { brand: 'visa', last4: '4242' },
  pm_card_visa_debit: { brand: 'visa', last4: '5556' },
  pm_card_mastercard: { brand: 'mastercard', last4: '4444' },
  pm_card_amex: { brand: 'amex', last4: '0005' },
  pm_card_discover: { brand: 'discover', last4: '1117' },
  pm_card_jcb: { brand: 'jcb', last4: '0505' },
  pm_card_credit_disableEnterpriseCardFeatures: { brand: 'visa', last4: '0076', plain: true },

  pm_card_chargeDeclined: declined('0002', 'generic_decline', 'try_again_later', CARD_DECLINED),
  pm_card_chargeDeclinedInsufficientFunds: declined(
    '9995',
    'insufficient_funds',
    'try_again_later',
    'Your card has insufficient funds.',
  ),
  pm_card_chargeDeclinedLostCard: declined('9987', 'lost_card', 'do_not_try_again', CARD_DECLINED),
  pm_card_chargeDeclinedStolenCard: declined('9979', 'stolen_card', 'do_not_try_again', CARD_DECLINED),
  pm_card_chargeDeclinedVelocityLimitExceeded: declined(
    '6975',
    'card_velocity_exceeded',
    'try_again_later',
    'Your card was declined for making repeated attempts too frequently or exceeding its amount limit.',
  ),
  pm_card_chargeDeclinedExpiredCard: declined(
    '0069',
    'expired_card',
    'confirm_card_data',
    'Your card has expired.',
    'expired_card',
  ),
  pm_card_chargeDeclinedIncorrectCvc: declined(
    '0127',
    'incorrect_cvc',
    'confirm_card_data',
    "Your card's security code is incorrect.",
    'incorrect_cvc',
  ),
  pm_card_chargeDeclinedProcessingError: declined(
    '0119',
    'processing_error',
    'try_again_later',
    'An error occurred while processing your card. Try again in a little bit.',
    'processing_error',
  ),
  pm_card_chargeCustomerFail: {
    ...declined('0341', 'generic_decline', 'try_again_later', CARD_DECLINED),
    canBeSaved: true,
  },
  pm_card_radarBlock: {
    ...declined('0019', 'fraudulent', 'do_not_try_again', CARD_DECLINED),
    risk: { level: 'highest', score: 90 },
  },

  pm_card_authenticationRequired: { brand: 'visa', last4: '3184', authentication: 'always' },
  pm_card_authenticationRequiredOnSetup: { brand: 'visa', last4: '3155', authentication: 'unless_set_up' },
  pm_card_threeDSecure2Required: { brand: 'visa', last4: '3220', authentication: 'always' },
  pm_card_threeDSecureRequired: { brand: 'visa', last4: '3063', authentication: 'always' },
  pm_card_threeDSecureRequiredChargeDeclined: {
    ...declined('1629', 'generic_decline', 'try_again_later', CARD_DECLINED),
    authentication: 'always',
  },

  pm_card_riskLevelElevated: { brand: 'visa', last4: '9235', risk: { level: 'elevated', score: 70 } },
  pm_card_createDispute: { brand: 'visa', last4: '0259', dispute: { reason: 'fraudulent', inquiry: false } },
  pm_card_createDisputeProductNotReceived: {
    brand: 'visa',
    last4: '2685',
    dispute: { reason: 'product_not_received', inquiry: false },
  },
  pm_card_createDisputeInquiry: { brand: 'visa', last4: '1976', dispute: { reason: 'fraudulent', inquiry: true } },
  pm_card_createIssuerFraudRecord: { brand: 'visa', last4: '5423', fraudWarning: true },
  pm_card_pendingRefund: { brand: 'visa', last4: '7726', refund: 'pending' },
  pm_card_refundFail: { brand: 'visa', last4: '5126', refund: 'fails' },
};
