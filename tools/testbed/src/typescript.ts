/**
 * Arguments with which Node runs a TypeScript file on the packages' sources, as jest does, so that a test can have a
 * process of its own without a build: `spawn(process.execPath, [...typescriptArgs, file])`.
 */
export const typescriptArgs: readonly string[] = [
  '--conditions=kvi-source',
  `--import=${new URL('./typescript-hooks.js', import.meta.url).href}`,
];
