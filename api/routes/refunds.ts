/** Money back by a person's decision. What a return or a cancellation pays back, its workflow does itself. */
import { type LineRefundOpened, openLineRefund } from '../../activities/payments/line-refunds.ts';
import { openRefund as openRefundStep } from '../../activities/payments/refunds.ts';
import { noteRefusal } from '../../activities/refusals.ts';
import { startRefund } from '../../activities/starts.ts';
import { newId } from '../../models/id.ts';
import type { Refund } from '../../models/payment.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { formatMoney, payableUnit } from '../../workflows/domain/money.ts';
import { actorOf, notFound } from '../auth.ts';
import { endpoint, reply } from '../endpoint.ts';
import { once } from '../idempotency.ts';
import { Problem } from '../problem.ts';
import { orderParams } from '../schemas/orders.ts';
import * as schema from '../schemas/refunds.ts';
import * as workflows from '../temporal.ts';
import { viewRefund } from '../views/refund.ts';
import { readOrder } from './orders.ts';

export const openRefund = endpoint({
  summary: 'Refund lines of an order, an amount, or everything that is left',
  params: orderParams,
  body: schema.refundBody,
  idempotencyKey: 'required',
  answers: { 201: schema.refund },
  problems: ['refund-refused'],
  async handle({ mongo, temporal }, { params, body, caller, idempotency }) {
    const order = await readOrder(mongo, params.id);
    const unit = payableUnit(order.currency);
    if (body.amount !== undefined && body.amount % unit !== 0)
      throw new Problem('refund-refused', `In ${order.currency} an amount has to be a multiple of ${unit}`);
    return once(mongo, idempotency!, newId('ref'), async (refundId) => {
      const { refundTo: to, amount, lines, shipping: withShipping, reason } = body;
      const request = { to, reason, key: refundId, refundId, orderId: order._id, actor: actorOf(caller) };
      const opened = lines
        ? await openLineRefund(mongo, { ...request, lines, withShipping })
        : await openRefundStep(mongo, { ...request, amount });
      if ('refused' in opened) {
        const problem = refusal(opened, order.currency);
        await noteRefusal(mongo, order._id, request.actor, `Refund refused: ${problem.message}`);
        throw problem;
      }
      await workflows.started(temporal, (client) => startRefund(client, { refundId }));
      return reply(201, viewRefund(await readRefund(mongo, refundId), caller), { location: `/v1/refunds/${refundId}` });
    });
  },
});

function refusal(opened: Extract<LineRefundOpened, { refused: string }>, currency: string): Problem {
  if (opened.refused === 'not_left') {
    const { lineId, left } = opened;
    const why = `Of line ${lineId} only ${left} units can be refunded: the others were not sold, are paid back, or not taken yet and go back by a cancellation`;
    return new Problem('refund-refused', why, { lineId, left });
  }
  const { refused, refundable } = opened;
  const why = {
    nothing_captured:
      'Nothing is left to refund of what was captured. What is only held goes back by a cancellation, and what a chargeback withholds not at all',
    more_than_paid: `Only ${formatMoney(refundable, currency)} can be refunded`,
    no_account: "The order is a guest's, who has no store credit",
  }[refused];
  return new Problem('refund-refused', why, { refundable, currency });
}

export const getRefund = endpoint({
  summary: 'A refund',
  params: schema.refundParams,
  answers: { 200: schema.refund },
  orderOf: async ({ mongo }, { id }) => (await mongo.models.refunds.findById(id, { orderId: 1 }).lean())?.orderId,
  async handle({ mongo }, { params, caller }) {
    return reply(200, viewRefund(await readRefund(mongo, params.id), caller));
  },
});

async function readRefund({ models }: Mongo, refundId: string): Promise<Refund> {
  const refund = await models.refunds.findById(refundId).lean<Refund>();
  if (!refund) throw notFound();
  return refund;
}
