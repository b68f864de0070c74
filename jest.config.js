import {availableParallelism} from 'node:os';

/** @type {import('jest').Config} */
export default {
  testMatch: ['<rootDir>/{packages,examples,tools}/*/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': ['@swc/jest', {jsc: {parser: {syntax: 'typescript'}, target: 'es2022'}}],
  },
  // Tests run on the packages' sources; nothing has to be built first.
  testEnvironmentOptions: {customExportConditions: ['kvi-source', 'node', 'node-addons']},
  globalSetup: '<rootDir>/tools/testbed/src/jest-global-setup.ts',
  globalTeardown: '<rootDir>/tools/testbed/src/jest-global-teardown.ts',
  // Most tests wait for servers and leases: even two cores have time for two at once.
  maxWorkers: Math.max(2, availableParallelism() - 1),
  // Starting a server, or downloading one, takes longer than jest's five seconds on a machine under load.
  testTimeout: 30_000,
  modulePathIgnorePatterns: ['<rootDir>/packages/[^/]+/dist', '<rootDir>/examples/[^/]+/dist'],
};
