import {execFile} from 'node:child_process';
import {existsSync} from 'node:fs';
import {mkdir, mkdtemp, readdir, rename, rm, writeFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {promisify} from 'node:util';

const run = promisify(execFile);

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/**
 * Puts `etcd` and `etcdctl` of a Debian release into a folder, without root and without touching the machine's own
 * package state. Two runs may do it at once: the folder appears whole, by a rename, and the second leaves it alone.
 *
 * @param release Debian's name for it: `bookworm`, `trixie`, `sid`
 * @throws Error when this machine has no apt, or when none of its archives has the release
 */
export async function downloadEtcd(release: string, folder: string): Promise<void> {
  await mkdir(dirname(folder), {recursive: true});
  const scratch = await mkdtemp(`${folder}.`);
  try {
    const failures: unknown[] = [];
    for (const archive of await archives(scratch)) {
      try {
        await downloadPackages(archive, release, scratch);
        await rename(join(scratch, 'root/usr/bin'), folder);
        return;
      } catch (error) {
        if (existsSync(folder)) return;
        failures.push(error);
      }
    }
    throw new AggregateError(
      failures,
      `none of this machine's package archives gave etcd of ${release}: ${failures.join('; ')}`,
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

async function downloadPackages(archive: string, release: string, scratch: string): Promise<void> {
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
  await run('apt-get', [...options, 'download', 'etcd-server', 'etcd-client'], {cwd: scratch});
  for (const file of await readdir(scratch)) {
    if (file.endsWith('.deb')) await run('dpkg-deb', ['-x', file, 'root'], {cwd: scratch});
  }
}
