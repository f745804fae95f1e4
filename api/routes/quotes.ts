/** What a cart costs, before it is ordered. */
import { priceCart, saveQuote } from '../cart.ts';
import { type Caller, endpoint, reply } from '../endpoint.ts';
import * as schema from '../schemas/quotes.ts';
import { viewQuote } from '../views/quote.ts';

export const makeQuote = endpoint({
  summary: 'What a cart costs, how it can be delivered, and whether it is there',
  body: schema.quoteBody,
  answers: { 201: schema.quote },
  problems: [
    'unknown-sku',
    'not-sold-in-currency',
    'amount-too-large',
    'not-deliverable',
    'not-taxable',
    'unknown-customer',
  ],
  async handle(api, { body: { destination, ...asked }, caller }) {
    const priced = await priceCart(api, { ...asked, to: destination }, { customerId: customerOf(caller) });
    await saveQuote(api, priced);
    return reply(201, viewQuote(priced));
  },
});

export function customerOf(caller: Caller): string | undefined {
  return caller.kind === 'customer' ? caller.customerId : undefined;
}
