/**
 * What may be done with an order or a return as it stands, by the tables of states: the API names it where it refuses
 * something else, and a test tries every action in every state.
 */
import {
  hasEnded,
  mayGo,
  type OrderStatus,
  orderStates,
  type ReturnStatus,
  returnStates,
  type ShipmentStatus,
  shipmentInWarehouse,
  shipmentStates,
} from './states.ts';

export const orderActions = [
  'pay',
  'cancel',
  'cancel_lines',
  'edit',
  'hold',
  'release',
  'correct_address',
  'move_deadline',
  'pick',
  'pack',
  'hand_over',
  'refund',
  'return',
  'claim',
] as const;
export const returnActions = ['decide', 'receive', 'inspect', 'cancel', 'resolve', 'move_deadline'] as const;

export type OrderAction = (typeof orderActions)[number];
export type ReturnAction = (typeof returnActions)[number];

/** An order as far as it decides what may be done. */
export interface OrderFacts {
  status: OrderStatus;
  shipments: readonly ShipmentStatus[];
  /** Its customer can pay now: it waits for that, or is asked to confirm the payment anew. */
  isPaymentAwaited: boolean;
  isHeld: boolean;
  isWaiting: boolean;
  /** A pick was begun, money was captured, or a bank disputes it. */
  isFixed: boolean;
  /** A label is bought, or being bought. */
  isLabelled: boolean;
  /** Minor units that were captured and not promised back. */
  refundable: number;
  /** Units that were delivered and have not come back; and units that were handed over and nobody complained about. */
  returnable: number;
  claimable: number;
}

export function allowedOrderActions(order: OrderFacts): OrderAction[] {
  return orderActions.filter((action) => rules[action](order));
}

const isOpen = ({ status }: OrderFacts) => !hasEnded(orderStates, status);
const canGo =
  (to: ShipmentStatus) =>
  ({ shipments }: OrderFacts) =>
    shipments.some((status) => mayGo(shipmentStates, status, to));
/** Something of it has not left yet. */
const isHere = ({ shipments }: OrderFacts) => shipments.some((status) => shipmentInWarehouse.includes(status));
/** It is paid, and nobody has stopped it. */
const isWorkedOn = ({ status, isHeld }: OrderFacts) => !isHeld && mayGo(orderStates, status, 'completed');

const rules: Record<OrderAction, (order: OrderFacts) => boolean> = {
  pay: (order) => isOpen(order) && order.isPaymentAwaited,
  cancel: (order) => isOpen(order) && (isHere(order) || order.shipments.length === 0),
  cancel_lines: (order) => isOpen(order) && isHere(order) && order.status !== 'pending',
  edit: (order) => isOpen(order) && order.status !== 'pending' && isHere(order) && !order.isFixed,
  hold: (order) => isOpen(order) && isHere(order) && !order.isHeld,
  release: (order) => isOpen(order) && order.isHeld,
  correct_address: (order) => isOpen(order) && !order.isLabelled,
  move_deadline: (order) => isOpen(order) && order.isWaiting,
  pick: (order) => isWorkedOn(order) && order.shipments.includes('picking'),
  // Parcels that a carrier has refused are packed anew.
  pack: (order) =>
    isWorkedOn(order) && (canGo('packed')(order) || (order.shipments.includes('packed') && !order.isLabelled)),
  hand_over: (order) => isWorkedOn(order) && canGo('shipped')(order),
  refund: (order) => order.refundable > 0,
  return: (order) => order.returnable > 0,
  claim: (order) => order.claimable > 0,
};

interface ReturnFacts {
  status: ReturnStatus;
  isWaiting: boolean;
  /** A carrier brings a parcel back: it is sent again, or paid back. */
  isBroughtBack: boolean;
  /** It had called that delivered before. */
  isLate: boolean;
}

export function allowedReturnActions({ status, isWaiting, isBroughtBack, isLate }: ReturnFacts): ReturnAction[] {
  const may: Record<ReturnAction, boolean> = {
    decide: mayGo(returnStates, status, 'rejected'),
    receive: mayGo(returnStates, status, 'received'),
    inspect: mayGo(returnStates, status, 'inspected'),
    cancel: mayGo(returnStates, status, 'cancelled') && !isLate,
    resolve: isBroughtBack && !hasEnded(returnStates, status) && status !== 'inspected',
    move_deadline: isWaiting && !hasEnded(returnStates, status),
  };
  return returnActions.filter((action) => may[action]);
}
