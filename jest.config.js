import {availableParallelism} from 'node:os';

/** @type {import('jest').Config} */
export default {
  testMatch: ['<rootDir>/{packages,examples,tools}/*/test/**/*.test.ts'],
  // `npm run test:long` runs what takes long and need not run at each change.
  testPathIgnorePatterns: ['/node_modules/', ...(process.env['KVI_TEST_LONG'] ? [] : ['/test/long/'])],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': ['@swc/jest', {jsc: {parser: {syntax: 'typescript'}, target: 'es2022'}}],
  },
  // Tests run on the packages' sources; nothing has to be built first.
  testEnvironmentOptions: {customExportConditions: ['kvi-source', 'node', 'node-addons']},
  globalSetup: '<rootDir>/tools/testbed/src/jest-global-setup.ts',
  globalTeardown: '<rootDir>/tools/testbed/src/jest-global-teardown.ts',
  testSequencer: '<rootDir>/tools/testbed/src/longest-first.js',
  // Most tests wait for servers and leases: there is time for more of them than there are processors.
  maxWorkers: availableParallelism() + 1,
  // For tests that would never end. On a machine under load, one that waits for servers may take long.
  testTimeout: 120_000,
  modulePathIgnorePatterns: ['<rootDir>/packages/[^/]+/dist', '<rootDir>/examples/[^/]+/dist'],
};
