/** What banks dispute: for support, with what they are told. The evidence is personal, and stays in MongoDB and here. */
import { adjustEvidence } from '../../activities/payments/disputes.ts';
import { evidenceOf } from '../../activities/payments/evidence.ts';
import type { Dispute } from '../../models/payment.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { evidenceChanged, workflowIds } from '../../workflows/messages.ts';
import { notFound } from '../auth.ts';
import { endpoint, reply } from '../endpoint.ts';
import { afterNewest, newestKeys, page } from '../paging.ts';
import { Problem } from '../problem.ts';
import * as schema from '../schemas/disputes.ts';
import * as workflows from '../temporal.ts';
import { viewCase, viewDispute } from '../views/dispute.ts';

export const listDisputes = endpoint({
  summary: 'Chargebacks, inquiries and warnings of fraud, the newest first',
  query: schema.disputeQuery,
  answers: { 200: schema.disputePage },
  async handle({ mongo }, { query: { status, limit, cursor } }) {
    const found = await mongo.models.disputes
      .find({ ...(status && { status }), ...afterNewest(cursor) })
      .sort({ createdAt: -1, _id: -1 })
      .limit(limit + 1)
      .lean<Dispute[]>();
    const { items, next } = page(found, limit, newestKeys);
    return reply(200, { disputes: items.map(viewDispute), next });
  },
});

export const getDispute = endpoint({
  summary: 'A dispute, with what the bank would be told now, or was told',
  params: schema.disputeParams,
  answers: { 200: schema.disputeCase },
  async handle({ mongo }, { params }) {
    const dispute = await mongo.models.disputes.findById(params.id).lean<Dispute>();
    if (!dispute) throw notFound();
    return reply(200, await view(mongo, dispute));
  },
});

export const putEvidence = endpoint({
  summary: 'Add words to the evidence, and leave fields out, until it is sent',
  params: schema.disputeParams,
  body: schema.evidenceBody,
  answers: { 200: schema.disputeCase },
  problems: ['not-allowed-now', 'order-ended'],
  async handle({ mongo, temporal }, { params: { id }, body }) {
    const adjusted = await adjustEvidence(mongo, id, { words: body.text, leftOut: body.leaveOut });
    if (!adjusted) {
      if (!(await mongo.models.disputes.exists({ _id: id }))) throw notFound();
      throw new Problem('not-allowed-now', 'The evidence was sent, or the case takes none');
    }
    await workflows.signal(temporal, workflowIds.dispute(id), evidenceChanged);
    return reply(200, await view(mongo, adjusted));
  },
});

async function view(mongo: Mongo, dispute: Dispute) {
  const { evidence } = await evidenceOf(mongo, dispute);
  return viewCase(dispute, evidence);
}
