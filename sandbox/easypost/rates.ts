import { newId } from './ids.ts';
import type { Rate, Shipment } from './objects.ts';

/** US cents for a parcel, and for each pound begun. */
const services = [
  { carrier: 'USPS', service: 'GroundAdvantage', parcel: 500, pound: 90, days: 3, abroad: false },
  { carrier: 'USPS', service: 'Priority', parcel: 690, pound: 120, days: 2, abroad: false },
  { carrier: 'USPS', service: 'PriorityMailInternational', parcel: 3900, pound: 450, days: null, abroad: true },
  { carrier: 'UPS', service: 'Ground', parcel: 910, pound: 85, days: 4, abroad: false },
  { carrier: 'UPS', service: 'WorldwideSaver', parcel: 7200, pound: 700, days: 3, abroad: true },
];

/** Units of a currency for a dollar, and how many decimals it has. */
const currencies = new Map([
  ['USD', [1, 2]],
  ['EUR', [0.9, 2]],
  ['JPY', [150, 0]],
]);

const maxOunces = 70 * 16;

/** Nobody carries more than 70 pounds, or goes to ZIP code 00000. Whoever has no price in a currency answers in dollars. */
export function rateShipment(
  shipment: Pick<Shipment, 'from_address' | 'to_address' | 'parcel' | 'options'>,
): Pick<Shipment, 'rates' | 'messages'> {
  const { from_address, to_address, parcel, options } = shipment;
  const abroad = from_address.country !== to_address.country;
  const offered = services.filter((one) => one.abroad === abroad);
  const served = parcel.weight <= maxOunces && ![from_address.zip, to_address.zip].includes('00000');
  if (!served) {
    const message = 'Unable to retrieve rates for this shipment.';
    return { rates: [], messages: offered.map(({ carrier }) => ({ carrier, type: 'rate_error', message })) };
  }
  const asked = options.currency ?? 'USD';
  const currency = currencies.has(asked) ? asked : 'USD';
  const [perDollar, decimals] = currencies.get(currency) as [number, number];
  const rates = offered.flatMap(({ carrier, service, parcel: base, pound, days }): Rate[] => {
    const dollars = (base + pound * Math.ceil(parcel.weight / 16)) / 100;
    const about = { carrier, service, currency, delivery_days: days, est_delivery_days: days };
    const at = (share: number) => ({
      ...about,
      id: newId('rate'),
      rate: (dollars * perDollar * share).toFixed(decimals),
    });
    // An account with two contracts: the same service twice.
    return service === 'Priority' ? [at(1.2), at(1)] : [at(1)];
  });
  return { rates, messages: [] };
}
