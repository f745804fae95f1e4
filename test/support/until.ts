/** Polls until the condition holds. @throws Error after the deadline */
export async function until(condition: () => Promise<boolean>, what = String(condition), ms = 20_000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
