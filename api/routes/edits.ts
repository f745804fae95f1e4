/** Changing what was ordered, before anybody picks it: previewed, then confirmed. */
import { writeNote } from '../../activities/notes.ts';
import { noteRefusal } from '../../activities/refusals.ts';
import type { Edit } from '../../models/edit.ts';
import type { Payment } from '../../models/payment.ts';
import { writeOne } from '../../platform/documents.ts';
import type { Mongo } from '../../platform/mongo.ts';
import * as messages from '../../workflows/messages.ts';
import { actorOf, notFound } from '../auth.ts';
import { editRefused, previewEdit } from '../editing.ts';
import { type Caller, endpoint, reply } from '../endpoint.ts';
import { refuseForeign } from '../placing.ts';
import * as schema from '../schemas/edits.ts';
import { accepted, orderParams } from '../schemas/orders.ts';
import { viewEdit } from '../views/edit.ts';
import { mayBeTold } from '../views/order.ts';
import { readOrder, underWay, updateOrder } from './orders.ts';

const orderOf = (_api: unknown, { id }: { id: string }) => id;

export const makeEdit = endpoint({
  summary: 'Preview a change of goods, address or delivery: what the order would cost, and the difference',
  params: orderParams,
  body: schema.editBody,
  answers: { 201: schema.edit },
  problems: [
    'edit-refused',
    'order-ended',
    'unknown-sku',
    'not-sold-in-currency',
    'amount-too-large',
    'amount-too-small',
    'not-deliverable',
    'not-taxable',
    'out-of-stock',
    'unknown-customer',
  ],
  orderOf,
  async handle(api, { params: { id }, body, caller }) {
    const { edit, paymentNeeded, deliveryOptions } = await previewEdit(api, await readOrder(api.mongo, id), body);
    await writeOne(api.mongo.models.edits, { insertOne: { document: edit } });
    return reply(201, { ...viewEdit(edit, null, caller), paymentNeeded, deliveryOptions });
  },
});

export const getEdit = endpoint({
  summary: 'A change that was previewed, and what became of it',
  params: schema.editParams,
  answers: { 200: schema.edit },
  orderOf,
  async handle({ mongo }, { params: { id, editId }, caller }) {
    return reply(200, await viewOf(mongo, id, editId, caller));
  },
});

export const confirmEdit = endpoint({
  summary: 'Make a change that was previewed: all of it, or nothing',
  params: schema.editParams,
  body: schema.confirmBody,
  idempotencyKey: 'optional',
  answers: { 200: schema.edit, 202: accepted },
  problems: ['edit-refused', 'order-ended', 'out-of-stock', 'not-allowed-now', 'unknown-payment-method'],
  orderOf,
  async handle(api, { params: { id, editId }, body: { paymentMethod, reason }, caller, idempotency }) {
    const { mongo } = api;
    const known = await viewOf(mongo, id, editId, caller);
    if (known.status === 'applied') return reply(200, known);
    const actor = actorOf(caller);
    if (paymentMethod !== undefined) await refuseForeign(mongo, paymentMethod, (await readOrder(mongo, id)).customerId);
    const note = reason === undefined ? undefined : await writeNote(mongo, id, actor, reason);
    const input = { editId, actor, paymentMethod, reason: note };
    const made = await updateOrder(api, id, messages.editOrder, input, idempotency);
    if (made === undefined) return underWay(id);
    if (made.outcome === 'refused') {
      const declineCode = made.declineCode && mayBeTold(made.declineCode, caller);
      const problem = editRefused({ ...made, declineCode });
      await noteRefusal(mongo, id, actor, `Edit refused: ${problem.message}`);
      throw problem;
    }
    return reply(200, await viewOf(mongo, id, editId, caller));
  },
});

async function viewOf({ models }: Mongo, orderId: string, editId: string, caller: Caller) {
  const [edit, payment] = await Promise.all([
    models.edits.findOne({ _id: editId, orderId }).lean<Edit>(),
    models.payments.findOne({ orderId }).lean<Payment>(),
  ]);
  if (!edit) throw notFound();
  return viewEdit(edit, payment, caller);
}
