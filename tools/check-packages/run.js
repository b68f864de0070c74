import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {readFileSync} from 'node:fs';
import {text} from 'node:stream/consumers';

/**
 * Runs a command; shows what it printed only when it fails.
 *
 * @param cwd - where
 * @param command - what, and its arguments
 * @param env - further variables
 * @returns what it printed
 */
export async function run(cwd, command, env = {}) {
  const {status, output} = await attempt(cwd, command, env);
  if (status !== 0) throw new Error(`This command failed:\n${output}`);
  return output;
}

/** As {@link run}, and returns how it ended. */
export async function attempt(cwd, command, env = {}) {
  const [file = '', ...args] = command;
  console.log(`$ ${command.join(' ').replaceAll(/\s+/g, ' ').slice(0, 110)}`);
  // Not synchronously: the etcd that commands talk to is kept by this process.
  const child = spawn(file, args, {cwd, env: {...process.env, ...env}, stdio: ['ignore', 'pipe', 'pipe']});
  const output = Promise.all([text(child.stdout), text(child.stderr)]);
  const [status] = await once(child, 'close');
  return {status, output: (await output).join('')};
}

export function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}
