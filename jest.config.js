/** ES modules need Node's --experimental-vm-modules; the npm scripts pass it. */
const everywhere = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2023', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
  },
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.waybill/'],
};

/** These need no servers, or start their own. */
const alone = [
  'test/domain/',
  'test/platform/batch',
  'test/platform/config',
  'test/sandbox/',
  'test/workers/',
  'test/activities/papers/',
  'test/activities/providers/',
  'test/activities/mails',
  'test/architecture',
  'test/docs',
];

export default {
  testTimeout: 60_000,
  // Tests mostly wait for servers: two files at once, also on a machine of two cores.
  maxWorkers: 2,
  // What the V8 contexts of workflows leave behind in a process makes all that comes after them slower and slower.
  workerIdleMemoryLimit: '1GB',
  projects: [
    { ...everywhere, displayName: 'alone', testMatch: alone.map((folder) => `<rootDir>/${folder}**`) },
    {
      ...everywhere,
      displayName: 'servers',
      testMatch: ['<rootDir>/test/**/*.test.ts'],
      testPathIgnorePatterns: alone.map((folder) => `<rootDir>/${folder}`),
      globalSetup: '<rootDir>/test/support/global-setup.js',
      globalTeardown: '<rootDir>/test/support/global-teardown.js',
    },
  ],
};
