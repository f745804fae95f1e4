export type WebhookRefusal = 'no_signature' | 'bad_signature' | 'old' | 'future' | 'not_an_event';

/** Beyond this age, or ahead of our clock by more, nothing that is signed is believed. */
export const toleranceSeconds = 300;

/** A webhook that must not be believed: unsigned, forged, too old, or not of the agreed form. Answer it with a 400. */
export class InvalidWebhook extends Error {
  override name = 'InvalidWebhook';
  readonly reason: WebhookRefusal;
  constructor(reason: WebhookRefusal, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** Undefined where it is no JSON. No schema of a body takes that, so it is reported in the schema's own words. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
