/**
 * Puts gRPC into kvi-etcd when it is packed: bundles `@grpc/grpc-js` into `dist/cluster/grpc.js`, as a plain ES module that needs
 * nothing but Node's own modules. docs/adr/0019 says why.
 */
import {readFileSync, rmSync, writeFileSync} from 'node:fs';
import {builtinModules, createRequire} from 'node:module';
import {dirname, join} from 'node:path';
import {build} from 'esbuild';

const kviEtcd = join(import.meta.dirname, '../packages/kvi-etcd');
const outfile = join(kviEtcd, 'dist/cluster/grpc.js');
const {resolve} = createRequire(join(kviEtcd, 'package.json'));
const grpc = packageOf(resolve('@grpc/grpc-js'));
const orderedMap = packageOf(
  createRequire(join(grpc.folder, 'package.json')).resolve('@js-sdsl/ordered-map'),
);

const builtins = new Set(builtinModules.flatMap((name) => [name, `node:${name}`]));

await build({
  entryPoints: [join(kviEtcd, 'src/cluster/grpc.ts')],
  outfile,
  allowOverwrite: true,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  banner: {
    js: [
      `/*! Contains ${[grpc, orderedMap].map(describe).join(' and ')}; see grpc.LICENSE.txt. */`,
      // jest's jsdom has no global `setImmediate`, and fake timers replace it.
      `import {setImmediate} from 'node:timers';`,
    ].join('\n'),
  },
  plugins: [
    {name: 'builtins', setup: importBuiltins},
    {name: 'proto-loader', setup: leaveOutProtoLoader},
  ],
  logLevel: 'warning',
});
writeFileSync(
  join(kviEtcd, 'dist/cluster/grpc.LICENSE.txt'),
  [grpc, orderedMap].map((one) => `${describe(one)}\n\n${one.licenseText}`).join('\n\n'),
);
// It is that of the file which the bundle replaces.
rmSync(`${outfile}.map`, {force: true});

/** gRPC's CommonJS requires Node's modules, which an ES module cannot do; it imports them. */
function importBuiltins({onResolve, onLoad}) {
  onResolve({filter: /.*/}, ({path, kind}) =>
    kind === 'require-call' && builtins.has(path) ? {path, namespace: 'builtin'} : undefined,
  );
  onLoad({filter: /.*/, namespace: 'builtin'}, ({path}) => ({
    contents: `import builtin from 'node:${path.replace(/^node:/, '')}'; module.exports = builtin;`,
  }));
}

/** It reads `.proto` files, for parts of gRPC that kvi does not use, channelz and ORCA. */
function leaveOutProtoLoader({onResolve, onLoad}) {
  onResolve({filter: /^@grpc\/proto-loader$/}, ({path}) => ({path, namespace: 'left-out'}));
  onLoad({filter: /.*/, namespace: 'left-out'}, ({path}) => ({
    contents: `throw new Error(${JSON.stringify(`${path} is not in this bundle`)});`,
  }));
}

function packageOf(file) {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    const manifest = readManifest(folder);
    if (manifest?.version !== undefined) {
      return {folder, ...manifest, licenseText: readFileSync(join(folder, 'LICENSE'), 'utf8')};
    }
  }
}

function readManifest(folder) {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  } catch {
    return undefined;
  }
}

function describe({name, version, license}) {
  return `${name} ${version} (${license})`;
}
