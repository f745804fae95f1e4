import { ApplicationFailure } from '@temporalio/common';
import { failures } from '../workflows/domain/failures.ts';

/** A record that must be there is not, or contradicts what the step was told. Retrying cannot cure it. */
export function broken(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, failures.recordBroken);
}
