/** What is said to a return. */
import { condition, setHandler } from '@temporalio/workflow';
import { commitDecision } from './activities.ts';
import { listenForAnswers } from './answers.ts';
import { listenForDeadlines } from './deadlines.ts';
import { limits } from './domain/limits.ts';
import type { ReturnStatus } from './domain/states.ts';
import { hasEnded, returnStates } from './domain/states.ts';
import { listenForExchangeNews } from './exchange.ts';
import type {
  CancelInput,
  DecideReturnInput,
  InspectReturnInput,
  ReceiveReturnInput,
  ResolveReturnInput,
} from './messages.ts';
import * as messages from './messages.ts';
import { listenForRefunds } from './refund.ts';
import { moveReturn, type Return } from './return-context.ts';

/** Called before the workflow's first await. Validators refuse what does not fit, so that two tabs have one effect. */
export function listenToReturnMessages(work: Return): void {
  const { record } = work;
  const { state } = record;
  const passed = (...statuses: ReturnStatus[]) => !statuses.includes(state.status);
  const when = (...statuses: ReturnStatus[]) => {
    if (!statuses.includes(state.status))
      throw new Error(`The return is ${state.status}; this needs ${statuses.join(' or ')}`);
  };
  const done = async () => {
    await record.saved();
    return { status: state.status };
  };

  setHandler(messages.returnState, () => state);
  setHandler(
    messages.decideReturn,
    async (input) => {
      commitDecision();
      work.decision = input;
      await condition(() => passed('requested'));
      return done();
    },
    {
      validator(_input: DecideReturnInput) {
        when('requested');
        if (work.decision) throw new Error(`It is ${work.decision.approve ? 'approved' : 'rejected'} already`);
        if (work.isAsked === undefined) throw new Error('The policy has not decided yet: try again');
        if (!work.isAsked) throw new Error('The policy has decided: nobody is asked');
      },
    },
  );
  setHandler(
    messages.receiveReturn,
    async (input) => {
      commitDecision();
      work.arrivals.push(input);
      work.isAllHere = input.more !== true;
      work.announced += 1;
      const number = work.announced;
      await condition(() => work.recorded >= number);
      return done();
    },
    {
      validator({ more, after = work.announced }: ReceiveReturnInput) {
        when('approved', 'in_transit');
        if (work.isGivenUp)
          throw new Error('It is being given up, and its exchange called off: say it again in a moment');
        if (after !== work.announced)
          throw new Error(
            'Somebody else has written down a parcel of it meanwhile: look at what came, and say it again',
          );
        if (more && work.announced >= limits.parcels)
          throw new Error(`${work.announced} parcels of it came already: say that this is the last`);
        if (work.isAllHere) throw new Error('What came back is written down already, and nothing more is expected');
      },
    },
  );
  setHandler(
    messages.inspectReturn,
    async (input) => {
      commitDecision();
      work.inspection = input;
      await condition(() => passed('received'));
      return done();
    },
    {
      validator(_input: InspectReturnInput) {
        when('received');
        if (work.inspection) throw new Error('It is inspected already');
      },
    },
  );
  setHandler(
    messages.resolveReturn,
    async ({ resolution, actor, reason }) => {
      const before = state.resolution ?? 'refund';
      state.resolution = resolution;
      record.changed(`To be settled by ${resolution}`, actor, { why: reason, before, after: resolution });
      return done();
    },
    {
      validator(_input: ResolveReturnInput) {
        if (!work.parcel)
          throw new Error('Only what the carrier brings back can be sent again; this return is paid back');
        when('in_transit', 'received');
        if (work.isSettled) throw new Error('It is being settled');
      },
    },
  );
  setHandler(
    messages.cancelReturn,
    async (input) => {
      commitDecision();
      work.cancelled ??= input;
      // The exchange can have left before it was called off: then the goods have to come.
      const goesOn = () => passed('requested', 'approved') || work.cancelled === undefined;
      await condition(() => hasEnded(returnStates, state.status) || goesOn());
      return done();
    },
    {
      validator(_input: CancelInput) {
        when('requested', 'approved');
        if (work.isLate) throw new Error('The carrier brings it back: it is received, or it expires');
      },
    },
  );
  setHandler(messages.returnMoved, ({ status }) => {
    if (work.cancelled) return;
    if (status === 'in_transit' && state.status === 'approved')
      moveReturn(work, 'in_transit', 'On its way back', 'carrier');
  });
  listenForExchangeNews(work);
  listenForAnswers(record);
  listenForDeadlines(record);
  work.refundHints = listenForRefunds();
}
