import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {attempt} from './run.js';

/** Each manager with the file that tells it where the packages are that are not published yet. */
const managers = [
  {
    command: ['npx', '--yes', 'pnpm@12.21.0', 'install'],
    configure: (folder, files) => writeJson(join(folder, 'pnpm-workspace.yaml'), {overrides: files}),
  },
  // yarn keeps packages by name and version, so those of another checkout must not be in its cache.
  {
    command: ['npx', '--yes', 'yarn@1.22.22', 'install', '--no-lockfile', '--cache-folder', '../yarn-cache'],
    field: 'resolutions',
  },
  {command: ['npm', 'install'], field: 'overrides'},
];

/**
 * Installs the packages of a service with each package manager. It has to say nothing that a user would have to look into,
 * such as an install script of a dependency.
 */
export async function checkInstalls(scratch, tarballs) {
  // yarn complains of the peer that an override lacks, even where nobody depends on it, as the service here on kvi-grpc.
  const names = Array.from(tarballs.keys()).filter((name) => name !== 'kvi-grpc');
  const files = Object.fromEntries(names.map((name) => [name, `file:../${name}.tgz`]));
  for (const {command, field, configure} of managers) {
    const manager = command.find((word) => /npm|yarn/.test(word)).replace(/@.*/, '');
    const folder = join(scratch, `install-with-${manager}`);
    mkdirSync(folder);
    const {kvi, 'kvi-mem': mem, 'kvi-cli': cli} = files;
    writeJson(join(folder, 'package.json'), {
      ...{name: 'service', version: '1.0.0', private: true, license: 'MIT'},
      dependencies: {kvi, 'kvi-mem': mem, 'kvi-cli': cli},
      ...(field === undefined ? {} : {[field]: files}),
    });
    configure?.(folder, files);
    const {status, output} = await attempt(folder, command, {CI: 'true'});
    if (status !== 0 || /\bwarn|ignored build/i.test(output)) {
      throw new Error(`${manager} is not content with the packages:\n${output}`);
    }
  }
}

/** JSON is YAML, too. */
function writeJson(path, value) {
  writeFileSync(path, JSON.stringify(value, null, 2));
}
