/** Remembers for a while what was read for a context: for what changes rarely and is asked for all the time. */
export function remembered<Context extends object, T>(
  freshMs: number,
  read: (context: Context) => Promise<T>,
): (context: Context) => Promise<T> {
  const known = new WeakMap<Context, { at: number; answer: Promise<T> }>();
  return (context) => {
    const before = known.get(context);
    if (before && Date.now() - before.at < freshMs) return before.answer;
    const answer = read(context);
    known.set(context, { at: Date.now(), answer });
    answer.catch(() => known.delete(context));
    return answer;
  };
}
