/** An edit of an order as its owner or support may see it. */
import type { z } from 'zod';
import type { Edit } from '../../models/edit.ts';
import type { Payment } from '../../models/payment.ts';
import type { Caller } from '../endpoint.ts';
import type * as schema from '../schemas/edits.ts';
import { viewLine, viewShipping, viewTaxes } from './quote.ts';

export function viewEdit(edit: Edit, payment: Payment | null, caller: Caller): z.input<typeof schema.edit> {
  const { becomes, before, after, changes, currency, expiresAt, appliedAt } = edit;
  const next = payment?.edit?.editId === edit._id ? payment.edit : undefined;
  const ended = expiresAt <= new Date() ? 'expired' : 'open';
  return {
    id: edit._id,
    status: appliedAt ? 'applied' : edit.refused ? 'refused' : next ? 'waiting' : ended,
    expiresAt: expiresAt.toISOString(),
    ...(appliedAt && { appliedAt: appliedAt.toISOString() }),
    ...{ currency, before, after, difference: after - before },
    changes: changes.map(({ what, id, before: old, after: now }) => ({ what, id, before: old, after: now })),
    ...(becomes && { becomes: viewBecomes(becomes) }),
    ...(next?.clientSecret && caller.kind === 'owner' && { clientSecret: next.clientSecret }),
  };
}

function viewBecomes({ items, lines, shipping, pricing, total, expectedAt }: NonNullable<Edit['becomes']>) {
  return {
    items,
    lines: lines.map(viewLine),
    ...(shipping && { shipping: viewShipping(shipping) }),
    ...{ ...pricing, taxes: viewTaxes(pricing.taxes), total },
    ...(expectedAt && { expectedAt: expectedAt.toISOString() }),
  };
}
