/** The link to an order: whoever holds its token owns the order. It is in the answer to placing and in the mails. */
import { createHmac, timingSafeEqual } from 'node:crypto';

/** The token of one order; it cannot be guessed from anything that a caller sent. */
export function linkToken(secret: string, orderId: string): string {
  return `ot_${createHmac('sha256', secret).update(orderId).digest('base64url')}`;
}

export function isLinkToken(secret: string, orderId: string, given: string): boolean {
  const expected = Buffer.from(linkToken(secret, orderId));
  const actual = Buffer.from(given);
  return actual.length === expected.length && timingSafeEqual(actual, expected);
}
