/** The frame of every command and process: a failure is told in words, without a stack, and ends it with an exit code. */
export async function main(run: () => Promise<void>, exitCode = 1): Promise<void> {
  try {
    await run();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(exitCode);
  }
}
