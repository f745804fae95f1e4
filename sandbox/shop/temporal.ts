import { Client, Connection } from '@temporalio/client';

/** A client of a server that was just started, whatever the environment says. */
export async function connectTo(address: string): Promise<Client> {
  return new Client({ connection: await Connection.connect({ address }) });
}
