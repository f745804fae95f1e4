/** Whoever is refused something as things stand is told what may be done instead. */
import { orderActionsOf, returnActionsOf } from '../activities/allowed-actions.ts';
import type { Mongo } from '../platform/mongo.ts';
import type { OrderAction, ReturnAction } from '../workflows/domain/actions.ts';
import { isFor, type Permission } from './auth.ts';
import type { Caller } from './endpoint.ts';
import { Problem, type ProblemKind } from './problem.ts';

/** What another state of the order would let pass. */
const byState: readonly ProblemKind[] = [
  'not-allowed-now',
  'order-ended',
  'refund-refused',
  'return-refused',
  'claim-refused',
  'edit-refused',
];

/** What whoever may do it needs. */
const permissionsOf: Record<OrderAction, Permission> = {
  pay: 'orders.pay',
  cancel: 'orders.cancel',
  cancel_lines: 'orders.cancel',
  edit: 'orders.edit',
  hold: 'orders.support',
  release: 'orders.support',
  correct_address: 'orders.support',
  move_deadline: 'orders.support',
  pick: 'shipments.work',
  pack: 'shipments.work',
  hand_over: 'shipments.work',
  refund: 'refunds.open',
  return: 'returns.open',
  claim: 'claims.open',
};
const returnPermissions: Record<ReturnAction, Permission> = {
  decide: 'returns.decide',
  receive: 'returns.work',
  inspect: 'returns.work',
  cancel: 'returns.cancel',
  resolve: 'returns.decide',
  move_deadline: 'returns.decide',
};

interface Refused {
  /** The route's pattern, such as `/v1/orders/:id/cancel`. */
  path: string;
  params: { id?: string };
  body: unknown;
  caller: Caller;
}

/** The same error; where it is such a refusal, with what this caller may do instead with the order or the return. */
export async function withAllowedActions(mongo: Mongo, refused: Refused, error: unknown): Promise<unknown> {
  if (!(error instanceof Problem) || !byState.includes(error.kind)) return error;
  const allowedActions = await allowedFor(mongo, refused);
  if (allowedActions === undefined) return error;
  return new Problem(error.kind, error.message, { ...error.extra, allowedActions }, error.cause);
}

async function allowedFor(
  mongo: Mongo,
  { path, params: { id = '' }, body, caller }: Refused,
): Promise<string[] | undefined> {
  const ofOrder = async (orderId: string) =>
    (await orderActionsOf(mongo, orderId)).filter((action) => isFor(caller, permissionsOf[action]));
  const ofShipment = async (shipmentId: string) => {
    const shipment = await mongo.models.shipments.findById(shipmentId, { orderId: 1 }).lean();
    return shipment ? ofOrder(shipment.orderId) : undefined;
  };
  if (path.startsWith('/v1/orders/:id/')) return ofOrder(id);
  if (path.startsWith('/v1/returns/:id/'))
    return (await returnActionsOf(mongo, id)).filter((action) => isFor(caller, returnPermissions[action]));
  if (path.startsWith('/v1/shipments/:id/')) return ofShipment(id);
  // A list of one shipment is about its order.
  const { shipmentIds = [] } = (body ?? {}) as { shipmentIds?: string[] };
  if (path === '/v1/pick-lists' && shipmentIds.length === 1) return ofShipment(shipmentIds[0]!);
  return undefined;
}
