import type { OwnedProcess } from './processes.ts';
import type { Say } from './servers/resolve.ts';

/** A server that was started; without a child it is somebody else's. */
interface Started {
  child?: OwnedProcess;
}
interface Child {
  start: () => Promise<Started>;
  process?: OwnedProcess;
  /** We end it ourselves: then its end is no news. */
  ending: boolean;
}

const ends: NodeJS.Signals[] = ['SIGKILL', 'SIGTERM', 'SIGINT'];

/** The processes of a stack by name, with how to start each again. */
export function createChildren(say: Say) {
  const children = new Map<string, Child>();

  async function run(name: string, child: Child): Promise<Started> {
    const started = await child.start();
    child.process = started.child;
    child.ending = false;
    void child.process?.ended.then((how) => {
      if (!child.ending) say(`${name} ended by itself (${how}). Its log: ${child.process?.logFile}`);
    });
    return started;
  }

  async function end(name: string, child: Child): Promise<void> {
    child.ending = true;
    if (!child.process?.isRunning()) return;
    await child.process.stop();
    if ((await child.process.ended) === 'signal SIGKILL') say(`${name} did not stop in time and was killed`);
  }

  function named(name: string): Child {
    const child = children.get(name);
    if (!child) throw new Error(`There is no process ${name} in this stack, only ${[...children.keys()].join(', ')}.`);
    return child;
  }

  return {
    async start<S extends Started>(name: string, start: () => Promise<S>): Promise<S> {
      const child: Child = { start, ending: false };
      children.set(name, child);
      return (await run(name, child)) as S;
    },

    async restart(name: string): Promise<void> {
      const child = named(name);
      await end(name, child);
      await run(name, child);
    },

    async kill(name: string, signal: NodeJS.Signals): Promise<void> {
      const child = named(name);
      if (!child.process) throw new Error(`${name} is somebody else's server: it cannot be sent ${signal} from here.`);
      if (ends.includes(signal)) child.ending = true;
      child.process.kill(signal);
      if (ends.includes(signal)) await child.process.ended;
    },

    running(): { name: string; pid: number }[] {
      return [...children].flatMap(([name, { process }]) => (process?.isRunning() ? [{ name, pid: process.pid }] : []));
    },

    /** No new work first, then the work at hand, then what all of them need. */
    async stopAll(): Promise<void> {
      const named = (wanted: (name: string) => boolean) =>
        Promise.all([...children].filter(([name]) => wanted(name)).map(([name, child]) => end(name, child)));
      await named((name) => name === 'api');
      await named((name) => name.startsWith('worker-'));
      await named(() => true);
    },
  };
}
