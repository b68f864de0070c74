import {execFile} from 'node:child_process';
import {existsSync} from 'node:fs';
import {mkdir, mkdtemp, readdir, rename, rm, writeFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {promisify} from 'node:util';

const run = promisify(execFile);

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Packages of Debian. */
export interface DebianPackages {
  /** Debian's name for it: `bookworm`, `trixie`, `sid` */
  release: string;
  names: readonly string[];
  /** The folder in the packages that is wanted: `usr/bin`. */
  part: string;
}

/** Puts `etcd` and `etcdctl` of a Debian release into a folder; see {@link downloadPackages}. */
export async function downloadEtcd(release: string, folder: string): Promise<void> {
  await downloadPackages({release, names: ['etcd-server', 'etcd-client'], part: 'usr/bin'}, folder);
}

/**
 * Puts what packages hold into a folder, without root and without touching the machine's own package state. Two runs may do it at
 * once: the folder appears whole, by a rename, and the second leaves it alone.
 *
 * @throws Error when this machine has no apt, or when none of its archives has the packages
 */
export async function downloadPackages(wanted: DebianPackages, folder: string): Promise<void> {
  await mkdir(dirname(folder), {recursive: true});
  const scratch = await mkdtemp(`${folder}.`);
  try {
    const failures: unknown[] = [];
    for (const archive of await archives(scratch)) {
      try {
        await unpackFrom(archive, wanted, scratch);
        await rename(join(scratch, 'root', wanted.part), folder);
        return;
      } catch (error) {
        if (existsSync(folder)) return;
        failures.push(error);
      }
    }
    throw new AggregateError(
      failures,
      `none of this machine's package archives gave ${wanted.names.join(', ')} of ${wanted.release}: ${failures.join('; ')}`,
    );
  } finally {
    await rm(scratch, {recursive: true, force: true});
  }
}

/**
 * The archives that the machine is set up to use. `update --print-uris` names them even where no package list was ever
 * fetched, as on a fresh container; `indextargets` does not.
 */
async function archives(scratch: string): Promise<string[]> {
  await mkdir(join(scratch, 'state/lists/partial'), {recursive: true});
  const {stdout} = await run('apt-get', ['-o', `Dir::State=${scratch}/state`, 'update', '--print-uris']);
  const found = Array.from(
    stdout.matchAll(/^'(\S+)\/dists\/\S+\/InRelease'/gm),
    ([, archive = '']) => archive,
  );
  return [...new Set(found)];
}

async function unpackFrom(archive: string, {release, names}: DebianPackages, scratch: string): Promise<void> {
  const sources = join(scratch, 'sources.list');
  const signedBy = existsSync(keyring) ? `[signed-by=${keyring}] ` : '';
  await writeFile(sources, `deb ${signedBy}${archive} ${release} main\n`);
  await mkdir(join(scratch, 'cache/archives/partial'), {recursive: true});
  await writeFile(join(scratch, 'state/status'), '');
  const options = [
    `Dir::State=${scratch}/state`,
    `Dir::State::status=${scratch}/state/status`,
    `Dir::Cache=${scratch}/cache`,
    `Dir::Etc::SourceList=${sources}`,
    'Dir::Etc::SourceParts=/dev/null',
    'Dir::Etc::PreferencesParts=/dev/null',
    'APT::Sandbox::User=',
    'Acquire::Languages=none',
    // Otherwise a list that could not be fetched is a warning only.
    'APT::Update::Error-Mode=any',
  ].flatMap((option) => ['-o', option]);
  await run('apt-get', [...options, 'update'], {cwd: scratch});
  await run('apt-get', [...options, 'download', ...names], {cwd: scratch});
  for (const file of await readdir(scratch)) {
    if (file.endsWith('.deb')) await run('dpkg-deb', ['-x', file, 'root'], {cwd: scratch});
  }
}
