import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { issueCreditNote, issueInvoice, readInvoicePdf } from '../../activities/invoices.ts';
import { connectMongo, inTransaction, type Mongo } from '../../platform/mongo.ts';
import { seller, setSeller, textOf, writeRefund, writeSold } from '../support/invoices.ts';
import { newDatabaseUri } from '../support/servers.ts';

/** Two, as two processes have. */
let mongo: Mongo;
let other: Mongo;
beforeAll(async () => {
  const uri = newDatabaseUri();
  [mongo, other] = await Promise.all([connectMongo(uri), connectMongo(uri)]);
  for (const model of Object.values(mongo.models)) await model.createIndexes();
});
afterAll(async () => {
  await mongo.connection.dropDatabase();
  await Promise.all([mongo.close(), other.close()]);
});
beforeEach(async () => {
  const { invoices, invoiceCounters } = mongo.models;
  await Promise.all([invoices.deleteMany({}), invoiceCounters.deleteMany({}), setSeller(mongo, seller)]);
});
afterEach(() => {
  jest.useRealTimers();
});

const paid = { card: 2380, credit: 0 };
const issue = (orderId: string, by = mongo) => issueInvoice(by, { orderId, paid });
const read = (invoiceId: string) => mongo.models.invoices.findById(invoiceId).lean().orFail();
const year = Number(new Date().toLocaleDateString('sv', { timeZone: seller.timeZone }).slice(0, 4));

/** The clock stands there; all else goes on. */
function at(moment: string): void {
  const others = ['hrtime', 'nextTick', 'performance', 'queueMicrotask', 'setImmediate', 'clearImmediate'] as const;
  const timers = ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] as const;
  jest.useFakeTimers({ now: new Date(moment), doNotFake: [...others, ...timers] });
}

async function numbers(kind: 'invoice' | 'credit_note' = 'invoice'): Promise<number[]> {
  const found = await mongo.models.invoices.find({ kind }, { seq: 1 }).sort({ seq: 1 }).lean();
  return found.map(({ seq }) => seq);
}

describe('numbers', () => {
  test('have no gap, however many are issued at once by two processes', async () => {
    const orderIds = await Promise.all(Array.from({ length: 200 }, () => writeSold(mongo)));
    const issued = await Promise.all(orderIds.map((orderId, index) => issue(orderId, index % 2 ? mongo : other)));
    expect(await numbers()).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
    expect(new Set(issued.map((each) => each!.number)).size).toBe(200);
    expect(await mongo.models.invoiceCounters.find().lean()).toEqual([{ _id: `invoice:${year}`, last: 200, __v: 0 }]);
    const stored = await mongo.models.invoices.find({ orderId: { $in: orderIds } }).lean();
    expect(stored.every(({ number, seq }) => number === `INV-${year}-${String(seq).padStart(6, '0')}`)).toBe(true);
    expect(stored.every(({ pdf }) => pdf !== undefined)).toBe(true);
  });

  test('are not taken by what fails between others', async () => {
    const [first, last] = await Promise.all([writeSold(mongo), writeSold(mongo)]);
    const outcomes = await Promise.allSettled([first!, 'ord_none', last!].map((orderId) => issue(orderId)));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await numbers()).toEqual([1, 2]);
    expect((await mongo.models.invoiceCounters.findOne().lean().orFail()).last).toBe(2);
  });

  test('are not taken by a transaction that breaks off', async () => {
    const [first, second] = await Promise.all([writeSold(mongo), writeSold(mongo)]);
    const insert = jest.spyOn(mongo.models.invoices, 'insertMany').mockRejectedValueOnce(new Error('killed'));
    await expect(issue(first!)).rejects.toThrow('killed');
    insert.mockRestore();
    expect(await mongo.models.invoiceCounters.findOne().lean()).toBeNull();
    expect((await issue(second!))!.number).toBe(`INV-${year}-000001`);
    expect((await issue(first!))!.number).toBe(`INV-${year}-000002`);
  });

  test('start anew with the year of the seller, each kind by itself', async () => {
    const orderIds = await Promise.all([1, 2, 3].map(() => writeSold(mongo)));
    at('2026-12-31T22:59:59Z');
    expect((await issue(orderIds[0]!))!.number).toBe('INV-2026-000001');
    at('2026-12-31T23:00:00Z');
    expect((await issue(orderIds[1]!))!.number).toBe('INV-2027-000001');
    expect((await issue(orderIds[2]!))!.number).toBe('INV-2027-000002');
    const refundId = await writeRefund(mongo, orderIds[0]!, 100);
    const note = await issueCreditNote(mongo, { refundId });
    expect(note!.number).toBe('CN-2027-000001');
    expect(await read(note!.invoiceId)).toMatchObject({
      content: { issuedOn: '2027-01-01', invoice: { number: 'INV-2026-000001', issuedOn: '2026-12-31' } },
    });
  });

  test.each([
    ['Pacific/Kiritimati', '2026-03-02'],
    ['Pacific/Pago_Pago', '2026-02-28'],
  ])('the date is that of the seller: in %s %s', async (timeZone, date) => {
    await setSeller(mongo, { ...seller, timeZone });
    const orderId = await writeSold(mongo);
    at('2026-03-01T10:30:00Z');
    expect((await read((await issue(orderId))!.invoiceId)).content.issuedOn).toBe(date);
  });
});

describe('once', () => {
  test('asked again, and by many at once, it is one document', async () => {
    const orderId = await writeSold(mongo);
    const refundId = await writeRefund(mongo, orderId, 100);
    const asks = Array.from({ length: 20 }, (_, index) => (index % 2 ? mongo : other));
    const issued = await Promise.all(asks.map((by) => issue(orderId, by)));
    expect(new Set(issued.map((each) => each!.invoiceId)).size).toBe(1);
    const notes = await Promise.all(asks.map((by) => issueCreditNote(by, { refundId })));
    expect(new Set(notes.map((each) => each!.invoiceId)).size).toBe(1);
    expect(await issue(orderId)).toEqual(issued[0]);
    expect(await mongo.models.invoices.countDocuments()).toBe(2);
  });

  test('what was issued stays, whatever becomes of the order and the seller', async () => {
    const orderId = await writeSold(mongo);
    const { invoiceId } = (await issue(orderId))!;
    const [before, pdf] = [await read(invoiceId), await readInvoicePdf(mongo, invoiceId)];
    await mongo.models.orders.updateOne({ _id: orderId }, { 'lines.0.name': 'Cup', 'customer.name': 'Erased' });
    await setSeller(mongo, { ...seller, name: 'Another' });
    expect(await issueInvoice(other, { orderId, paid: { card: 1, credit: 1 } })).toMatchObject({ invoiceId });
    expect(await read(invoiceId)).toEqual(before);
    expect((await readInvoicePdf(other, invoiceId)).equals(pdf)).toBe(true);
  });

  test('a PDF that was not drawn is drawn when it is read, the same whoever draws it', async () => {
    const { invoiceId } = (await issue(await writeSold(mongo)))!;
    const pdf = await readInvoicePdf(mongo, invoiceId);
    await mongo.models.invoices.updateOne({ _id: invoiceId }, { $unset: { pdf: 1 } });
    const [one, two] = await Promise.all([readInvoicePdf(mongo, invoiceId), readInvoicePdf(other, invoiceId)]);
    expect(one.equals(pdf) && two.equals(pdf)).toBe(true);
    expect(Buffer.from((await read(invoiceId)).pdf!.buffer).equals(pdf)).toBe(true);
  });
});

describe('what is issued', () => {
  test('an invoice says who, what, when and how much', async () => {
    const orderId = await writeSold(mongo);
    const { invoiceId, number } = (await issueInvoice(mongo, { orderId, paid: { card: 2000, credit: 380 } }))!;
    const { content } = await read(invoiceId);
    expect(content).toMatchObject({ seller, buyer: { name: 'Buyer' }, net: 2000, tax: 380, gross: 2380 });
    const text = textOf(await readInvoicePdf(mongo, invoiceId));
    for (const said of [number, 'Waybill GmbH', 'DE123456789', 'Buyer', '10001 Town', content.issuedOn, orderId])
      expect(text).toContain(said);
    for (const said of ['Mug', '10.00 EUR', '19 %', '20.00 EUR', '3.80 EUR', '23.80 EUR', 'Amtsgericht Hamburg'])
      expect(text).toContain(said);
  });

  test('the date of supply is the day of payment, also where the invoice comes later', async () => {
    const orderId = await writeSold(mongo);
    const entry = { key: 'k', kind: 'capture' as const, amount: 2380, providerId: 'pi_1' };
    const ledger = [{ ...entry, at: new Date('2026-03-01T12:00:00Z') }];
    await mongo.models.payments.updateOne({ orderId }, { $set: { ledger } });
    expect((await read((await issue(orderId))!.invoiceId)).content.suppliedOn).toBe('2026-03-01');
  });

  test('who pays no tax is told why', async () => {
    const taxExempt = { reason: 'Reverse charge', taxId: 'ATU12345678' };
    const customer = { _id: 'cus_1', email: 'buyer@example.com', name: 'Buyer', taxExempt, createdAt: new Date() };
    await mongo.models.customers.create([customer]);
    const orderId = await writeSold(mongo, { customerId: 'cus_1' });
    await mongo.models.orders.updateOne({ _id: orderId }, { 'lines.0.taxes': [], 'lines.0.total': 2000 });
    const { invoiceId } = (await issue(orderId))!;
    expect((await read(invoiceId)).content.buyer.taxExempt).toEqual(taxExempt);
    expect(textOf(await readInvoicePdf(mongo, invoiceId))).toContain('Reverse charge ATU12345678');
  });

  test('credit notes name the invoice and the lines, and never exceed it together', async () => {
    const orderId = await writeSold(mongo);
    const invoice = (await issue(orderId))!;
    const lines = [{ lineId: 'line_1', quantity: 1, amount: 1190 }];
    const first = await issueCreditNote(mongo, { refundId: await writeRefund(mongo, orderId, 1190, lines) });
    expect((await read(first!.invoiceId)).content.lines).toMatchObject([{ name: 'Mug', quantity: 1, total: 1190 }]);
    const text = textOf(await readInvoicePdf(mongo, first!.invoiceId));
    for (const said of ['Credit note', first!.number, invoice.number, 'Mug', '11.90 EUR']) expect(text).toContain(said);

    const refundIds = await Promise.all([800, 800, 800].map((amount) => writeRefund(mongo, orderId, amount)));
    const rest = await Promise.all(
      refundIds.map((refundId, index) => issueCreditNote(index % 2 ? mongo : other, { refundId })),
    );
    const contents = await Promise.all(rest.flatMap((each) => (each ? read(each.invoiceId) : [])));
    expect(contents.map(({ content }) => content.gross).sort()).toEqual([390, 800]);
    expect(await numbers('credit_note')).toEqual([1, 2, 3]);
    const notes = await mongo.models.invoices.find({ kind: 'credit_note' }).lean();
    expect(notes.reduce((sum, { content }) => sum + content.tax, 0)).toBe(380);
  });

  test('nothing: without a seller, of nothing, and no credit note without an invoice', async () => {
    const orderId = await writeSold(mongo);
    await setSeller(mongo, undefined);
    expect(await issue(orderId)).toBeUndefined();
    await setSeller(mongo, seller);
    expect(await issueCreditNote(mongo, { refundId: await writeRefund(mongo, orderId, 100) })).toBeUndefined();
    const gift = await writeSold(mongo, { lines: [] });
    expect(await issue(gift)).toBeUndefined();
    await expect(issueCreditNote(mongo, { refundId: 'ref_none' })).rejects.toThrow('There is no refund ref_none');
    expect(await mongo.models.invoices.countDocuments()).toBe(0);
    expect(await mongo.models.invoiceCounters.countDocuments()).toBe(0);
  });

  test('a number that another transaction is about to give is waited for', async () => {
    const [first, second] = await Promise.all([writeSold(mongo), writeSold(mongo)]);
    await issue(first!);
    let waiting: Promise<unknown> = Promise.resolve();
    await inTransaction(other, async (session) => {
      const counter = { _id: `invoice:${year}` };
      await other.models.invoiceCounters.updateOne(counter, { $inc: { last: 0 } }, { session });
      waiting = issue(second!);
      await new Promise((resolve) => setTimeout(resolve, 100));
    });
    expect(await waiting).toMatchObject({ number: `INV-${year}-000002` });
  });
});
