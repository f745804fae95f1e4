import { paging } from '../lists.ts';
import { integer, metadata, oneOf, required, text, textList } from '../params.ts';
import { route } from '../route.ts';
import { createFromCalculation, createReversal, showTransaction, transactionOf } from '../tax-transactions.ts';
import { calculationOf, calculationSpec, createCalculation, listLineItems, showCalculation } from '../taxes.ts';

export const taxRoutes = [
  route(
    'POST tax/calculations',
    'tax.calculations.create',
    'tax_calculation',
    { ...calculationSpec, expand: textList },
    (store, params) => showCalculation(createCalculation(store, params), params.expand),
  ),
  route(
    'GET tax/calculations/:id/line_items',
    'tax.calculations.list_line_items',
    'tax_line_item[]',
    { ...paging, expand: textList },
    (store, params, id) => listLineItems(calculationOf(store, id), params),
  ),
  route(
    'POST tax/transactions/create_from_calculation',
    'tax.transactions.create_from_calculation',
    'tax_transaction',
    { calculation: required(text), reference: required(text), metadata, expand: textList },
    (store, params) => showTransaction(createFromCalculation(store, params), params.expand),
  ),
  route(
    'POST tax/transactions/create_reversal',
    'tax.transactions.create_reversal',
    'tax_transaction',
    {
      mode: required(oneOf('full', 'partial')),
      original_transaction: required(text),
      reference: required(text),
      flat_amount: integer({ min: -99_999_999, max: -1 }),
      metadata,
      expand: textList,
    },
    (store, params) => showTransaction(createReversal(store, params), params.expand),
  ),
  route(
    'GET tax/transactions/:id',
    'tax.transactions.retrieve',
    'tax_transaction',
    { expand: textList },
    (store, { expand }, id) => showTransaction(transactionOf(store, id), expand),
  ),
];
