export type WebhookRefusal = 'no_signature' | 'bad_signature' | 'old' | 'future' | 'not_an_event';

/** A webhook that must not be believed: unsigned, forged, too old, or not of the agreed form. Answer it with a 400. */
export class InvalidWebhook extends Error {
  override name = 'InvalidWebhook';
  readonly reason: WebhookRefusal;
  constructor(reason: WebhookRefusal, message: string) {
    super(message);
    this.reason = reason;
  }
}
