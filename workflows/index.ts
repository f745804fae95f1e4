export { dispute } from './dispute.ts';
export { manifest } from './manifest.ts';
export { order } from './order.ts';
export { pollCarrier, pollStripe } from './poll.ts';
export { quote } from './quote.ts';
export { reconcile, reconcileDue } from './reconcile.ts';
export { refund } from './refund.ts';
export { returnGoods } from './return.ts';
export { askWallet, readWallet } from './wallet.ts';
