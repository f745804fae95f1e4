/**
 * Loaded once for all workflows of a worker. The SDK takes a stack trace of every promise that a workflow makes; at the
 * usual ten frames that is a third of what a workflow costs a worker. Four still name the place in our code.
 */
(Error as { stackTraceLimit?: number }).stackTraceLimit = 4;
