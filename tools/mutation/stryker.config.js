/** The mutation run: small changes to the sources, each of which a test has to notice. */
const nodeArgs = [
  '--conditions=kvi-source',
  `--import=${new URL('../testbed/src/typescript-hooks.js', import.meta.url).href}`,
  '--no-warnings',
];

/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  mutate: [
    'packages/kvi-mem/src/**/*.ts',
    'packages/kvi-core/src/*.ts',
    'packages/kvi-core/src/driver/*.ts',
    // Their tests need jest itself, or look at stacks; neither is in this run.
    '!packages/kvi-mem/src/jest/**',
    '!packages/kvi-mem/src/resources.ts',
    '!packages/kvi-mem/src/open-resource.ts',
    '!packages/kvi-core/src/call.ts',
  ],
  testRunner: 'threads',
  plugins: [new URL('./src/plugins.ts', import.meta.url).pathname],
  // The plugins are TypeScript.
  testRunnerNodeArgs: nodeArgs,
  checkerNodeArgs: nodeArgs,
  coverageAnalysis: 'perTest',
  disableTypeChecks: false,
  ignorePatterns: ['/*', '!/packages', '/packages/*', '!/packages/kvi-core', '!/packages/kvi-mem', '**/dist'],
  concurrency: 2,
  // Tests that wait in vain are ended by the thread that runs them; this is for loops without end.
  timeoutMS: 20_000,
  timeoutFactor: 4,
  tempDirName: 'node_modules/.cache/stryker',
  cleanTempDir: true,
  incrementalFile: 'node_modules/.cache/stryker-incremental.json',
  reporters: ['progress', 'json', 'survivors'],
  jsonReporter: {fileName: 'node_modules/.cache/mutation.json'},
  thresholds: {high: 95, low: 90, break: 90},
};
