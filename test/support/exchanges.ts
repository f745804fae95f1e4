/** Goods that customers want in exchange: asked for as the API does, and what became of it. */
import { openReturn } from '../../activities/returns/opening.ts';
import { priceExchange } from '../../api/exchanges.ts';
import { newId } from '../../models/id.ts';
import type { Order } from '../../models/order.ts';
import type { Return } from '../../models/return.ts';
import type { ExchangeRelease } from '../../workflows/domain/return-policy.ts';
import * as messages from '../../workflows/messages.ts';
import { createReturns } from './returns.ts';
import { price } from './shop.ts';
import { until } from './until.ts';
import type { World } from './world.ts';

const actor = 'support:test';

/** Of returns of two units of an order's first line. */
export function createExchanges(world: World) {
  const { models } = world.mongo;
  const returns = createReturns(world);

  /** Products of the class that is exchanged like that; `costs` is the price of one in USD. */
  async function newSku(release: ExchangeRelease, costs = price, units = 10): Promise<string> {
    const sku = await world.newSku({ wh_east: units }, { returnClass: release });
    await models.products.updateOne({ _id: sku }, { $set: { prices: { USD: costs } } });
    return sku;
  }

  const setPolicies = () =>
    world.setReturns({ at_once: { exchange: 'at_once' }, on_receipt: { exchange: 'on_receipt' } });

  interface Wanted {
    release: ExchangeRelease;
    /** Of one of two units. */
    costs?: number;
    paymentMethod?: string;
    units?: number;
  }

  /** Two units were delivered, and two of another product are wanted in their place. */
  async function asked({ release, costs = price, paymentMethod, units }: Wanted) {
    const sku = await newSku(release);
    const orderId = await delivered({ items: [{ sku, quantity: 2 }] });
    const other = await newSku(release, costs, units);
    const returnId = await ask(orderId, other, paymentMethod);
    return { orderId, sku, other, returnId };
  }

  async function delivered(order: Partial<Order>): Promise<string> {
    const written = await world.write({ ...order, placeBefore: new Date('2999-01-01') });
    await world.start(written);
    await world.orderHandle(written.orderId).executeUpdate(messages.placeOrder);
    await world.deliver(written.orderId);
    return written.orderId;
  }

  async function ask(orderId: string, sku: string, paymentMethod?: string, quantity = 2): Promise<string> {
    const order = await world.readOrder(orderId);
    const api = { mongo: world.mongo } as Parameters<typeof priceExchange>[0];
    const exchange = await priceExchange(api, order, { items: [{ sku, quantity }], paymentMethod });
    const returnId = newId('ret');
    const lines = [{ ...returns.line, reason: 'does_not_fit' as const }];
    const opened = await openReturn(world.mongo, { returnId, orderId, lines, by: 'customer', exchange });
    if (!opened.ok) throw new Error(opened.because);
    return returnId;
  }

  async function opened(returnId: string): Promise<string> {
    await until(async () => (await stored(returnId)).exchange?.orderId !== undefined, `${returnId} has its exchange`);
    return (await stored(returnId)).exchange!.orderId!;
  }

  const stored = (returnId: string) => models.returns.findById(returnId).lean<Return>().orFail();
  const statusOf = async (returnId: string) => (await stored(returnId)).state?.exchange?.status;

  async function reaches(returnId: string, status: messages.ExchangeStatus): Promise<void> {
    await until(async () => (await statusOf(returnId)) === status, `the exchange of ${returnId} is ${status}`);
  }

  /** Approved, and its order is accepted or, at once, paid. */
  async function agreed(wanted: Wanted) {
    const found = await asked(wanted);
    await world.follow('return', found.returnId);
    await reaches(found.returnId, wanted.release === 'at_once' ? 'confirmed' : 'accepted');
    return { ...found, exchangeId: await opened(found.returnId) };
  }

  /** What came is as good as new, or some of it is given back to its customer. */
  async function takenBack(returnId: string, good = 2): Promise<void> {
    await returns.awaits(returnId, 'return_arrival');
    await returns.receive(returnId, 2);
    const { lineId } = returns.line;
    const lines = [
      { lineId, quantity: good, disposition: 'restock' as const },
      { lineId, quantity: 2 - good, disposition: 'return_to_customer' as const },
    ].filter(({ quantity }) => quantity > 0);
    await world.returnHandle(returnId).executeUpdate(messages.inspectReturn, { args: [{ lines, actor }] });
  }

  const completed = (returnId: string) => world.returnReaches(returnId, 'completed');

  /** The money of an order, as our books have it. */
  async function moneyOf(orderId: string) {
    const { captured, credit, creditReturned, transferredOut, refunded, refundPending } =
      await world.paymentOf(orderId);
    return { captured, credit, creditReturned, transferredOut, refunded, refundPending };
  }

  return {
    returns,
    setPolicies,
    newSku,
    asked,
    agreed,
    ask,
    delivered,
    opened,
    stored,
    reaches,
    takenBack,
    completed,
    moneyOf,
  };
}
