/** What prices depend on, read for one cart. */
import type { Product } from '../../models/catalogue.ts';
import type { StoreSettings } from '../../models/store.ts';
import { defaultSettings } from '../../models/store.ts';
import { findOneBy } from '../../platform/documents.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { remembered } from '../../platform/remember.ts';
import type { DeliveryMethod } from '../../workflows/domain/delivery.ts';
import type { PriceBook } from '../../workflows/domain/pricing.ts';
import type { Promotion } from '../../workflows/domain/promotions.ts';
import type { TaxRate } from '../../workflows/domain/taxes.ts';
import { productsOf } from '../stock/availability.ts';
import { activeWarehouses, senderOf } from '../stock/warehouses.ts';

/** What hardly changes and every cart asks for. */
interface Rules {
  /** Those that apply by themselves. */
  promotions: readonly Promotion[];
  rates: readonly TaxRate[];
  deliveryMethods: readonly DeliveryMethod[];
  settings: StoreSettings;
}

/** As of a second ago at the most. */
const storeRules = remembered(1_000, readRules);

async function readRules({ models }: Mongo): Promise<Rules> {
  const [promotions, rates, deliveryMethods, settings] = await Promise.all([
    models.promotions.find({ active: true, code: { $exists: false } }).lean(),
    models.taxRates.find().lean(),
    models.deliveryMethods.find({ active: true }).lean(),
    models.settings.findById('store').lean<StoreSettings>(),
  ]);
  return {
    promotions: promotions.map(withId) as unknown as Promotion[],
    rates: rates.map(withId) as unknown as TaxRate[],
    deliveryMethods: deliveryMethods.map(withId) as unknown as DeliveryMethod[],
    settings: settings ?? defaultSettings,
  };
}

/** For `price`. Products that are not in the catalogue are not in it. */
export interface StoreBook extends PriceBook {
  products: ReadonlyMap<string, Product & { sku: string }>;
  settings: StoreSettings;
}

export async function priceBook(
  mongo: Mongo,
  { skus, codes }: { skus: readonly string[]; codes: readonly string[] },
): Promise<StoreBook> {
  const [products, { promotions, rates, deliveryMethods, settings }, warehouses, byCode] = await Promise.all([
    productsOf(mongo, skus),
    storeRules(mongo),
    activeWarehouses(mongo),
    Promise.all([...new Set(codes)].map((code) => findOneBy(mongo.models.promotions, 'code', code))),
  ]);
  const { source: _, ...taxes } = settings.taxes;
  return {
    products: new Map([...products].map(([sku, product]) => [sku, { ...product, sku }])),
    promotions: [...promotions, ...byCode.flatMap((each) => (each ? (withId(each) as unknown as Promotion) : []))],
    taxes: { rates, ...taxes },
    deliveryMethods,
    warehouses: warehouses.map(senderOf),
    settings,
  };
}

function withId<T extends { _id: string }>({ _id: id, ...fields }: T) {
  return { id, ...fields };
}
