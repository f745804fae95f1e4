/** What EasyPost keeps, as it shows it. */
import type { ShipmentRequest } from './requests.ts';

export interface Rate {
  id: string;
  carrier: string;
  service: string;
  rate: string;
  currency: string;
  delivery_days: number | null;
  est_delivery_days: number | null;
}

export interface Tracker {
  id: string;
  object: 'Tracker';
  tracking_code: string;
  carrier: string;
  status: string;
  status_detail: string;
  signed_by: string | null;
  est_delivery_date: string | null;
  shipment_id: string;
  public_url: string;
  carrier_detail: null;
  tracking_details: {
    object: 'TrackingDetail';
    message: string;
    status: string;
    status_detail: string;
    datetime: string;
  }[];
}

export interface Shipment extends Omit<ShipmentRequest, 'reference' | 'is_return'> {
  id: string;
  created_at: string;
  reference: string | null;
  is_return: boolean;
  rates: Rate[];
  messages: { carrier: string; type: 'rate_error'; message: string }[];
  selected_rate: Rate | null;
  postage_label: { id: string; label_url: string; label_pdf_url: null; label_file_type: string } | null;
  tracking_code: string | null;
  tracker: Tracker | null;
  refund_status: string | null;
  scan_form: ScanForm | null;
}

export interface ScanForm {
  id: string;
  status: 'created';
  tracking_codes: string[];
  form_url: string;
}
