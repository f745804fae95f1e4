/** What a return's story, its arrival and its message handlers share. */
import type { ParcelIds } from './activities.ts';
import { commitDecision, local } from './activities.ts';
import type { ReturnStatus } from './domain/states.ts';
import { hasEnded, mayGo, returnStates } from './domain/states.ts';
import type {
  Actor,
  CancelInput,
  DecideReturnInput,
  InspectReturnInput,
  ReceiveReturnInput,
  ReturnState,
} from './messages.ts';
import type { Record } from './record.ts';
import { createRecord } from './record.ts';

export interface Return {
  id: string;
  record: Record<ReturnState>;
  /** The parcel that the carrier brings back, of a return that nobody has asked for. */
  parcel?: ParcelIds | undefined;
  /** A carrier brings back what it had called delivered. */
  isLate: boolean;
  /** Somebody has announced it, and is told how to send it. */
  isAnnounced: boolean;
  /** The policy leaves it to a person; undefined until it is known. */
  isAsked?: boolean;
  decision?: DecideReturnInput;
  /** Parcels that came, and are not written down yet. */
  arrivals: ReceiveReturnInput[];
  /** How many were announced, and written down. */
  announced: number;
  recorded: number;
  /** Nothing more is expected. */
  isAllHere: boolean;
  /** Until when it is waited for, in milliseconds since 1970. */
  arriveBy?: number;
  /** Units that there are to inspect. */
  units: number;
  inspection?: InspectReturnInput;
  /** It is settled, or is about to be: nobody decides about it any more. */
  isSettled: boolean;
  cancelled?: CancelInput | undefined;
  /** Nothing comes of it, and so of its exchange. */
  isGivenUp: boolean;
  /** The order in exchange has come to its end; and how often it said that it had left, when it was to be called off. */
  exchangeEnded: boolean;
  exchangeLeft: number;
  refundHints: { count: number };
}

export function createReturn(returnId: string): Return {
  const record = createRecord<ReturnState>({
    state: { returnId, orderId: '', rev: 0, status: 'requested', incidents: [], timeline: [] },
    mailKey: returnId,
    ended: ({ status }) => hasEnded(returnStates, status),
    save: (state, mails) => local.saveReturn({ state, mails }),
  });
  return {
    ...{ id: returnId, record, arrivals: [], announced: 0, recorded: 0, isAllHere: false, units: 0 },
    ...{
      isLate: false,
      isAnnounced: false,
      isSettled: false,
      isGivenUp: false,
      exchangeEnded: false,
      exchangeLeft: 0,
      refundHints: { count: 0 },
    },
  };
}

export function moveReturn(work: Return, to: ReturnStatus, what: string, actor: Actor = 'system', why?: string): void {
  const { state } = work.record;
  commitDecision();
  if (!mayGo(returnStates, state.status, to)) throw new Error(`A return cannot go from ${state.status} to ${to}`);
  const before = state.status;
  state.status = to;
  work.record.changed(what, actor, { why, before, after: to });
}
