import {createInterface} from 'node:readline';
import {Writable} from 'node:stream';
import {Interrupted, usageError} from './failures.ts';
import type {Io} from './io.ts';

/**
 * Asks for a password on the terminal, which does not show what is typed.
 *
 * @returns undefined if there is no terminal
 * @throws `Interrupted` after Ctrl-C, and `KVI_INVALID_ARGUMENT` at the end of the input
 */
export async function askPassword(
  username: string,
  {stdin, stderr, isInteractive}: Io,
): Promise<string | undefined> {
  if (!isInteractive) return undefined;
  const nowhere = new Writable({write: (_chunk, _encoding, done) => done()});
  const terminal = createInterface({input: stdin(), output: nowhere, terminal: true});
  stderr.write(`Password of ${username}: `);
  try {
    return await new Promise((resolve, reject) => {
      terminal.once('line', resolve);
      terminal.once('SIGINT', () => reject(new Interrupted('SIGINT')));
      terminal.once('close', () => reject(usageError('no password was entered')));
    });
  } finally {
    terminal.close();
    stderr.write('\n');
  }
}
