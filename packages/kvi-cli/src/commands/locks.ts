import type {Command} from 'commander';
import type {Bytes, Input, KeyValue} from 'kvi';
import type {Context, Perform} from '../context.ts';
import {ok} from '../exit-codes.ts';
import {allKeys, prefixRange} from '../key-pages.ts';
import {keyHelp, parseKey, toBytes} from '../keys.ts';
import {leaseTimes} from '../lease-times.ts';
import {jsonBytes} from '../output.ts';

/** `kvi locks [PREFIX]` */
export function define(command: Command, perform: Perform): void {
  command
    .description(
      'Print who holds locks, elections and semaphores, and who waits for them, first come first: the name, holds or ' +
        'waits, the revision since when, the lease, the seconds it has left, and the value, if there is one. They are ' +
        'told from other keys by their form, NAME/LEASE.',
    )
    .argument('[prefix]', `the beginning of their names; ${keyHelp} (default: all)`, parseKey)
    .addHelpText('after', '\nExamples:\n  kvi locks\n  kvi locks nightly --json')
    .action((prefix: Input = '') =>
      perform(async (context) => {
        for (const [name, contenders] of await contendersBelow(toBytes(prefix), context)) {
          await print(name, contenders, context);
        }
        return ok;
      }),
    );
}

/** Keys by the name of what they contend for. */
async function contendersBelow(
  prefix: Bytes,
  {kv, signal}: Context,
): Promise<Map<string, KeyValue<Bytes>[]>> {
  const found = new Map<string, KeyValue<Bytes>[]>();
  for await (const candidate of allKeys(kv, prefixRange(prefix), {withValues: true, signal})) {
    const key = Buffer.from(candidate.key).toString();
    if (candidate.lease === '0' || !key.endsWith(`/${candidate.lease}`)) continue;
    const name = key.slice(0, -candidate.lease.length - 1);
    found.set(name, [...(found.get(name) ?? []), candidate]);
  }
  return found;
}

async function print(
  name: string,
  contenders: KeyValue<Bytes>[],
  {kv, output, signal}: Context,
): Promise<void> {
  const timeLeft = leaseTimes(kv, signal);
  const [, semaphore] = /^(.*)\/permits$/s.exec(name) ?? [];
  const size = semaphore === undefined ? undefined : await kv.get(`${semaphore}/size`, {signal});
  const holders = size === undefined ? 1 : Number(Buffer.from(size).toString());
  const shown = size === undefined ? name : (semaphore ?? name);
  const inOrder = contenders.toSorted((one, other) => one.createRevision - other.createRevision);
  for (const [place, {key, value, lease, createRevision}] of inOrder.entries()) {
    const state = place < holders ? 'holds' : 'waits';
    const left = await timeLeft(lease);
    const seconds = left === undefined ? '-' : `${left.ttlSeconds}/${left.grantedTtlSeconds}`;
    await output.record([shown, state, String(createRevision), lease, seconds, value], {
      name: shown,
      state,
      key: jsonBytes(key),
      token: createRevision,
      lease,
      ...left,
      value: jsonBytes(value),
    });
  }
}
