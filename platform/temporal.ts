/** Connections to Temporal. Address, namespace, TLS and API key follow Temporal's own environment variables and files. */
import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection } from '@temporalio/worker';

export async function connectClient(): Promise<Client> {
  const { connectionOptions, namespace } = loadClientConnectConfig();
  const connection = await Connection.connect(connectionOptions).catch(unreachable(connectionOptions.address));
  return new Client({ connection, namespace });
}

/** What a worker needs: its own connection to poll on, and a client to signal with. */
export interface TemporalConnections {
  native: NativeConnection;
  client: Client;
  namespace: string;
  close(): Promise<void>;
}

export async function connectTemporal(): Promise<TemporalConnections> {
  const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
  const native = await NativeConnection.connect(connectionOptions).catch(unreachable(connectionOptions.address));
  const client = new Client({ connection: native, namespace });
  return { native, client, namespace, close: () => native.close() };
}

function unreachable(address = 'localhost:7233') {
  return (error: Error): never => {
    throw new Error(`Temporal cannot be reached at ${address} (TEMPORAL_ADDRESS): ${error.message}`, { cause: error });
  };
}
