import type {Command} from 'commander';
import type {Bytes, Input, KeyValue} from 'kvi';
import {scan} from 'kvi/recipes';
import type {Context, Perform} from '../context.ts';
import {ok} from '../exit-codes.ts';
import {parseHolder} from '../holder.ts';
import {keyHelp, parseKey, toBytes} from '../keys.ts';
import {leaseTimes} from '../lease-times.ts';
import {formOf, type FormOptions, jsonBytes, withForm} from '../output.ts';
import {printTable, type Row, type TableShape} from '../table.ts';

/** `kvi locks [PREFIX]` */
export function define(command: Command, perform: Perform): void {
  withForm(command)
    .description(
      'Print who holds locks, elections and semaphores, and who waits for them, first come first: the name, holds or ' +
        'waits, the revision since when, the lease, the seconds it has left of its TTL, and the value of the key. What ' +
        'kvi lock holds has the host, the process and the time instead of a value. They are known by the form of their ' +
        'keys, NAME/LEASE.',
    )
    .argument('[prefix]', `the beginning of their names; ${keyHelp} (default: all)`, parseKey)
    .addHelpText('after', '\nExamples:\n  kvi locks\n  kvi locks nightly --json')
    .action((prefix: Input = '', options: FormOptions) =>
      perform(async (context) => {
        await printTable(rowsBelow(toBytes(prefix), context), shape, context, formOf(options));
        return ok;
      }),
    );
}

const shape: TableShape = {
  titles: ['NAME', 'STATE', 'REVISION', 'LEASE', 'LEFT', 'HOLDER', 'PID', 'SINCE'],
  cut: 'HOLDER',
};

async function* rowsBelow(prefix: Bytes, context: Context): AsyncGenerator<Row, void> {
  for (const [name, contenders] of await contendersBelow(prefix, context)) {
    yield* rowsOf(name, contenders, context);
  }
}

/** Keys by the name of what they contend for. */
async function contendersBelow(
  prefix: Bytes,
  {kv, signal}: Context,
): Promise<Map<string, KeyValue<Bytes>[]>> {
  const found = new Map<string, KeyValue<Bytes>[]>();
  for await (const candidate of scan(kv, {prefix}, {signal})) {
    const key = Buffer.from(candidate.key).toString();
    if (candidate.lease === '0' || !key.endsWith(`/${candidate.lease}`)) continue;
    const name = key.slice(0, -candidate.lease.length - 1);
    found.set(name, [...(found.get(name) ?? []), candidate]);
  }
  return found;
}

async function* rowsOf(
  name: string,
  contenders: KeyValue<Bytes>[],
  {kv, signal}: Context,
): AsyncGenerator<Row, void> {
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
    const holder = parseHolder(value);
    const who = holder === undefined ? [value] : [holder.host, String(holder.pid), holder.since];
    const document = {name: shown, state, key: jsonBytes(key), token: createRevision, lease, ...left};
    yield {
      fields: [shown, state, String(createRevision), lease, seconds, ...who],
      document: {...document, ...(holder ?? {value: jsonBytes(value)})},
    };
  }
}
