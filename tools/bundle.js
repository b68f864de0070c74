/**
 * Bundles the compiled packages: each of their entry points becomes one file, beside what several of them share, and each
 * command one file with all it needs. Node takes longer to find and read ninety small files than to run them, which every
 * `kvi` command and every test file would pay.
 *
 * The declarations stay as `tsc -b` left them.
 */
import {existsSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {builtinModules} from 'node:module';
import {join} from 'node:path';
import {build} from 'esbuild';

const packages = join(import.meta.dirname, '..', 'packages');
/** What becomes part of the package that uses it; docs/adr/0025 says why. */
const bundled = ['cli-progress', 'cli-table3', 'commander', 'kvi-wire', 'string-width'];
/** What a package that is bundled loads only for an option that nobody here gives: the colours of cli-table3. */
const unused = ['@colors/colors'];
const builtins = new Set(builtinModules.flatMap((name) => [name, `node:${name}`]));

for (const folder of readdirSync(packages)) {
  const root = join(packages, folder);
  if (!existsSync(join(root, 'package.json'))) continue;
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  // It is part of others' bundles.
  if (manifest.private) continue;
  const dist = join(root, 'dist');
  for (const file of readdirSync(dist, {recursive: true})) {
    if (/\.c?js(\.map)?$/.test(file)) rmSync(join(dist, file));
  }
  const inputs = await bundle(root, {
    entryPoints: sources(Object.values(manifest.exports).map((entry) => entry.default)),
    chunkNames: 'shared-[hash]',
    // What a package depends on stays a dependency, so that a process has one copy of it.
    external: [...externals(manifest), ...unused],
  });
  if (manifest.bin !== undefined) {
    // A process of its own, which nobody imports: one file takes everything along. A script, since a module costs Node more.
    const all = await bundle(root, {
      entryPoints: sources(Object.values(manifest.bin)),
      format: 'cjs',
      outExtension: {'.js': '.cjs'},
      splitting: false,
      external: unused,
      plugins: [],
      conditions: ['kvi-source'],
      define: {'import.meta.url': 'importMetaUrl', bundledVersion: JSON.stringify(manifest.version)},
      banner: {js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;"},
      minifyWhitespace: true,
    });
    inputs.push(...all);
  }
  writeLicenses(root, inputs);
}

/** @returns the files that became part of the bundle */
async function bundle(root, options) {
  const {metafile} = await build({
    absWorkingDir: root,
    outbase: 'src',
    outdir: 'dist',
    bundle: true,
    splitting: true,
    inject: [join(import.meta.dirname, 'node-timers.js')],
    plugins: [{name: 'builtins', setup: getBuiltins}],
    metafile: true,
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    sourcemap: true,
    logLevel: 'warning',
    ...options,
  });
  return Object.keys(metafile.inputs);
}

/** The sources of compiled files. */
function sources(files) {
  return files.map((file) => file.replace('./dist/', 'src/').replace(/\.c?js$/, '.ts'));
}

function externals({dependencies, peerDependencies, devDependencies = {}}) {
  const others = Object.keys(devDependencies).filter((name) => !bundled.includes(name));
  return [...Object.keys({...dependencies, ...peerDependencies}), ...others];
}

/**
 * CommonJS, as commander is, requires Node's modules, which an ES module cannot do. Importing one would read all that it
 * exports, `process.stdin` too, and so make the standard input non-blocking, for child processes as well.
 */
function getBuiltins({onResolve, onLoad}) {
  onResolve({filter: /.*/}, ({path, kind}) =>
    kind === 'require-call' && builtins.has(path) ? {path, namespace: 'builtin'} : undefined,
  );
  onLoad({filter: /.*/, namespace: 'builtin'}, ({path}) => ({
    contents: `module.exports = process.getBuiltinModule('${path}');`,
  }));
}

/** Writes the licenses of the packages that were bundled beside the bundle. */
function writeLicenses(root, inputs) {
  const folders = inputs.map((file) => /.*\/node_modules\/(@[^/]+\/)?[^/]+/.exec(file)?.[0]);
  const texts = Array.from(new Set(folders.filter((folder) => folder !== undefined)), (folder) => {
    const {name, version} = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    const license = readdirSync(join(root, folder)).find((file) => /^licen[cs]e(-mit)?(\.|$)/i.test(file));
    return `${name} ${version}\n\n${readFileSync(join(root, folder, license), 'utf8')}`;
  });
  if (texts.length > 0) writeFileSync(join(root, 'dist/LICENSES.txt'), texts.join('\n\n'));
}
