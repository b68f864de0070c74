import {execFile} from 'node:child_process';
import {fileURLToPath} from 'node:url';

/** What a process left behind. */
export interface Ended {
  /** Null when it did not end by itself, within 20 seconds. */
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/**
 * Runs Node in a process of its own, on the sources of the packages, until it ends.
 *
 * @param args what to run, as after `node`
 * @param env further variables
 * @param missing packages that are not installed there
 */
export function runNode(
  args: readonly string[],
  {env = {}, missing = []}: {env?: NodeJS.ProcessEnv; missing?: readonly string[]} = {},
): Promise<Ended> {
  const sources = ['--conditions=kvi-source', '--import', new URL('run-sources.mjs', import.meta.url).href];
  const options = {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: {...process.env, NODE_OPTIONS: '', KVI_TEST_MISSING: missing.join(','), ...env},
    timeout: 20_000,
  };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [...sources, ...args], options, (_error, stdout, stderr) => {
      resolve({exitCode: child.exitCode, stdout, stderr});
    });
  });
}
