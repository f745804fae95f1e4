import { z } from 'zod';

/**
 * - `fail_before`, `fail_after`: a 500 before the work is done, or after it.
 * - `lose_reply`: the work is done, and the connection breaks instead of an answer.
 * - `slow`: the work begins `ms` later.
 * - `refuse`: 422 with the code carrier_account_blocked.
 */
const faultRequest = z.strictObject({
  operation: z.string(),
  kind: z.enum(['fail_before', 'fail_after', 'lose_reply', 'slow', 'refuse']),
  /** Only calls whose body names this reference; any call where it is not given. */
  reference: z.string().optional(),
  times: z.int().positive().default(1),
  ms: z.int().nonnegative().max(120_000).default(2_000),
});
type Fault = z.infer<typeof faultRequest> & { fired: number };

/** The faults that were ordered, each firing `times` times, in the order in which they were ordered. */
export function createFaults(operations: readonly string[]) {
  let faults: Fault[] = [];
  return {
    request: faultRequest.extend({ operation: z.enum([...operations, '*']) }),
    add(request: z.infer<typeof faultRequest>): Fault {
      const fault = { ...request, fired: 0 };
      faults.push(fault);
      return fault;
    },
    list: (): Fault[] => faults,
    clear(): void {
      faults = [];
    },
    /** The fault to be played in this call of the operation, counted as fired. */
    take(operation: string, body: string): Fault | undefined {
      const fault = faults.find(
        (one) =>
          one.fired < one.times &&
          (one.operation === '*' || one.operation === operation) &&
          (one.reference === undefined || body.includes(`"${one.reference}"`)),
      );
      if (fault) fault.fired += 1;
      return fault;
    },
  };
}
