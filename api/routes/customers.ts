/** Customers with an account, as the store's sign-in and its support keep them, and their store credit. */
import { bookCredit } from '../../activities/payments/credit.ts';
import { type CreditEntry, type Customer, creditAccountId } from '../../models/customer.ts';
import { newId } from '../../models/id.ts';
import { customerToken } from '../../platform/customer-token.ts';
import { isDuplicateKey, type Mongo } from '../../platform/mongo.ts';
import { payableUnit } from '../../workflows/domain/money.ts';
import { actorOf, notFound } from '../auth.ts';
import { type Caller, endpoint, reply } from '../endpoint.ts';
import { once } from '../idempotency.ts';
import { page, readCursor } from '../paging.ts';
import { Problem } from '../problem.ts';
import * as schema from '../schemas/customers.ts';

export const createCustomer = endpoint({
  summary: 'Keep a customer',
  body: schema.customerBody,
  idempotencyKey: 'required',
  answers: { 201: schema.customer },
  problems: ['email-taken'],
  async handle({ mongo }, { body, idempotency }) {
    return once(mongo, idempotency!, newId('cus'), async (id) => {
      const customer = { _id: id, ...body, createdAt: new Date() } as Customer;
      await write(
        () => mongo.models.customers.updateOne({ _id: id }, { $set: customer }, { upsert: true }),
        body.email,
      );
      return reply(201, view(customer), { location: `/v1/customers/${id}` });
    });
  },
});

export const putCustomer = endpoint({
  summary: 'Change a customer',
  params: schema.customerParams,
  body: schema.customerBody,
  answers: { 200: schema.customer },
  problems: ['email-taken'],
  async handle({ mongo }, { params: { id }, body }) {
    const { createdAt } = await readCustomer(mongo, id);
    const { taxExempt, language } = body;
    const gone = { ...(!taxExempt && { taxExempt: 1 as const }), ...(!language && { language: 1 as const }) };
    const change = { $set: body as Partial<Customer>, ...(Object.keys(gone).length > 0 && { $unset: gone }) };
    await write(() => mongo.models.customers.updateOne({ _id: id }, change), body.email);
    return reply(200, view({ _id: id, ...body, createdAt } as Customer));
  },
});

export const getCustomer = endpoint({
  summary: 'A customer',
  params: schema.customerParams,
  answers: { 200: schema.customer },
  async handle({ mongo }, { params }) {
    return reply(200, view(await readCustomer(mongo, params.id)));
  },
});

export const findCustomers = endpoint({
  summary: 'The customer with an e-mail address',
  query: schema.customersQuery,
  answers: { 200: schema.customerList },
  async handle({ mongo }, { query }) {
    const found = await mongo.models.customers.find({ email: query.email }).lean<Customer[]>();
    return reply(200, { customers: found.map(view) });
  },
});

export const signCustomerIn = endpoint({
  summary: "A token for a customer whom the store's own sign-in has recognized",
  params: schema.customerParams,
  answers: { 201: schema.token },
  async handle({ mongo, config }, { params }) {
    const { _id } = await readCustomer(mongo, params.id);
    const { token, expiresAt } = customerToken(config.WAYBILL_SECRET, _id);
    return reply(201, { token, expiresAt: expiresAt.toISOString() });
  },
});

export const getCredit = endpoint({
  summary: "A customer's store credit in a currency, with everything that changed it",
  params: schema.creditParams,
  query: schema.creditQuery,
  answers: { 200: schema.credit },
  customerOf: ({ id }) => id,
  async handle({ mongo }, { params, query, caller }) {
    await readCustomer(mongo, params.id);
    return reply(200, await viewCredit(mongo, params, caller, query));
  },
});

export const grantCredit = endpoint({
  summary: 'Grant store credit, or take back what was granted',
  params: schema.creditParams,
  body: schema.creditBody,
  idempotencyKey: 'required',
  answers: { 201: schema.credit },
  problems: ['credit-refused'],
  async handle({ mongo }, { params, body, caller, idempotency }) {
    const { id: customerId, currency } = params;
    const unit = payableUnit(currency);
    if (body.amount % unit !== 0)
      throw new Problem('invalid-request', `body amount: In ${currency} it has to be a multiple of ${unit}`);
    await readCustomer(mongo, customerId);
    return once(mongo, idempotency!, newId('crd'), async (key) => {
      const entry = await bookCredit(mongo, {
        key,
        customerId,
        currency,
        kind: 'grant',
        ...body,
        actor: actorOf(caller),
      });
      if (entry === undefined)
        throw new Problem('credit-refused', `The customer has less than ${-body.amount} in ${currency} minor units`);
      return reply(201, await viewCredit(mongo, params, caller, { limit: 1 }));
    });
  },
});

async function viewCredit(
  { models }: Mongo,
  { id: customerId, currency }: { id: string; currency: string },
  caller: Caller,
  { limit, cursor }: { limit: number; cursor?: string | undefined },
) {
  const accountId = creditAccountId(customerId, currency);
  const after = readCursor(cursor, 1);
  const [account, found] = await Promise.all([
    models.creditAccounts.findById(accountId).lean(),
    models.creditEntries
      .find({ accountId, ...(after && { seq: { $lt: Number(after[0]) || 0 } }) })
      .sort({ seq: -1 })
      .limit(limit + 1)
      .lean<CreditEntry[]>(),
  ]);
  const { items, next } = page(found, limit, ({ seq }) => [String(seq)]);
  const entries = items.map(({ _id: id, seq, kind, amount, balanceAfter, orderId, reason, actor, at }) => ({
    ...{ id, seq, kind, amount, balanceAfter, reason, at: at.toISOString() },
    ...(orderId !== undefined && { orderId }),
    ...(caller.kind === 'staff' && { actor }),
  }));
  return { customerId, currency, balance: account?.balance ?? 0, entries, next };
}

export async function readCustomer({ models }: Mongo, id: string): Promise<Customer> {
  const customer = await models.customers.findById(id).lean<Customer>();
  if (!customer) throw notFound();
  return customer;
}

async function write(run: () => Promise<unknown>, email: string): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (isDuplicateKey(error)) throw new Problem('email-taken', `Another customer has the address ${email}`);
    throw error;
  }
}

function view({ _id: id, email, name, language, taxExempt, createdAt }: Customer) {
  return {
    ...{ id, email, name, createdAt: createdAt.toISOString() },
    ...(language && { language }),
    ...(taxExempt && { taxExempt }),
  };
}
