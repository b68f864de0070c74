/**
 * Bundles the compiled packages: each of their entry points becomes one file, beside what several of them share. Node takes
 * longer to find and read ninety small files than to run them, which every `kvi` command and every test file would pay.
 *
 * The declarations stay as `tsc -b` left them.
 */
import {existsSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {builtinModules} from 'node:module';
import {join} from 'node:path';
import {build} from 'esbuild';

const packages = join(import.meta.dirname, '..', 'packages');
/** What becomes part of the package that uses it; docs/adr/0025 says why. */
const bundled = ['commander', 'kvi-wire'];
const builtins = new Set(builtinModules.flatMap((name) => [name, `node:${name}`]));

for (const folder of readdirSync(packages)) {
  const root = join(packages, folder);
  if (!existsSync(join(root, 'package.json'))) continue;
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  // It is part of others' bundles.
  if (manifest.private) continue;
  const dist = join(root, 'dist');
  for (const file of readdirSync(dist, {recursive: true})) {
    if (/\.js(\.map)?$/.test(file)) rmSync(join(dist, file));
  }
  const {metafile} = await build({
    absWorkingDir: root,
    entryPoints: entryPoints(manifest),
    outbase: 'src',
    outdir: 'dist',
    bundle: true,
    splitting: true,
    chunkNames: 'shared-[hash]',
    // What a package depends on stays a dependency, so that a process has one copy of it.
    external: externals(manifest),
    inject: [join(import.meta.dirname, 'node-timers.js')],
    plugins: [{name: 'builtins', setup: importBuiltins}],
    metafile: true,
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    sourcemap: true,
    logLevel: 'warning',
  });
  writeLicenses(root, Object.keys(metafile.inputs));
}

/** The sources of what a package exports and of its commands. */
function entryPoints({exports, bin = {}}) {
  const files = [...Object.values(exports).map((entry) => entry.default), ...Object.values(bin)];
  return files.map((file) => file.replace('./dist/', 'src/').replace(/\.js$/, '.ts'));
}

function externals({dependencies, peerDependencies, devDependencies = {}}) {
  const others = Object.keys(devDependencies).filter((name) => !bundled.includes(name));
  return [...Object.keys({...dependencies, ...peerDependencies}), ...others];
}

/** CommonJS, as commander is, requires Node's modules, which an ES module cannot do: it imports them. */
function importBuiltins({onResolve, onLoad}) {
  onResolve({filter: /.*/}, ({path, kind}) =>
    kind === 'require-call' && builtins.has(path) ? {path, namespace: 'builtin'} : undefined,
  );
  onLoad({filter: /.*/, namespace: 'builtin'}, ({path}) => ({
    contents: `import builtin from 'node:${path.replace(/^node:/, '')}'; module.exports = builtin;`,
  }));
}

/** Writes the licenses of the packages that were bundled beside the bundle. */
function writeLicenses(root, inputs) {
  const folders = inputs.map((file) => /.*\/node_modules\/(@[^/]+\/)?[^/]+/.exec(file)?.[0]);
  const texts = Array.from(new Set(folders.filter((folder) => folder !== undefined)), (folder) => {
    const {name, version} = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    return `${name} ${version}\n\n${readFileSync(join(root, folder, 'LICENSE'), 'utf8')}`;
  });
  if (texts.length > 0) writeFileSync(join(root, 'dist/LICENSES.txt'), texts.join('\n\n'));
}
