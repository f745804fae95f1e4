/** Starts, updates and signals of workflows, with their errors told apart. Every wait is bounded. */
import { randomUUID } from 'node:crypto';
import {
  type Client,
  isGrpcServiceError,
  ServiceError,
  WithStartWorkflowOperation,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import {
  ApplicationFailure,
  type SignalDefinition,
  type UpdateDefinition,
  WorkflowIdConflictPolicy,
} from '@temporalio/common';
import { orderStart, startManifest, workflowTypes } from '../activities/starts.ts';
import type { Order } from '../models/order.ts';
import { failures } from '../workflows/domain/failures.ts';
import {
  type ManifestInput,
  type OrderState,
  orderState,
  type PlaceOutcome,
  placeOrder,
  type QuoteInput,
  taskQueues,
  type WalletAsk,
  workflowIds,
} from '../workflows/messages.ts';
import type { Api, Idempotency } from './endpoint.ts';
import { requireSameBody, updateIdOf } from './idempotency.ts';
import { Problem } from './problem.ts';

/** Milliseconds that a caller waits for a workflow before it is sent away with a 202. */
const PLACE_WAIT = 10_000;
const UPDATE_WAIT = 10_000;
const QUERY_WAIT = 3_000;
const START_WAIT = 5_000;
const ASK_WAIT = 10_000;

/** `ACCEPTED` in temporal.api.enums.v1.UpdateWorkflowExecutionLifecycleStage. */
const acceptedStage = 2;
const grpcNotFound = 5;
const grpcFailedPrecondition = 9;

/**
 * Places an order by update-with-start. The same order joins its own workflow, so that it can be called again.
 * `undefined` where the outcome is not known in time; the workflow runs then.
 * @throws where the workflow was not started
 */
export async function place(
  client: Client,
  order: Pick<Order, '_id' | 'placeBefore'>,
): Promise<PlaceOutcome | undefined> {
  const start = orderStart({ orderId: order._id, placeBefore: order.placeBefore.toISOString() });
  const startWorkflowOperation = new WithStartWorkflowOperation(workflowTypes.order, start);
  try {
    return await client.withDeadline(Date.now() + PLACE_WAIT, () =>
      client.workflow.executeUpdateWithStart(placeOrder, { updateId: placeOrder.name, startWorkflowOperation }),
    );
  } catch (error) {
    // Ended before, and forgotten by name of its update: MongoDB says how.
    if (error instanceof WorkflowExecutionAlreadyStartedError) return undefined;
    if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError && (await exists(client, start.workflowId)))
      return undefined;
    throw error;
  }
}

/** A workflow's start, with an end to the wait. */
export function started(client: Client, start: (client: Client) => Promise<void>): Promise<void> {
  return client.withDeadline(Date.now() + START_WAIT, () => start(client));
}

/**
 * `undefined` where the workflow took the update on, but did not finish it in time.
 * @throws Problem not-allowed-now with the workflow's own reason, order-ended, idempotency-key-reused, or unavailable where
 * no worker took it
 */
export async function update<Ret, Input>(
  { mongo, temporal: client }: Pick<Api, 'mongo' | 'temporal'>,
  workflowId: string,
  definition: UpdateDefinition<Ret, [Input]>,
  input: Input,
  /** Updates with one id are one: a fixed name, or the request's key. */
  once?: Idempotency | string,
): Promise<Ret | undefined> {
  if (typeof once === 'object') await requireSameBody(mongo, once);
  const updateId = typeof once === 'string' ? once : once ? updateIdOf(once) : randomUUID();
  try {
    return await client.withDeadline(Date.now() + UPDATE_WAIT, () =>
      sent(() =>
        client.workflow.getHandle(workflowId).executeUpdate(definition, { args: [input] as [Input], updateId }),
      ),
    );
  } catch (error) {
    if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError && (await isAccepted(client, workflowId, updateId)))
      return undefined;
    if (error instanceof WorkflowNotFoundError) throw ended();
    if (error instanceof WorkflowUpdateFailedError) throw refused(error);
    throw error;
  }
}

/**
 * Temporal lets go of an update where its workflow would have ended beside a message that it had not seen: it is sent again.
 * So is a refused one, once: what died with its worker after it had saved is gone through again, and whoever acts on what
 * MongoDB says already meets the workflow as it was before.
 */
export async function sent<T>(update: () => Promise<T>): Promise<T> {
  let refused = false;
  for (let tries = 1; ; tries++) {
    try {
      return await update();
    } catch (error) {
      const again = error instanceof WorkflowUpdateFailedError ? !refused : isLetGo(error) && tries < 3;
      if (!again) throw error;
      refused ||= error instanceof WorkflowUpdateFailedError;
    }
  }
}

function isLetGo(error: unknown): boolean {
  const cause = error instanceof ServiceError ? error.cause : undefined;
  return isGrpcServiceError(cause) && cause.code === grpcFailedPrecondition;
}

/** @throws Problem order-ended */
export async function signal<Args extends unknown[]>(
  client: Client,
  workflowId: string,
  definition: SignalDefinition<Args>,
  ...args: Args
): Promise<void> {
  try {
    await client.withDeadline(Date.now() + START_WAIT, () =>
      client.workflow.getHandle(workflowId).signal(definition, ...args),
    );
  } catch (error) {
    throw error instanceof WorkflowNotFoundError ? ended() : error;
  }
}

/**
 * Has the providers answer what a quote needs of them.
 * @throws Problem not-taxable where Stripe knows no taxes for the destination, unavailable where it does not answer in time
 */
export async function askProviders(client: Client, input: QuoteInput): Promise<void> {
  try {
    await ask(client, workflowTypes.quote, workflowIds.quote(input.quoteId), input);
  } catch (error) {
    const cause = error instanceof WorkflowFailedError ? rootOf(error) : undefined;
    if (cause instanceof ApplicationFailure && cause.type === failures.taxRefused)
      throw new Problem('not-taxable', 'The taxes of this address cannot be worked out: is the postal code right?');
    if (cause) throw new Problem('unavailable', 'The price cannot be worked out at the moment; try again', {}, error);
    throw error;
  }
}

/**
 * Has the provider change what a customer has saved there.
 * @throws Problem unavailable where it does not answer in time; asked again, it is done once all the same
 */
export async function askWallet(client: Client, input: WalletAsk): Promise<void> {
  try {
    await ask(client, workflowTypes.askWallet, workflowIds.walletAsk(input), input);
  } catch (error) {
    if (error instanceof WorkflowFailedError)
      throw new Problem('unavailable', 'The payment provider does not answer at the moment; try again', {}, error);
    throw error;
  }
}

/** Has the carriers make the papers of a hand-over. Nobody waits for them; asked again it is the same. */
export function startManifests(client: Client, input: ManifestInput): Promise<void> {
  return started(client, (bounded) => startManifest(bounded, input));
}

/** Runs a short workflow to its end. Who asks for the same at the same time joins it. */
async function ask(client: Client, type: string, workflowId: string, input: object): Promise<void> {
  const options = {
    ...{ workflowId, taskQueue: taskQueues.orders, args: [input], workflowExecutionTimeout: ASK_WAIT },
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
  };
  await client.withDeadline(Date.now() + ASK_WAIT, () => client.workflow.execute(type, options));
}

function rootOf(error: Error): unknown {
  return error.cause instanceof Error ? rootOf(error.cause) : error;
}

/** The order's state as its workflow knows it this moment. */
export function queryOrder(client: Client, orderId: string): Promise<OrderState> {
  return client.withDeadline(Date.now() + QUERY_WAIT, () =>
    client.workflow.getHandle(workflowIds.order(orderId)).query(orderState),
  );
}

/** A time-out says nothing about whether the server was reached; this does. */
async function exists(client: Client, workflowId: string): Promise<boolean> {
  try {
    await client.withDeadline(Date.now() + QUERY_WAIT, () => client.workflow.getHandle(workflowId).describe());
    return true;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

/** Before a worker has accepted it, an update is not in the workflow's history, and the server may forget it. */
async function isAccepted(client: Client, workflowId: string, updateId: string): Promise<boolean> {
  const { namespace } = client.options;
  const updateRef = { workflowExecution: { workflowId }, updateId };
  try {
    const { stage } = await client.withDeadline(Date.now() + QUERY_WAIT, () =>
      client.workflowService.pollWorkflowExecutionUpdate({ namespace, updateRef }),
    );
    return (stage ?? 0) >= acceptedStage;
  } catch (error) {
    if (isGrpcServiceError(error) && error.code === grpcNotFound) return false;
    throw error;
  }
}

function refused({ cause }: WorkflowUpdateFailedError): Problem {
  if (cause instanceof ApplicationFailure && cause.type === 'AcceptedUpdateCompletedWorkflow') return ended();
  return new Problem('not-allowed-now', cause?.message ?? 'The workflow refused it');
}

function ended(): Problem {
  return new Problem('order-ended', 'Its workflow has ended, or has not been started');
}
