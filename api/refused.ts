/** Whoever is refused something as things stand is told what may be done instead. */
import { orderActionsOf, returnActionsOf } from '../activities/allowed-actions.ts';
import type { Mongo } from '../platform/mongo.ts';
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

interface Refused {
  /** The route's pattern, such as `/v1/orders/:id/cancel`. */
  path: string;
  params: { id?: string };
  body: unknown;
}

/** The same error; where it is such a refusal, with `allowedActions` of the order or return that the request is about. */
export async function withAllowedActions(mongo: Mongo, refused: Refused, error: unknown): Promise<unknown> {
  if (!(error instanceof Problem) || !byState.includes(error.kind)) return error;
  const allowedActions = await actionsFor(mongo, refused);
  if (allowedActions === undefined) return error;
  return new Problem(error.kind, error.message, { ...error.extra, allowedActions }, error.cause);
}

async function actionsFor(mongo: Mongo, { path, params: { id = '' }, body }: Refused): Promise<string[] | undefined> {
  const ofShipment = async (shipmentId: string) => {
    const shipment = await mongo.models.shipments.findById(shipmentId, { orderId: 1 }).lean();
    return shipment ? orderActionsOf(mongo, shipment.orderId) : undefined;
  };
  if (path.startsWith('/v1/orders/:id/')) return orderActionsOf(mongo, id);
  if (path.startsWith('/v1/returns/:id/')) return returnActionsOf(mongo, id);
  if (path.startsWith('/v1/shipments/:id/')) return ofShipment(id);
  // A list of one shipment is about its order.
  const { shipmentIds = [] } = (body ?? {}) as { shipmentIds?: string[] };
  if (path === '/v1/pick-lists' && shipmentIds.length === 1) return ofShipment(shipmentIds[0]!);
  return undefined;
}
