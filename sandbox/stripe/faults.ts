import { BadControl } from './errors.ts';

const KINDS = ['fail_before', 'fail_after', 'lose_reply', 'drop', 'slow', 'rate_limit'] as const;
type FaultKind = (typeof KINDS)[number];

export interface Fault {
  operation: string;
  kind: FaultKind;
  /** How often it strikes; `fired` counts how often it did. */
  times: number;
  ms: number;
  fired: number;
}

export interface Faults {
  /** Arms a fault. Throws BadControl where the request is wrong. */
  arm(request: unknown): Fault;
  /** The fault that strikes this request, if any; it then counts as fired. A replayed answer cannot fail after its work. */
  strike(operation: string, replay: boolean): Fault | undefined;
  /** While it is down every connection breaks. */
  setDown(down: boolean): { down: boolean };
  isDown(): boolean;
  list(): Fault[];
  clear(): void;
}

export function createFaults(operations: string[]): Faults {
  let armed: Fault[] = [];
  let down = false;
  return {
    arm(request) {
      const { operation, kind, times = 1, ms = 1000 } = request as Partial<Fault>;
      const known = [...operations, '*'];
      if (!known.includes(operation!)) throw new BadControl(`operation must be one of ${known.join(', ')}`);
      if (!KINDS.includes(kind!)) throw new BadControl(`kind must be one of ${KINDS.join(', ')}`);
      if (!Number.isInteger(times) || times < 1) throw new BadControl('times must be a whole number from 1');
      if (!Number.isInteger(ms) || ms < 0) throw new BadControl('ms must be a whole number of milliseconds');
      const fault: Fault = { operation: operation!, kind: kind!, times, ms, fired: 0 };
      armed.push(fault);
      return fault;
    },
    strike(operation, replay) {
      const fault = armed.find(
        (candidate) =>
          candidate.fired < candidate.times &&
          (candidate.operation === '*' || candidate.operation === operation) &&
          !(replay && candidate.kind === 'fail_after'),
      );
      if (fault) fault.fired += 1;
      return fault;
    },
    setDown(next) {
      down = next;
      return { down };
    },
    isDown: () => down,
    list: () => armed,
    clear: () => {
      armed = [];
    },
  };
}
