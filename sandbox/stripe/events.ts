/** What happened, as the API tells it afterwards: for thirty days, and to those who ask what they have missed. */
import { invalidRequest, noSuch } from './errors.ts';
import type { SandboxEvent, Store } from './store.ts';

const KEPT_SECONDS = 30 * 86_400;

export function eventsOf(
  store: Store,
  wanted: {
    type?: string;
    types?: string[];
    created?: (created: number) => boolean;
    delivery_success?: boolean;
  },
): SandboxEvent[] {
  const { type, types, created, delivery_success } = wanted;
  if (type !== undefined && types !== undefined) {
    throw invalidRequest('You may only specify one of these parameters: type, types.', {
      code: 'parameters_exclusive',
      param: 'type',
    });
  }
  if (types && types.length > 20) throw invalidRequest('You may specify at most 20 types.', { param: 'types' });
  return [...store.events.values()].filter(
    (event) =>
      isKept(store, event) &&
      (type === undefined || matches(event.type, type)) &&
      (types === undefined || types.includes(event.type)) &&
      (created?.(event.created) ?? true) &&
      (delivery_success === undefined || isDelivered(store, event) === delivery_success),
  );
}

export function eventOf(store: Store, id: string): SandboxEvent {
  const event = store.events.get(id);
  if (!event || !isKept(store, event)) throw noSuch('event', id);
  return event;
}

const isKept = (store: Store, event: SandboxEvent): boolean => event.created > store.now() - KEPT_SECONDS;

/** Where no endpoint wanted it, there is nothing to deliver. */
const isDelivered = (store: Store, event: SandboxEvent): boolean =>
  event.pending_webhooks === 0 || store.delivered.get(event.id) === true;

/** A `*` at the end stands for all that begins so. */
const matches = (type: string, pattern: string): boolean =>
  pattern.endsWith('*') ? type.startsWith(pattern.slice(0, -1)) : type === pattern;
