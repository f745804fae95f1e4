/** The token of a signed-in customer: the store's own sign-in asks for one, and gives it to the customer's browser. */
import { createHmac, timingSafeEqual } from 'node:crypto';

const lifeMs = 24 * 3_600_000;

/** `ct_<customer>.<expiry in ms, base 36>.<signature>`; nothing of it is stored. */
export function customerToken(
  secret: string,
  customerId: string,
  now = Date.now(),
): { token: string; expiresAt: Date } {
  const expiresAt = new Date(now + lifeMs);
  const content = `${customerId}.${expiresAt.getTime().toString(36)}`;
  return { token: `ct_${content}.${sign(secret, content)}`, expiresAt };
}

/** Whose token it is; undefined where it was not given out here, or is over. */
export function customerOf(secret: string, token: string, now = Date.now()): string | undefined {
  const parts = /^ct_((cus_[0-9A-Za-z]{1,64})\.([0-9a-z]{1,12}))\.([\w-]{43})$/.exec(token);
  if (!parts) return undefined;
  const [, content, customerId, expiry, signature] = parts as unknown as [string, string, string, string, string];
  const expected = Buffer.from(sign(secret, content));
  const given = Buffer.from(signature);
  if (expected.length !== given.length || !timingSafeEqual(expected, given)) return undefined;
  return Number.parseInt(expiry, 36) > now ? customerId : undefined;
}

function sign(secret: string, content: string): string {
  return createHmac('sha256', secret).update(`customer ${content}`).digest('base64url');
}
