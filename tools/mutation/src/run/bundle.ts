import {readdir, readFile} from 'node:fs/promises';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import * as esbuild from 'esbuild';

function here(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url));
}

const workspaceRoot = here('../../../..');

/**
 * Bundles the tests of kvi-core and kvi-mem and the sources they test into one program. Each mutant gets a new thread, and
 * one file loads in a fraction of the time that a hundred take.
 *
 * @param root the folder with the mutated sources, laid out like the workspace
 * @param outfile where to write the program
 */
export async function bundle(root: string, outfile: string): Promise<void> {
  const files = [
    here('./activate.ts'),
    here('./contract-tests.ts'),
    ...(await testFiles(root)),
    here('./thread.ts'),
  ];
  await esbuild.build({
    stdin: {
      contents: files.map((file) => `import ${JSON.stringify(file)};`).join('\n'),
      resolveDir: root,
    },
    outfile,
    bundle: true,
    // Test files export nothing: keep them although their package.json says that there are no side effects.
    ignoreAnnotations: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    // Some packages are CommonJS.
    banner: {
      js: "import {createRequire} from 'node:module'; const require = createRequire(import.meta.url);",
    },
    logLevel: 'error',
    plugins: [workspace(root)],
  });
}

/**
 * Matches tests that this run leaves out: the contract, which contract-tests.ts runs in a tenth of the time, tests that need
 * jest itself, a process or another copy of a file, and tests that look at stacks.
 */
const leftOut =
  /testDriver|\bjest\b[^']*} from '@jest\/globals'|kvi-mem\/(jest|vitest)|kvi-testbed|\?copy|traceResources/;

/** All test files but those. */
async function testFiles(root: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of ['kvi-core', 'kvi-mem']) {
    const folder = path.join(root, 'packages', name, 'test');
    for (const entry of (await readdir(folder, {recursive: true})).sort()) {
      const file = path.join(folder, entry);
      if (!entry.endsWith('.test.ts')) continue;
      const source = await readFile(file, 'utf8');
      if (!leftOut.test(source)) found.push(file);
    }
  }
  return found;
}

/** Marks a lookup that is left to esbuild. */
const inWorkspace = Symbol('in the workspace');

/** Resolves imports: our packages from `root`, `@jest/globals` to its stand-in, other packages from the workspace. */
function workspace(root: string): esbuild.Plugin {
  return {
    name: 'workspace',
    setup(build) {
      build.onResolve({filter: /^kvi-(core|mem|contract)(\/|$)/}, async ({path: specifier}) => {
        const [name = '', ...subpath] = specifier.split('/');
        const folder = path.join(root, 'packages', name);
        const {exports} = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8')) as {
          exports: Record<string, {'kvi-source': string}>;
        };
        const entry = exports[['.', ...subpath].join('/')];
        return entry && {path: path.join(folder, entry['kvi-source'])};
      });
      build.onResolve({filter: /^@jest\/globals$/}, () => ({path: here('./jest-globals.ts')}));
      build.onResolve({filter: /^[a-z@]/}, ({path: specifier, kind, resolveDir, pluginData}) => {
        if (specifier.startsWith('node:') || pluginData === inWorkspace) return undefined;
        // The stand-in uses parts of jest, which cannot be bundled.
        if (resolveDir === here('.').slice(0, -1))
          return {path: import.meta.resolve(specifier), external: true};
        if (!resolveDir.startsWith(root)) return undefined;
        // The mutated sources have no node_modules beside them.
        return build.resolve(specifier, {
          kind,
          pluginData: inWorkspace,
          resolveDir: path.join(workspaceRoot, path.relative(root, resolveDir)),
        });
      });
    },
  };
}
