/**
 * Checks the packages as their users will get them: packs each, looks at the tarball with publint and
 * are-the-types-wrong, installs all tarballs into an empty project outside the workspace, and loads every entry point
 * there with both `import` and `require`; what works inside of jest only, in a jest.
 */
import {spawnSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

const pnpm = ['npx', '--yes', 'pnpm@12.21.0'];
const root = join(import.meta.dirname, '..');
const scratch = mkdtempSync(join(tmpdir(), 'kvi-packages-'));

try {
  const packages = readdirSync(join(root, 'packages'))
    .map((folder) => ({folder, manifest: readJson(join(root, 'packages', folder, 'package.json'))}))
    .filter(({manifest}) => manifest.private !== true);

  const tarballs = packages.map(({folder, manifest}) => {
    const tarball = join(scratch, `${manifest.name}.tgz`);
    run(join(root, 'packages', folder), ...pnpm, 'pack', '--out', tarball);
    run(root, 'node_modules/.bin/publint', '--strict', tarball);
    run(root, 'node_modules/.bin/attw', '--quiet', '--profile', 'esm-only', tarball);
    return tarball;
  });

  const project = join(scratch, 'project');
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{"private": true, "type": "commonjs"}');
  // An optional peer, which the entry point for generated programs needs.
  run(project, 'npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', ...tarballs, 'fast-check@4');
  for (const {manifest} of packages) {
    for (const entry of Object.keys(manifest.exports)) {
      const specifier = entry.replace('.', manifest.name);
      if (entry === './jest') loadInJest(project, specifier);
      else loadBothWays(project, specifier);
    }
    for (const command of Object.keys(manifest.bin ?? {}))
      run(project, `node_modules/.bin/${command}`, '--help');
  }
} finally {
  rmSync(scratch, {recursive: true, force: true});
}

/** A second copy would have a second `KviError`, of which the first one's errors are no instances. */
function loadBothWays(project, specifier) {
  const script = `
    import('${specifier}').then((imported) => {
      const required = require('${specifier}');
      const differ = Object.keys(imported).filter((name) => imported[name] !== required[name]);
      if (differ.length > 0) throw new Error('import and require give two copies of ' + differ);
    });`;
  run(project, 'node', '--no-warnings=ExperimentalWarning', '--eval', script);
}

/** Two tests, of which the second finds the store empty again: as ES modules, and with all of it compiled to CommonJS. */
function loadInJest(project, setupFile) {
  const body = `
    it('has its matchers', async () => {
      const kv = await open('mem:');
      await kv.store('k', 'v');
      await expect(kv).toHaveKey('k', 'v');
      await kv.close();
    });
    it('begins with an empty store', async () => {
      const kv = await open('mem:');
      await expect(kv).toHoldExactly({});
      await kv.close();
    });`;
  writeFileSync(join(project, 'modules.test.mjs'), `import {open} from 'kvi';${body}`);
  writeFileSync(join(project, 'commonjs.test.cjs'), `const {open} = require('kvi');${body}`);
  const jest = join(root, 'node_modules/jest/bin/jest.js');
  const config = {
    rootDir: project,
    setupFilesAfterEnv: [setupFile],
    testMatch: ['**/*.test.mjs'],
    transform: {},
  };
  const compile = [
    join(root, 'node_modules/@swc/jest'),
    {module: {type: 'commonjs'}, jsc: {target: 'es2022'}},
  ];
  const compiled = {
    ...config,
    testMatch: ['**/*.test.cjs'],
    transform: {'\\.c?js$': compile},
    transformIgnorePatterns: ['/node_modules/(?!kvi(-[a-z]+)?/)'],
  };
  run(project, 'node', '--experimental-vm-modules', jest, '--config', JSON.stringify(config));
  run(project, 'node', jest, '--config', JSON.stringify(compiled));
}

/** Runs a command; shows what it printed only when it fails. */
function run(cwd, ...command) {
  const [file = '', ...args] = command;
  console.log(`$ ${command.join(' ').replaceAll(/\s+/g, ' ').slice(0, 110)}`);
  const {status, stdout, stderr} = spawnSync(file, args, {cwd, encoding: 'utf8'});
  if (status !== 0) throw new Error(`This command failed:\n${stdout}${stderr}`);
}

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}
