/**
 * Bundles the compiled packages: each of their entry points becomes one file, beside what several of them share. Node takes
 * longer to find and read ninety small files than to run them, which every `kvi` command and every test file would pay.
 *
 * The declarations stay as `tsc -b` left them.
 */
import {existsSync, readdirSync, readFileSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import {build} from 'esbuild';

const packages = join(import.meta.dirname, '..', 'packages');

for (const folder of readdirSync(packages)) {
  const root = join(packages, folder);
  if (!existsSync(join(root, 'package.json'))) continue;
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const dist = join(root, 'dist');
  for (const file of readdirSync(dist, {recursive: true})) {
    if (/\.js(\.map)?$/.test(file)) rmSync(join(dist, file));
  }
  await build({
    absWorkingDir: root,
    entryPoints: entryPoints(manifest),
    outbase: 'src',
    outdir: 'dist',
    bundle: true,
    splitting: true,
    chunkNames: 'shared-[hash]',
    // What a package depends on stays a dependency, so that a process has one copy of it.
    packages: 'external',
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    sourcemap: true,
    logLevel: 'warning',
  });
}

/** The sources of what a package exports and of its commands. */
function entryPoints({exports, bin = {}}) {
  const files = [...Object.values(exports).map((entry) => entry.default), ...Object.values(bin)];
  return files.map((file) => file.replace('./dist/', 'src/').replace(/\.js$/, '.ts'));
}
