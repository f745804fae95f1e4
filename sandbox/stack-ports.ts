import { freePortRange, freePorts, requireFreePort } from './ports.ts';
import { ServerUnavailable } from './servers/unavailable.ts';
import { environment, portSettings } from './settings.ts';

export type PortName = keyof typeof portSettings;
export type StackPorts = Record<PortName, number>;

const names = Object.keys(portSettings) as PortName[];

/** Our own figures, and Temporal's on the port after it. */
export const portsPerWorker = 2;

/** The usual ports, or what the environment says instead. */
export async function fixedPorts(workers: number, unused: Set<PortName>): Promise<StackPorts> {
  const ports = Object.fromEntries(names.map((name) => [name, wanted(name)])) as StackPorts;
  for (const name of names) {
    if (unused.has(name)) continue;
    const count = name === 'metrics' ? workers * portsPerWorker : 1;
    for (let port = ports[name]; port < ports[name] + count; port++) {
      await requireFreePort(port, name, portSettings[name].variable);
    }
  }
  return ports;
}

export async function anyPorts(workers: number): Promise<StackPorts> {
  const ports = await freePorts(names.length);
  const metrics = await freePortRange(workers * portsPerWorker);
  return { ...(Object.fromEntries(names.map((name, index) => [name, ports[index]!])) as StackPorts), metrics };
}

function wanted(name: PortName): number {
  const { variable, usual } = portSettings[name];
  const text = environment()[variable];
  if (!text) return usual;
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new ServerUnavailable(`${variable} is ${text}. Remedy: set it to a port, a number from 1 to 65535.`);
}
