/** Goods that move between warehouses. On their way they belong to neither's stock, so that nobody can promise them. */
import type { Transfer } from '../../models/stock-work.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { fillFromQueue } from './backorders.ts';
import { changeStock } from './ledger.ts';
import { refuseToBreak, StockRefused } from './work.ts';

/**
 * Takes the goods out of the first warehouse. Sending it again under its id changes nothing.
 * @throws StockRefused where it would take what is not there, or what is promised
 */
export function sendTransfer(mongo: Mongo, transfer: Transfer): Promise<Transfer> {
  return changeStock(mongo, {
    skus: transfer.lines.map(({ sku }) => sku),
    documents: [['transfers', transfer._id]],
    make(work) {
      const known = work.document('transfers', transfer._id);
      if (known) return known;
      const { _id: reference, from, to, reason, actor } = transfer;
      for (const { sku, sent } of transfer.lines) {
        const change = { onHandChange: -sent, damagedChange: 0, reason, reference, actor };
        work.move({ key: `${reference}:out:${sku}`, sku, warehouseId: from, kind: 'transfer_out', ...change });
        refuseToBreak(work.stock(sku, from));
        work.expect(sku, to, sent);
      }
      work.put('transfers', transfer);
      return transfer;
    },
  });
}

/**
 * Books in what came, and serves who waits for it. `last` closes the transfer: what did not come is lost, and the
 * transfer keeps saying so. A repeated key has no second effect.
 * @throws StockRefused where more came than was sent, or the transfer is closed
 */
export function receiveTransfer(
  mongo: Mongo,
  receipt: {
    key: string;
    transferId: string;
    lines: readonly { sku: string; quantity: number; damaged: number }[];
    last: boolean;
    actor: string;
  },
): Promise<Transfer | undefined> {
  const { key, transferId, lines, last, actor } = receipt;
  const skus = lines.map(({ sku }) => sku);
  return changeStock(mongo, {
    queues: skus,
    documents: [
      ['transfers', transferId],
      ...lines.map(({ sku }) => ['movements', `${key}:${sku}`] as ['movements', string]),
    ],
    async find({ models }, session) {
      const found = await models.transfers.findById(transferId, { lines: 1 }, { session }).lean();
      return { skus: found?.lines.map(({ sku }) => sku) ?? [] };
    },
    make(work) {
      const transfer = work.document('transfers', transferId);
      if (!transfer) return undefined;
      if (lines.some(({ sku }) => work.document('movements', `${key}:${sku}`))) return transfer;
      if (transfer.status === 'received') {
        if (lines.length === 0) return transfer;
        throw new StockRefused('wrong_state', 'All of the transfer is received, or given up');
      }
      for (const { sku, quantity, damaged } of lines) {
        const line = transfer.lines.find((each) => each.sku === sku);
        if (!line) throw new StockRefused('not_part_of_it', `${sku} is not part of the transfer ${transferId}`);
        if (line.received + quantity > line.sent)
          throw new StockRefused(
            'too_much',
            `${line.sent - line.received} of ${sku} are on their way, not ${quantity}`,
          );
        line.received += quantity;
        work.expect(sku, transfer.to, -quantity);
        const change = { onHandChange: quantity, damagedChange: damaged, reason: transfer.reason, actor };
        const movement = { key: `${key}:${sku}`, sku, warehouseId: transfer.to, reference: transferId };
        work.move({ ...movement, ...change, kind: 'transfer_in' });
      }
      const complete = transfer.lines.every(({ sent, received }) => received === sent);
      transfer.status = last || complete ? 'received' : 'partly_received';
      if (transfer.status === 'received') {
        for (const { sku, sent, received } of transfer.lines) work.expect(sku, transfer.to, received - sent);
        transfer.closedAt = new Date();
      }
      work.put('transfers', transfer);
      for (const sku of skus) fillFromQueue(work, sku);
      return transfer;
    },
  });
}
