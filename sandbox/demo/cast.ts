/** The demo's orders: each a short story, told over the public REST API. */
import type { Story } from './acts.ts';
import { storiesAfterTheSale } from './aftersales.ts';
import { storiesOfGoods } from './goods.ts';
import { storiesOfMoney } from './money.ts';
import { storiesOfTheWarehouse } from './warehouse.ts';

export const cast: Story[] = [...storiesOfGoods, ...storiesOfTheWarehouse, ...storiesOfMoney, ...storiesAfterTheSale];
