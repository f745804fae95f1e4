/** EasyPost's books: shipments, the trackers of those that were bought, scan forms. In memory only. */
import { randomInt } from 'node:crypto';
import { Refusal } from '../refusal.ts';
import { newId } from './ids.ts';
import type { Rate, ScanForm, Shipment, Tracker } from './objects.ts';
import { rateShipment } from './rates.ts';
import type { ShipmentRequest } from './requests.ts';

export type Store = ReturnType<typeof createStore>;

export function createStore(url: string) {
  const shipments: Shipment[] = [];
  const scanForms: ScanForm[] = [];

  /** By its id, or by its reference: then the newest, for a reference need not be unique. */
  function shipment(idOrReference: string): Shipment {
    const found = idOrReference.startsWith('shp_')
      ? shipments.find(({ id }) => id === idOrReference)
      : shipments.findLast(({ reference }) => reference === idOrReference);
    if (!found) throw new Refusal(404, 'NOT_FOUND', 'The requested resource could not be found.');
    return found;
  }

  function bought(id: string): Shipment & { tracker: Tracker } {
    const found = shipment(id);
    if (!found.tracker) throw new Refusal(422, 'SHIPMENT.POSTAGE.REQUIRED', 'The shipment has no postage.');
    return { ...found, tracker: found.tracker };
  }

  return {
    shipments,
    scanForms,
    shipment,

    create(request: ShipmentRequest): Shipment {
      for (const { country } of [request.from_address, request.to_address]) {
        if (!/^[A-Z]{2}$/.test(country) || country === 'XX') {
          throw new Refusal(422, 'ADDRESS.COUNTRY.INVALID', 'Invalid country code.');
        }
      }
      const { from_address, to_address, is_return = false, reference = null } = request;
      const ends = is_return ? { from_address: to_address, to_address: from_address } : { from_address, to_address };
      const made: Shipment = {
        ...{ ...request, ...ends, reference, is_return, id: newId('shp'), created_at: new Date().toISOString() },
        ...{ ...rateShipment({ ...request, ...ends }), selected_rate: null, postage_label: null },
        ...{ tracking_code: null, tracker: null, refund_status: null, scan_form: null },
      };
      shipments.push(made);
      return made;
    },

    rerate(id: string): Rate[] {
      const found = shipment(id);
      Object.assign(found, rateShipment(found));
      return found.rates;
    },

    /** Once. Another rate than the newest is no longer for sale. */
    buy(id: string, rateId: string): Shipment {
      const found = shipment(id);
      if (found.tracker) throw new Refusal(422, 'SHIPMENT.POSTAGE.EXISTS', 'Postage already exists for this shipment.');
      const rate = found.rates.find((one) => one.id === rateId);
      if (!rate) throw new Refusal(422, 'SHIPMENT.MISSING_RATE', 'The rate is not of this shipment, or too old.');
      for (const { street1, zip, city, name } of [found.from_address, found.to_address]) {
        if (!street1 || !zip || !city || !name)
          throw new Refusal(422, 'SHIPMENT.MISSING_INFORMATION', 'Incomplete address.');
      }
      if (found.from_address.country !== found.to_address.country && !found.customs_info) {
        throw new Refusal(422, 'SHIPMENT.CUSTOMS_INFO.REQUIRED', 'Customs info is needed.');
      }
      const tracking_code = `94${Array.from({ length: 20 }, () => randomInt(10)).join('')}`;
      const tracker: Tracker = {
        ...{ id: newId('trk'), object: 'Tracker', tracking_code, carrier: rate.carrier, shipment_id: id },
        ...{ status: 'unknown', status_detail: 'unknown', signed_by: null, est_delivery_date: null },
        ...{
          carrier_detail: null,
          tracking_details: [],
          public_url: `https://track.easypost.example/${tracking_code}`,
        },
      };
      const format = found.options.label_format === 'PDF' ? 'application/pdf' : 'image/png';
      const label_url = `${url}/files/postage_label/${id}.pdf`;
      const postage_label = { id: newId('pl'), label_url, label_pdf_url: null, label_file_type: format };
      return Object.assign(found, { selected_rate: rate, tracking_code, tracker, postage_label });
    },

    refund(id: string): Shipment {
      const { tracker, refund_status } = bought(id);
      if (refund_status || !['unknown', 'pre_transit'].includes(tracker.status)) {
        throw new Refusal(422, 'SHIPMENT.REFUND.UNAVAILABLE', 'Unable to request refund.');
      }
      return Object.assign(shipment(id), { refund_status: 'submitted' });
    },

    scanForm(ids: string[]): ScanForm {
      const invalid = (message: string) => new Refusal(422, 'SCAN_FORM.SHIPMENTS.INVALID', message);
      const all = ids.map(bought);
      if (all.some(({ refund_status }) => refund_status)) throw invalid('Refunded shipments cannot be added.');
      if (all.some(({ scan_form }) => scan_form)) throw invalid('A shipment is on another scan form.');
      if (new Set(all.map(({ from_address }) => JSON.stringify(from_address))).size > 1) {
        throw invalid('Shipments must have the same origin address.');
      }
      if (new Set(all.map(({ selected_rate }) => selected_rate!.carrier)).size > 1) {
        throw new Refusal(422, 'SCAN_FORM.BATCH.MULTIPLE_CARRIERS', 'Shipments must be of one carrier.');
      }
      const id = newId('sf');
      const tracking_codes = all.map(({ tracker }) => tracker.tracking_code);
      const form: ScanForm = { id, status: 'created', tracking_codes, form_url: `${url}/files/scan_form/${id}.pdf` };
      for (const { id } of all) shipment(id).scan_form = form;
      scanForms.push(form);
      return form;
    },

    /** Newest first. */
    trackers: () => shipments.flatMap(({ tracker }) => tracker ?? []).reverse(),
  };
}
