/**
 * Checks the packages as their users will get them: packs each, looks at the tarball with publint and
 * are-the-types-wrong, and installs all tarballs outside the workspace. There it
 *
 * - installs with each package manager, without a warning;
 * - loads every entry point with both `import` and `require`, and what belongs to a test runner in that runner;
 * - uses them where a DOM is simulated, in bundles, and from TypeScript of several versions.
 */
import {cpSync, mkdtempSync, readdirSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {startEtcd} from '../testbed/src/programs.ts';
import {checkBundles} from './bundles.js';
import {checkInstalls} from './installs.js';
import {readJson, run} from './run.js';
import {checkRunners} from './runners.js';
import {checkTypes} from './types.js';

const root = join(import.meta.dirname, '../..');
const scratch = mkdtempSync(join(tmpdir(), 'kvi-packages-'));
const etcd = await startEtcd();

try {
  const packages = readdirSync(join(root, 'packages'))
    .map((folder) => ({
      folder: join(root, 'packages', folder),
      manifest: readJson(join(root, 'packages', folder, 'package.json')),
    }))
    .filter(({manifest}) => !manifest.private);
  const tarballs = new Map();
  for (const {folder, manifest} of packages) tarballs.set(manifest.name, await pack(folder, manifest.name));

  await checkInstalls(scratch, tarballs);

  const project = join(scratch, 'project');
  cpSync(join(import.meta.dirname, 'project'), project, {recursive: true});
  await run(project, ['npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', ...tarballs.values()]);
  for (const {manifest} of packages) await loadEntryPoints(project, manifest);
  await checkRunners(project, etcd.url);
  await checkBundles(project, etcd.url);
  await checkTypes(project);
} finally {
  await etcd.stop();
  rmSync(scratch, {recursive: true, force: true});
}

async function pack(folder, name) {
  checkLinks(folder);
  const tarball = join(scratch, `${name}.tgz`);
  await run(folder, ['npx', '--yes', 'pnpm@12.21.0', 'pack', '--out', tarball]);
  await run(root, ['node_modules/.bin/publint', '--strict', tarball]);
  await run(root, ['node_modules/.bin/attw', '--quiet', '--profile', 'esm-only', tarball]);
  return tarball;
}

/** A README is read on a registry's page, where no other file of the repository is. */
function checkLinks(folder) {
  const readme = readFileSync(join(folder, 'README.md'), 'utf8');
  const broken = Array.from(readme.matchAll(/\]\(([^)]*)\)/g), ([, target]) => target).filter(
    (target) => !/^(https:|#)/.test(target),
  );
  if (broken.length > 0) throw new Error(`${folder}/README.md links to ${broken.join(', ')}`);
}

async function loadEntryPoints(project, manifest) {
  for (const entry of Object.keys(manifest.exports)) {
    if (entry !== './jest' && entry !== './vitest')
      await loadBothWays(project, entry.replace('.', manifest.name));
  }
  for (const command of Object.keys(manifest.bin ?? {})) await checkCommand(project, command);
}

/** A command brings all that it loads, for each backend. */
async function checkCommand(project, command) {
  const bin = `node_modules/.bin/${command}`;
  await run(project, [bin, '--help']);
  for (const url of ['mem:', etcd.url]) {
    const printed = await run(project, [bin, '--url', url, 'range', 'a', '--count-only']);
    if (printed !== '0\n') throw new Error(`${command} printed: ${printed}`);
  }
}

/**
 * A second copy would have a second `KviError`, of which the first one's errors are no instances. To read `process.stdin`
 * is to make it non-blocking.
 */
async function loadBothWays(project, specifier) {
  const script = `
    Object.defineProperty(process, 'stdin', {
      get() {
        console.error('${specifier} reads process.stdin');
        process.exit(1);
      },
    });
    import('${specifier}').then((imported) => {
      const required = require('${specifier}');
      const differ = Object.keys(imported).filter((name) => imported[name] !== required[name]);
      if (differ.length > 0) throw new Error('import and require give two copies of ' + differ);
    });`;
  await run(project, [
    'node',
    '--no-warnings=ExperimentalWarning',
    '--input-type=commonjs',
    '--eval',
    script,
  ]);
}
