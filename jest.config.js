/** @type {import('jest').Config} */
export default {
  testMatch: ['<rootDir>/{packages,examples,tools}/*/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': ['@swc/jest', {jsc: {parser: {syntax: 'typescript'}, target: 'es2022'}}],
  },
  // Tests run on the packages' sources; nothing has to be built first.
  testEnvironmentOptions: {customExportConditions: ['kvi-source', 'node', 'node-addons']},
  modulePathIgnorePatterns: ['<rootDir>/packages/[^/]+/dist', '<rootDir>/examples/[^/]+/dist'],
};
