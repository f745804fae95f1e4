/** Who may do what. A route names a permission of this table; whoever is not in its list is kept out. */
import { createHash } from 'node:crypto';
import type { Role } from '../models/access.ts';
import { customerOf } from '../platform/customer-token.ts';
import { findOneBy } from '../platform/documents.ts';
import { isLinkToken } from '../platform/link-token.ts';
import type { Actor } from '../workflows/messages.ts';
import type { Api, Caller } from './endpoint.ts';
import { Problem } from './problem.ts';

/**
 * `customer` has signed in; `owner` holds the order's link token; `signed` are providers, whose signature the route itself
 * checks.
 */
export type Audience = 'public' | 'customer' | 'signed' | 'owner' | Role;

const staff = ['warehouse', 'support', 'admin'] as const;

export const permissions = {
  'catalogue.read': ['public'],
  'catalogue.write': ['admin'],
  'pricing.read': ['support', 'admin'],
  'pricing.write': ['admin'],
  'warehouses.read': staff,
  'warehouses.write': ['admin'],
  'stock.read': staff,
  'stock.move': ['warehouse', 'admin'],
  // Whoever counts does not approve it.
  'stock.decide': ['admin'],

  // A customer who has signed in is known by their token; nobody needs one.
  'quotes.make': ['public', 'customer'],
  'orders.place': ['public', 'customer'],
  'orders.list': ['support', 'admin'],
  'orders.read': ['owner', 'support', 'admin'],
  'orders.pay': ['owner'],
  'orders.edit': ['owner', 'support', 'admin'],
  'orders.cancel': ['owner', 'support', 'admin'],
  'orders.support': ['support', 'admin'],
  'incidents.answer': ['support', 'admin'],
  'refunds.open': ['support', 'admin'],
  'refunds.read': ['owner', 'support', 'admin'],
  'disputes.read': ['support', 'admin'],
  'disputes.answer': ['support', 'admin'],
  'invoices.read': ['owner', 'support', 'admin'],
  'books.read': ['support', 'admin'],
  'reports.read': ['support', 'admin'],

  'customers.read': ['support', 'admin'],
  'customers.write': ['support', 'admin'],
  // The store's own sign-in asks for it.
  'customers.token': ['admin'],
  'credit.read': ['customer', 'support', 'admin'],
  'credit.grant': ['support', 'admin'],
  'wallet.read': ['customer', 'support', 'admin'],
  'wallet.change': ['customer'],
  'wallet.remove': ['customer', 'support', 'admin'],

  'shipments.work': ['warehouse', 'admin'],
  'shipments.read': staff,
  'shipments.urge': staff,
  'claims.work': ['support', 'admin'],

  // Parcels come that nobody has announced.
  'returns.open': ['owner', ...staff],
  'returns.list': staff,
  'returns.read': ['owner', ...staff],
  'returns.decide': ['support', 'admin'],
  'returns.work': ['warehouse', 'admin'],
  'returns.cancel': ['owner', 'support', 'admin'],

  'claims.open': ['owner', 'support', 'admin'],
  'claims.read': ['owner', ...staff],
  'claims.list': ['support', 'admin'],
  'claims.decide': ['support', 'admin'],

  'events.read': ['support', 'admin'],
  'events.replay': ['support', 'admin'],
  'webhooks.receive': ['signed'],
} as const satisfies Record<string, readonly Audience[]>;

export type Permission = keyof typeof permissions;

/**
 * @param orderOf the order that the request is about; asked only for a link token.
 * @throws Problem unauthenticated, forbidden, or not-found: another order's token is told nothing.
 */
export async function authorize(
  { mongo, config }: Api,
  permission: Permission,
  authorization: string | undefined,
  orderOf: () => Promise<string | undefined>,
): Promise<Caller> {
  const audience: readonly Audience[] = permissions[permission];
  const token = /^Bearer (\S{1,200})$/i.exec(authorization ?? '')?.[1];
  if (token?.startsWith('ct_') && audience.includes('customer')) {
    const customerId = customerOf(config.WAYBILL_SECRET, token);
    if (customerId === undefined) throw new Problem('unauthenticated', 'The customer has to sign in again');
    return { kind: 'customer', customerId };
  }
  if (audience.includes('public') || audience.includes('signed')) return { kind: 'public' };
  if (token?.startsWith('ct_')) throw new Problem('forbidden', 'The token of a customer cannot do this');
  if (token?.startsWith('ot_')) {
    if (!audience.includes('owner')) throw new Problem('forbidden', 'The token of an order cannot do this');
    const orderId = await orderOf();
    if (orderId === undefined || !isLinkToken(config.WAYBILL_SECRET, orderId, token)) throw notFound();
    return { kind: 'owner', orderId };
  }
  if (token?.startsWith('wb_')) {
    const found = await findOneBy(mongo.models.staffTokens, 'hash', tokenHash(token));
    if (found && !found.revokedAt) {
      if (!audience.includes(found.role)) throw new Problem('forbidden', `The role ${found.role} cannot do this`);
      return { kind: 'staff', tokenId: found._id, role: found.role };
    }
  }
  const others = [
    audience.includes('owner') && "the order's own",
    audience.includes('customer') && "the customer's own",
  ];
  const accepted = ['a staff token', ...others.filter(Boolean)].join(', or ');
  throw new Problem('unauthenticated', `Send ${accepted} as Authorization: Bearer`);
}

/** Only this hash of a staff token is stored. */
function tokenHash(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

export function notFound(): Problem {
  return new Problem('not-found', 'It does not exist, or it is not yours');
}

/** Whether this caller is among those whom a route of this permission lets in. */
export function isFor(caller: Caller, permission: Permission): boolean {
  const audience: readonly Audience[] = permissions[permission];
  return audience.includes(caller.kind === 'staff' ? caller.role : caller.kind);
}

/** How workflows and ledgers name the caller. */
export function actorOf(caller: Caller): Actor {
  return caller.kind === 'staff' ? `${caller.role}:${caller.tokenId}` : 'customer';
}

/** Whose Idempotency-Keys these are. */
export function scopeOf(caller: Caller): string {
  if (caller.kind === 'staff') return caller.tokenId;
  if (caller.kind === 'customer') return caller.customerId;
  return caller.kind === 'owner' ? caller.orderId : 'public';
}

function isSupport(caller: Caller): boolean {
  return caller.kind === 'staff' && caller.role !== 'warehouse';
}

/** Personal data is for the order's owner and for support. */
export function maySeePerson(caller: Caller): boolean {
  return caller.kind === 'owner' || isSupport(caller);
}
