/**
 * The mutation run: makes small changes to the sources, each of which a test has to notice. Where no test can notice one,
 * a comment in the source says why: `// Stryker disable next-line <mutator>: <reason>`.
 */
const nodeArgs = [
  '--conditions=kvi-source',
  `--import=${new URL('../testbed/src/typescript-hooks.js', import.meta.url).href}`,
  '--no-warnings',
];

/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  mutate: [
    'packages/kvi-{core,mem}/src/**/*.ts',
    // Their tests need jest itself, or look at stacks; this run can do neither.
    '!packages/kvi-mem/src/{jest,testing,vitest}/**',
    '!packages/kvi-mem/src/{call-traces,resources,open-resource}.ts',
  ],
  testRunner: 'threads',
  plugins: [new URL('./src/plugins.ts', import.meta.url).pathname],
  // Both load the plugin, which is TypeScript.
  testRunnerNodeArgs: nodeArgs,
  checkerNodeArgs: nodeArgs,
  coverageAnalysis: 'perTest',
  disableTypeChecks: false,
  ignorePatterns: ['/*', '!/packages', '/packages/*', '!/packages/kvi-{core,mem,contract}', '**/dist'],
  concurrency: 2,
  // The thread that runs the tests ends those that wait in vain; this ends endless loops.
  timeoutMS: 20_000,
  timeoutFactor: 4,
  tempDirName: 'node_modules/.cache/stryker',
  cleanTempDir: true,
  incrementalFile: 'node_modules/.cache/stryker-incremental.json',
  reporters: ['progress', 'clear-text', 'json'],
  clearTextReporter: {allowColor: false, reportTests: false, logTests: false},
  jsonReporter: {fileName: 'node_modules/.cache/mutation.json'},
  // Ignored mutants do not count, so every survivor lacks an explanation.
  thresholds: {high: 100, low: 90, break: 100},
};
