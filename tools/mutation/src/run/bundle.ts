import {readdir, readFile} from 'node:fs/promises';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import * as esbuild from 'esbuild';

function here(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url));
}

const workspaceRoot = here('../../../..');

/**
 * Makes one program of the tests of kvi-core and kvi-mem and of the sources that they test, to be run by a thread: it loads in
 * a fraction of the time that their hundred files take, and each mutant gets a new thread.
 *
 * @param root the folder that holds the mutated sources, in the places that they have in the workspace
 * @param outfile the program
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
    // Test files export nothing, and are wanted for what they do, whatever the package.json beside them says.
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
 * Marks of tests that need more than this run has: those that run the contract or programs against the model, for which
 * contract-tests.ts takes a tenth of the time; those that need jest itself; and those that look at stacks.
 */
const needsMore = /testDriver|\bjest\b[^']*} from '@jest\/globals'|kvi-mem\/jest|traceResources/;

/** The other test files. */
async function testFiles(root: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of ['kvi-core', 'kvi-mem']) {
    const folder = path.join(root, 'packages', name, 'test');
    for (const entry of (await readdir(folder, {recursive: true})).sort()) {
      const file = path.join(folder, entry);
      if (!entry.endsWith('.test.ts')) continue;
      const source = await readFile(file, 'utf8');
      if (!needsMore.test(source)) found.push(file);
    }
  }
  return found;
}

/** Marks a search beside the sources of the workspace, which is esbuild's own. */
const beside = Symbol('beside the sources');

/** Finds what files import: our packages in `root`, jest's functions in their stand-in, and other packages where they are. */
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
        if (specifier.startsWith('node:') || pluginData === beside) return undefined;
        // What takes jest's place uses parts of jest, which cannot be bundled.
        if (resolveDir === here('.').slice(0, -1))
          return {path: import.meta.resolve(specifier), external: true};
        if (!resolveDir.startsWith(root)) return undefined;
        // The mutated sources have no node_modules beside them.
        return build.resolve(specifier, {
          kind,
          pluginData: beside,
          resolveDir: path.join(workspaceRoot, path.relative(root, resolveDir)),
        });
      });
    },
  };
}
