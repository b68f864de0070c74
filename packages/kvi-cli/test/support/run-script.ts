import {spawn} from 'node:child_process';
import {chmod, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {delimiter, join} from 'node:path';
import {text} from 'node:stream/consumers';
import {fileURLToPath} from 'node:url';
import {typescriptArgs} from 'kvi-testbed';

const program = fileURLToPath(new URL('../../src/bin.ts', import.meta.url));

/** What a script did. */
export interface ScriptResult {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/**
 * Runs a script in bash, in an empty folder, with `kvi` on its PATH; it ends at the first command that fails.
 *
 * @param env - added to the environment, which has no variable of kvi
 */
export async function runScript(script: string, env: Record<string, string> = {}): Promise<ScriptResult> {
  const folder = await mkdtemp(join(tmpdir(), 'kvi-script-'));
  try {
    const bin = await mkdtemp(join(tmpdir(), 'kvi-bin-'));
    const kvi = join(bin, 'kvi');
    const args = [...typescriptArgs, program].map((arg) => `'${arg}'`).join(' ');
    await writeFile(kvi, `#!/bin/sh\nexec '${process.execPath}' ${args} "$@"\n`);
    await chmod(kvi, 0o755);
    try {
      return await run(script, {cwd: folder, env: {...inherited(), ...env, PATH: pathWith(bin)}});
    } finally {
      await rm(bin, {recursive: true});
    }
  } finally {
    await rm(folder, {recursive: true});
  }
}

function inherited(): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(KVI|ETCDCTL)_/.test(name)));
}

function pathWith(bin: string): string {
  return [bin, process.env['PATH']].join(delimiter);
}

async function run(script: string, options: {cwd: string; env: NodeJS.ProcessEnv}): Promise<ScriptResult> {
  const child = spawn('bash', ['-c', `set -euo pipefail\n${script}`], {
    ...options,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('close', resolve);
    child.once('error', reject);
  });
  const [exitCode, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return {exitCode, stdout, stderr};
}
