import {copyFileSync} from 'node:fs';
import {join} from 'node:path';
import {attempt} from './run.js';

/** The oldest that is supported, those with which a type parameter came that the declarations must not have, the newest. */
const versions = ['5.0', '5.4', '5.6', '5.7', '5.9', '6.0'];
const extremes = [versions.at(0), versions.at(-1)];

const settings = [
  // Before TypeScript 5.8, a CommonJS module could not import an ES module this way.
  {module: 'nodenext', moduleResolution: 'nodenext', file: 'consumer.mts'},
  {module: 'esnext', moduleResolution: 'bundler'},
  {module: 'commonjs', moduleResolution: 'node10'},
];

/**
 * Compiles a consumer with each version of TypeScript, and with the oldest and the newest in each way to find modules. Of the declarations only kvi's own have to
 * be without an error: those of others may need a newer TypeScript, which is what `skipLibCheck` is for.
 */
export async function checkTypes(project) {
  copyFileSync(join(project, 'consumer.ts'), join(project, 'consumer.mts'));
  for (const version of versions) {
    const tsc = join(project, `node_modules/typescript-${version}/bin/tsc`);
    const chosen = extremes.includes(version) ? settings : settings.slice(0, 1);
    for (const {module, moduleResolution, file = 'consumer.ts'} of chosen) {
      const options = {module, moduleResolution, target: 'es2022', lib: 'es2022', types: 'node'};
      const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
      const quiet = ['--ignoreDeprecations', version === '6.0' ? '6.0' : '5.0'];
      const command = ['node', tsc, '--noEmit', '--strict', ...args, ...quiet, file];
      const {output} = await attempt(project, command);
      const errors = output.split('\n').filter((line) => /^(node_modules\/kvi|consumer|error)/.test(line));
      if (errors.length > 0)
        throw new Error(`TypeScript ${version}, ${moduleResolution}:\n${errors.join('\n')}`);
    }
  }
}
