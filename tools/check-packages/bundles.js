import {mkdirSync} from 'node:fs';
import {createRequire} from 'node:module';
import {join} from 'node:path';
import {run} from './run.js';

/** Bundles a service with esbuild and webpack, as CommonJS and as ES modules, and runs each bundle where kvi is not installed. */
export async function checkBundles(project, etcdUrl) {
  const require = createRequire(join(project, 'package.json'));
  const bundlers = {esbuild: bundleWithEsbuild, webpack: bundleWithWebpack};
  for (const [name, bundle] of Object.entries(bundlers)) {
    for (const [format, extension] of [
      ['commonjs', 'cjs'],
      ['module', 'mjs'],
    ]) {
      console.log(`$ bundle with ${name} as ${format}`);
      const folder = join(project, '..', `bundle-${name}-${format}`);
      mkdirSync(folder);
      await bundle(require(name), project, {folder, format, extension});
      const printed = await run(folder, ['node', `app.${extension}`], {KVI_CHECK_URL: etcdUrl});
      if (printed !== 'used both\n') throw new Error(`The bundle printed: ${printed}`);
    }
  }
}

async function bundleWithEsbuild({build}, project, {folder, format, extension}) {
  await build({
    absWorkingDir: project,
    entryPoints: ['app.mjs'],
    outdir: folder,
    outExtension: {'.js': `.${extension}`},
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: format === 'module' ? 'esm' : 'cjs',
    logLevel: 'warning',
  });
}

async function bundleWithWebpack(webpack, project, {folder, format, extension}) {
  const asModule = {
    experiments: {outputModule: true},
    output: {path: folder, filename: `app.${extension}`, module: true, chunkFormat: 'module'},
  };
  const asCommonJs = {output: {path: folder, filename: `app.${extension}`, chunkFormat: 'commonjs'}};
  const stats = await new Promise((resolve, reject) => {
    webpack(
      {
        ...{context: project, entry: './app.mjs', mode: 'production', target: 'node20'},
        ...(format === 'module' ? asModule : asCommonJs),
      },
      (error, result) => (error ? reject(error) : resolve(result)),
    );
  });
  const complaints = stats.toString({all: false, errors: true, warnings: true});
  if (complaints !== '') throw new Error(complaints);
}
