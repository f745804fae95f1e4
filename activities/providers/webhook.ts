/** A webhook that must not be believed: unsigned, forged, too old, or not of the agreed form. Answer it with a 400. */
export class InvalidWebhook extends Error {
  override name = 'InvalidWebhook';
}
