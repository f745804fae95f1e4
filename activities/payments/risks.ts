/** What Stripe and the store's own rules make of a payment. */
import type { Payment } from '../../models/payment.ts';
import { findOneBy } from '../../platform/documents.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { risksOf } from '../../workflows/domain/risk.ts';
import { isPaid } from '../../workflows/domain/statuses.ts';
import type { Intent } from '../providers/stripe.ts';
import { paymentRules } from '../store-settings.ts';

/** Why a person has to look at the order before anything is sent. */
export async function weigh(mongo: Mongo, payment: Payment, intent: Intent): Promise<Payment> {
  if (!isPaid(intent.status)) return payment;
  const { orderId, attempts, amountDue: amount, currency } = payment;
  const { risk } = await paymentRules(mongo);
  const order = risk.foreignCard ? await findOneBy(mongo.models.orders, '_id', orderId) : undefined;
  const declines = attempts.filter(({ status }) => status === 'declined').length;
  const facts = { ...intent.risk, shipsTo: order?.shipTo.country ?? '', declines, amount, currency };
  const risks = risksOf(facts, risk);
  if (risks.length === 0) return { ...payment, risks };
  const { cancelAfterHours: hours } = risk;
  const lookBy = payment.lookBy ?? (hours === undefined ? undefined : new Date(Date.now() + hours * 3_600_000));
  await mongo.models.payments.updateOne({ orderId }, { $set: { risks, ...(lookBy && { lookBy }) } });
  return { ...payment, risks, ...(lookBy && { lookBy }) };
}
