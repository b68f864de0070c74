import {createInterface} from 'node:readline';
import {isKviError} from 'kvi';

/** Tells the test something, as a line of JSON. */
export function say(message: unknown): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

/** Blocks the event loop. @returns what `look` saw before, and after, when no timer has fired yet */
export function stall<T>(ms: number, look: () => T): {before: T; after: T} {
  const before = look();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  return {before, after: look()};
}

/** Does as it is told, one line `COMMAND ARGUMENT` after the other, and says what came of each: `ready` first. */
export async function obey(commands: Record<string, (argument: string) => unknown>): Promise<void> {
  say('ready');
  for await (const line of createInterface({input: process.stdin})) {
    const [command = '', argument = ''] = line.split(' ');
    try {
      say((await commands[command]?.(argument)) ?? 'done');
    } catch (error) {
      say({code: isKviError(error) ? error.code : String(error)});
    }
  }
}
