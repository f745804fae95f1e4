/** What EasyPost takes, as its documentation and its libraries' recordings have it. Anything else is refused. */
import { z } from 'zod';
import { Refusal } from '../refusal.ts';

const text = z.string().nullish();
export const address = z.strictObject({
  ...{ name: text, company: text, street1: text, street2: text, city: text, state: text, zip: text },
  country: z.string().length(2),
  ...{ phone: text, email: text },
});
const measure = z.number().positive();
const customsItem = z.strictObject({
  description: z.string().min(1),
  quantity: z.int().positive(),
  weight: measure,
  value: z.number().nonnegative(),
  currency: z.string().length(3).optional(),
  origin_country: z.string().length(2),
  hs_tariff_number: z.string().optional(),
});
const customsInfo = z.strictObject({
  contents_type: z.enum(['merchandise', 'returned_goods', 'documents', 'gift', 'sample', 'other']),
  customs_certify: z.boolean(),
  customs_signer: z.string().min(1),
  eel_pfc: z.string().optional(),
  non_delivery_option: z.enum(['abandon', 'return']),
  restriction_type: z.enum(['none', 'other', 'quarantine', 'sanitary_phytosanitary_inspection']),
  customs_items: z.array(customsItem).min(1),
});
const options = z.strictObject({
  currency: z.string().length(3).optional(),
  label_format: z.enum(['PNG', 'PDF', 'ZPL', 'EPL2']).optional(),
  label_size: z.string().optional(),
  print_custom_1: z.string().max(35).optional(),
  print_custom_2: z.string().max(35).optional(),
});
const shipment = z.strictObject({
  reference: z.string().max(100).optional(),
  from_address: address,
  to_address: address,
  parcel: z.strictObject({ length: measure, width: measure, height: measure, weight: measure }),
  is_return: z.boolean().optional(),
  customs_info: customsInfo.optional(),
  options: options.default({}),
});
export type ShipmentRequest = z.infer<typeof shipment>;

export const shipmentBody = z.strictObject({ shipment });
export const buyBody = z.strictObject({ rate: z.strictObject({ id: z.string().startsWith('rate_') }) });
export const emptyBody = z.strictObject({});
export const addressBody = z.strictObject({ address, verify: z.boolean().optional() });
export const scanFormBody = z.strictObject({
  scan_form: z.strictObject({ shipments: z.array(z.strictObject({ id: z.string().startsWith('shp_') })).min(1) }),
});
export const shipmentsQuery = z.strictObject({
  purchased: z.enum(['true', 'false']).default('true'),
  start_datetime: z.iso.datetime().optional(),
  before_id: z.string().optional(),
  page_size: z.coerce.number().int().min(1).max(100).default(20),
});
export const trackersQuery = z.strictObject({
  tracking_code: z.string().optional(),
  page_size: z.coerce.number().int().min(1).max(100).default(20),
});
/** The control endpoint: the next scan of a parcel. */
export const scanBody = z.strictObject({
  status: z.string(),
  status_detail: z.string().default('status_update'),
  datetime: z.iso.datetime().optional(),
  signed_by: z.string().optional(),
  est_delivery_date: z.string().optional(),
  /** No webhook tells of it. */
  silent: z.boolean().default(false),
});
/** The control endpoint: what the carrier says of a refund that was asked for. */
export const refundBody = z.strictObject({ refund_status: z.enum(['refunded', 'rejected', 'not_applicable']) });

export function checked<T>(schema: z.ZodType<T>, value: unknown, code: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new Refusal(422, code, z.prettifyError(result.error));
}

export function json(body: string): unknown {
  try {
    return body === '' ? {} : JSON.parse(body);
  } catch {
    throw new Refusal(400, 'BAD_REQUEST', 'the body is not JSON');
  }
}
