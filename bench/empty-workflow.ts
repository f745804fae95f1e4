/** The yardstick: a workflow that does nothing. */
export async function empty(): Promise<void> {}
