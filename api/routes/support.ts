/** What support does with an order: hold it, move its deadlines, correct its address, answer what it needs help with. */
import type { Order } from '../../models/order.ts';
import { inTransaction, type Mongo } from '../../platform/mongo.ts';
import { hasEnded, orderStates } from '../../workflows/domain/states.ts';
import * as messages from '../../workflows/messages.ts';
import { actorOf, notFound } from '../auth.ts';
import { noteReason, step } from '../cases.ts';
import { endpoint, reply } from '../endpoint.ts';
import { Problem } from '../problem.ts';
import { deadlineBody } from '../schemas/common.ts';
import * as incidents from '../schemas/incidents.ts';
import * as schema from '../schemas/orders.ts';
import { sideBySide } from '../side-by-side.ts';
import * as workflows from '../temporal.ts';
import { withNotes } from '../views/notes.ts';
import { ofOrder, underWay, updateOrder } from './orders.ts';

export const holdOrder = endpoint({
  ...step,
  params: schema.orderParams,
  summary: 'Hold an order: nothing is packed or handed over until it is released, or until a time',
  body: schema.holdBody,
  async handle(api, { params: { id }, body: { reason, ...ending }, caller, idempotency }) {
    const input = { ...(await noteReason(api.mongo, id, caller, reason)), ...ending };
    const held = await updateOrder(api, id, messages.tryToHold, input, idempotency);
    return held ? reply(200, held) : underWay(id);
  },
});

export const releaseOrder = endpoint({
  ...step,
  params: schema.orderParams,
  summary: 'Release an order that is on hold',
  body: schema.reasonBody,
  async handle(api, { params: { id }, body: { reason }, caller, idempotency }) {
    const released = await updateOrder(
      api,
      id,
      messages.tryToRelease,
      await noteReason(api.mongo, id, caller, reason),
      idempotency,
    );
    return released ? reply(200, released) : underWay(id);
  },
});

export const putDeadline = endpoint({
  ...step,
  summary: 'Shorten, extend or end what the order waits for',
  params: schema.orderParams,
  body: deadlineBody,
  async handle(api, { params: { id }, body: { reason, ...moved }, caller, idempotency }) {
    const input = { ...moved, ...(await noteReason(api.mongo, id, caller, reason)) };
    const done = await updateOrder(api, id, messages.setDeadline, input, idempotency);
    return done ? reply(200, done) : underWay(id);
  },
});

export const putShippingAddress = endpoint({
  summary:
    'Correct the address, while no label is bought: neither price nor warehouse change, for that it is edited. An incident about it is then answered with `amend`',
  params: schema.orderParams,
  body: schema.addressBody,
  answers: { 200: schema.addressBody },
  problems: ['not-allowed-now', 'order-ended'],
  async handle({ mongo }, { params: { id }, body }) {
    await inTransaction(mongo, async (session) => {
      const order = await mongo.models.orders
        .findOneAndUpdate({ _id: id }, { $set: { shipTo: body } }, { session, returnDocument: 'before' })
        .lean<Order>();
      if (!order) throw notFound();
      if (hasEnded(orderStates, order.status))
        throw new Problem('order-ended', `The order is ${order.status}`, { orderStatus: order.status });
      if (order.status === 'pending') throw new Problem('not-allowed-now', 'The order is still being placed');
      const live = { orderId: id, cancelledAt: { $exists: false } };
      const labelled = await mongo.models.shipments
        .findOne({ ...live, labelRequestedAt: { $exists: true } }, { _id: 1 })
        .session(session)
        .lean();
      if (labelled)
        throw new Problem('not-allowed-now', `The label of ${labelled._id} is bought for the address as it is`);
      // Meets, in the database, whoever begins to buy a label at this moment.
      const to = { country: body.country, ...(body.region !== undefined && { region: body.region }) };
      await mongo.models.shipments.updateMany(live, { $set: { addressedAt: new Date(), to } }, { session });
    });
    return reply(200, body);
  },
});

export const listIncidents = endpoint({
  summary: 'What needs attention, oldest first',
  query: incidents.incidentQuery,
  answers: { 200: incidents.incidentList },
  async handle({ mongo }, { query: { cause, limit } }) {
    const open = await findIncidents(mongo, cause ? { 'state.incidents.cause': cause } : {}, limit);
    const asked = open.filter((incident) => cause === undefined || incident.cause === cause);
    return reply(200, { incidents: asked.slice(0, limit) });
  },
});

export const answerIncident = endpoint({
  summary: 'Answer an incident of an order, or of one of its returns, claims, refunds and disputes',
  params: incidents.incidentParams,
  body: incidents.answerBody,
  idempotencyKey: 'optional',
  answers: { 200: incidents.answered, 202: schema.accepted },
  problems: ['order-ended'],
  async handle({ mongo, temporal }, { params: { id, incidentId }, body, caller, idempotency }) {
    const found = await findIncident(mongo, incidentId);
    const workflowId = found?.orderId === id ? found.workflowId : messages.workflowIds.order(id);
    const input = { incidentId, answer: body.answer, actor: actorOf(caller) };
    const answered = await ofOrder(mongo, id, () =>
      workflows.update({ mongo, temporal }, workflowId, messages.answerIncident, input, idempotency),
    );
    return answered ? reply(200, answered) : underWay(id);
  },
});

export const answerAnyIncident = endpoint({
  summary: 'Answer an incident, whatever it is about',
  params: incidents.anyIncidentParams,
  body: incidents.answerBody,
  idempotencyKey: 'optional',
  answers: { 200: incidents.answered, 202: schema.accepted },
  problems: ['order-ended'],
  async handle({ mongo, temporal }, { params: { incidentId }, body, caller, idempotency }) {
    const found = await findIncident(mongo, incidentId);
    if (!found) return reply(200, { applied: false });
    const input = { incidentId, answer: body.answer, actor: actorOf(caller) };
    const { workflowId } = found;
    const answered = await workflows.update(
      { mongo, temporal },
      workflowId,
      messages.answerIncident,
      input,
      idempotency,
    );
    return answered ? reply(200, answered) : reply(202, { status: 'accepted', href: '/v1/incidents' });
  },
});

const mostAtOnce = 1_000;

export const answerIncidents = endpoint({
  summary: 'Answer all incidents of one cause, at most 1,000 a call',
  body: incidents.answerAllBody,
  answers: { 202: incidents.answeredAll },
  async handle({ mongo, temporal }, { body: { cause, answer }, caller, log }) {
    const found = await findIncidents(mongo, { 'state.incidents.cause': cause }, mostAtOnce);
    const open = found.filter((incident) => incident.cause === cause && incident.answers.includes(answer));
    let ended = 0;
    let failed = 0;
    await sideBySide(open, async ({ id, workflowId }) => {
      const input = { incidentId: id, answer, actor: actorOf(caller) };
      try {
        await workflows.signal(temporal, workflowId, messages.answerSignal, input);
      } catch (error) {
        if (error instanceof Problem && error.kind === 'order-ended') ended += 1;
        else {
          // One that cannot be told keeps nobody else waiting.
          failed += 1;
          log.error({ err: error, workflowId }, 'an incident could not be answered');
        }
      }
    });
    const answered = open.length - ended - failed;
    log.info({ cause, answer, answered, ended, failed }, 'answered incidents');
    return reply(202, { answered, ended, failed });
  },
});

interface OpenIncident extends messages.Incident {
  workflowId: string;
}

async function findIncident(mongo: Mongo, incidentId: string): Promise<OpenIncident | undefined> {
  const beside = await findIncidents(mongo, { 'state.incidents.id': incidentId }, 1);
  return beside.find(({ id }) => id === incidentId);
}

/** Incidents of orders, returns, claims, refunds, disputes and reconciliations, as their workflows last wrote them. */
async function findIncidents({ models }: Mongo, filter: object, limit: number): Promise<OpenIncident[]> {
  const open = { 'state.incidents.0': { $exists: true }, ...filter };
  const fields = { 'state.incidents': 1, 'state.orderId': 1, notes: 1 };
  const [orders, returns, claims, refunds, disputes, reconciliations] = await Promise.all([
    models.orders.find(open, fields).limit(limit).lean<WithIncidents[]>(),
    models.returns.find(open, fields).limit(limit).lean<WithIncidents[]>(),
    models.claims.find(open, fields).limit(limit).lean<WithIncidents[]>(),
    models.refunds.find(open, fields).limit(limit).lean<WithIncidents[]>(),
    models.disputes.find(open, fields).limit(limit).lean<WithIncidents[]>(),
    models.reconciliations.find(open, { 'state.incidents': 1 }).limit(limit).lean<WithIncidents[]>(),
  ]);
  const { workflowIds } = messages;
  const notes = await notesOf({ models }, returns);
  return [
    ...orders.flatMap((found) => incidentsOf(found, workflowIds.order)),
    ...returns.flatMap((found) => incidentsOf({ ...found, notes }, workflowIds.return)),
    ...claims.flatMap((found) => incidentsOf(found, workflowIds.claim)),
    ...refunds.flatMap((found) => incidentsOf(found, workflowIds.refund)),
    ...disputes.flatMap((found) => incidentsOf(found, workflowIds.dispute)),
    ...reconciliations.flatMap((found) => incidentsOf(found, workflowIds.reconcile)),
  ].sort((a, b) => (a.since < b.since ? -1 : 1));
}

/** What people said stands with their orders. */
async function notesOf(
  { models }: Pick<Mongo, 'models'>,
  found: readonly WithIncidents[],
): Promise<NonNullable<Order['notes']>> {
  const orderIds = found.flatMap(({ state }) => state.orderId ?? []);
  const orders = await models.orders.find({ _id: { $in: orderIds } }, { notes: 1 }).lean<Order[]>();
  return orders.flatMap(({ notes = [] }) => notes);
}

interface WithIncidents extends Pick<Order, 'notes'> {
  _id: string;
  state: { orderId?: string; incidents: messages.Incident[] };
}

function incidentsOf(found: WithIncidents, workflowId: (id: string) => string): OpenIncident[] {
  const { orderId, incidents } = found.state;
  return incidents.map((incident) => ({
    orderId,
    ...incident,
    why: withNotes(incident.why, found),
    workflowId: workflowId(found._id),
  }));
}
