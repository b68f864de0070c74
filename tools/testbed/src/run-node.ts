import {execFile} from 'node:child_process';
import {typescriptArgs} from './typescript.ts';

/** What a process left behind. */
export interface Ended {
  /** Null when it did not end by itself, within two minutes. */
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/**
 * Runs Node in a process of its own, on the sources of the packages, until it ends.
 *
 * @param args what to run, as after `node`
 * @param env further variables
 * @param cwd where to run it, which decides what a program without a file finds to import. Default: here.
 */
export function runNode(
  args: readonly string[],
  {env = {}, cwd}: {env?: NodeJS.ProcessEnv; cwd?: string} = {},
): Promise<Ended> {
  const options = {cwd, env: {...process.env, NODE_OPTIONS: '', ...env}, timeout: 120_000};
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [...typescriptArgs, ...args],
      options,
      (_error, stdout, stderr) => {
        resolve({exitCode: child.exitCode, stdout, stderr});
      },
    );
  });
}
