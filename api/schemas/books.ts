import { z } from 'zod';
import { differenceKinds } from '../../workflows/domain/reconciliation.ts';
import * as common from './common.ts';

const day = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}$/)
  .refine((text) => !Number.isNaN(Date.parse(text)), 'Not a day')
  .meta({ description: 'UTC', example: '2026-11-24' });
export const dayParams = z.strictObject({ day });

const totals = z
  .strictObject({
    charged: common.money,
    refunded: common.money,
    disputed: common.money,
    fees: common.money,
    payouts: common.money,
    other: common.money,
    net: common.money.meta({ description: 'What the balance moved by' }),
  })
  .meta({ id: 'BalanceTotals' });

const summary = z
  .strictObject({
    day,
    status: z.enum(['reading', 'open', 'done']).meta({ description: 'open: somebody has to decide about differences' }),
    counts: z.record(z.string(), z.int()).meta({ description: 'Movements of the balance; ofNobody: without an order' }),
    totals: z.record(z.string(), totals).meta({ description: "By the currency of the provider's balance" }),
    openDifferences: z.int(),
    startedAt: common.time,
    comparedAt: common.time.optional(),
    endedAt: common.time.optional(),
  })
  .meta({ id: 'ReconciliationSummary' });

export const pageQuery = z.strictObject(common.pageQuery);
export const reconciliationPage = z.strictObject({ reconciliations: z.array(summary), next: common.next });

export const reconciliation = summary
  .extend({
    differences: z.array(
      z.strictObject({
        kind: z.enum(differenceKinds),
        orderId: z.string(),
        sourceId: z.string().meta({ description: "The provider's id of the payment, refund or dispute" }),
        currency: z.string(),
        theirs: common.money,
        ours: common.money,
        status: z.enum(['open', 'repaired', 'skipped', 'taken_over']),
        at: common.time,
      }),
    ),
    ofNobody: z
      .array(
        z.strictObject({
          id: z.string(),
          type: z.string(),
          sourceId: z.string().optional(),
          amount: common.money,
          currency: z.string(),
        }),
      )
      .meta({ description: 'The first 100 movements of the balance that belong to no order' }),
  })
  .meta({ id: 'Reconciliation' });

export const payoutPage = z.strictObject({
  payouts: z.array(
    z
      .strictObject({
        id: z.string(),
        amount: common.money,
        currency: z.string(),
        arrivalDate: common.time,
        status: z.string().meta({ description: "The provider's own word", example: 'paid' }),
        createdAt: common.time,
      })
      .meta({ id: 'Payout' }),
  ),
  next: common.next,
});
