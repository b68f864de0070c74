import type {Command} from 'commander';
import {type Bytes, type Input, type KeyValue} from 'kvi';
import type {Context, Perform} from '../context.ts';
import {ok} from '../exit-codes.ts';
import {usageError} from '../failures.ts';
import {isTerminal} from '../io.ts';
import {allKeys, levelOf, prefixRange} from '../key-pages.ts';
import {keyHelp, parseKey, toBytes} from '../keys.ts';
import {leaseTimes} from '../lease-times.ts';
import {formOf, type FormOptions, jsonBytes, metadataDocument, withForm} from '../output.ts';
import {printable} from '../printable.ts';
import {type Column, createTable} from '../table.ts';

interface LsCommandOptions extends FormOptions {
  tree?: boolean;
  long?: boolean;
}

/** `kvi ls [PREFIX]` */
export function define(command: Command, perform: Perform): void {
  withForm(command)
    .description(
      'List the keys with a prefix, one level at a time: keys that continue after another / are listed as one folder, ' +
        'which ends with /.',
    )
    .argument('[prefix]', `${keyHelp} (default: all keys)`, parseKey)
    .option('--tree', 'all levels, indented')
    .option(
      '-l, --long',
      'with create and mod revision, version, size of the value, lease, and the seconds that the lease has left',
    )
    .addHelpText('after', '\nExamples:\n  kvi ls\n  kvi ls /services/ --long\n  kvi ls app/ --tree')
    .action((prefix: Input = '', options: LsCommandOptions) =>
      perform(async (context) => {
        if (options.tree && options.null) throw usageError('--tree is to be looked at, and -0 to be read');
        const lister = listerOf(toBytes(prefix), options, context);
        await (options.tree ? listTree(lister) : listLevel(lister));
        return ok;
      }),
    );
}

type Listed = KeyValue<Bytes> | {folder: Bytes};

/** What lists keys: how to read them, and how to print a line. */
interface Lister {
  prefix: Bytes;
  context: Context;
  withValues: boolean;
  /** Prints a key, or a folder, by a name. */
  line: (name: Input, what: Listed, indent?: string) => Promise<void>;
}

async function listLevel({prefix, context, withValues, line}: Lister): Promise<void> {
  const {kv, signal} = context;
  for await (const entry of levelOf(kv, prefix, {withValues, signal})) {
    if ('folder' in entry) await line(entry.folder, entry);
    else await line(entry.found.key, entry.found);
  }
}

/** Keys in byte order have all that is in a folder side by side. */
async function listTree({prefix, context, withValues, line}: Lister): Promise<void> {
  const {kv, signal, json} = context;
  let open: string[] = [];
  for await (const found of allKeys(kv, prefixRange(prefix), {withValues, signal})) {
    // In Latin-1 each byte is a character.
    const path = Buffer.from(found.key).toString('latin1').split('/');
    const name = path.pop() ?? '';
    const common = firstDifference(open, path);
    const print = (depth: number, part: string, what: Listed) =>
      line(Buffer.from(part, 'latin1'), what, '  '.repeat(depth));
    for (let depth = common; depth < path.length; depth += 1) {
      const folder = Buffer.from(`${path.slice(0, depth + 1).join('/')}/`, 'latin1');
      if (!json) await print(depth, `${path[depth] ?? ''}/`, {folder});
    }
    await print(path.length, name === '' ? '.' : name, found);
    open = path;
  }
}

function firstDifference(one: readonly string[], other: readonly string[]): number {
  const at = other.findIndex((part, index) => part !== one[index]);
  return at === -1 ? other.length : at;
}

function listerOf(prefix: Bytes, options: LsCommandOptions, context: Context): Lister {
  const {kv, output, io, signal} = context;
  const form = formOf(options);
  if (!options.long) {
    const onTerminal = isTerminal(io.stdout);
    const show = (name: Input, indent: string) =>
      Buffer.concat([indent, onTerminal ? printable(toBytes(name)) : name].map(toBytes));
    return {
      prefix,
      context,
      withValues: false,
      line: (name, what, indent = '') => output.record([show(name, indent)], documentOf(what), form),
    };
  }
  const timeLeft = leaseTimes(kv, signal);
  const print = createTable(columns, context, form);
  return {
    prefix,
    context,
    withValues: true,
    async line(name, what, indent = '') {
      const lease = 'lease' in what && what.lease !== '0' ? what.lease : undefined;
      const left = lease === undefined ? undefined : await timeLeft(lease);
      const fields = fieldsOf(what, lease, left && `${left.ttlSeconds}/${left.grantedTtlSeconds}`);
      const document = 'folder' in what ? documentOf(what) : {...metadataDocument(what), ...left};
      await print([...fields, Buffer.concat([indent, name].map(toBytes))], document);
    },
  };
}

const columns: readonly Column[] = [
  ['CREATE', 8],
  ['MOD', 8],
  ['VERSION', 7],
  ['SIZE', 7],
  ['LEASE', 16],
  ['LEFT', 8],
  ['KEY', 0],
];

function documentOf(what: Listed): object {
  if ('folder' in what) return {folder: jsonBytes(what.folder)};
  const {key, createRevision, modRevision, version, lease} = what;
  return {key: jsonBytes(key), createRevision, modRevision, version, lease};
}

function fieldsOf(what: Listed, lease = '-', left = '-'): string[] {
  if ('folder' in what) return ['-', '-', '-', '-', '-', '-'];
  const {createRevision, modRevision, version, value} = what;
  return [...[createRevision, modRevision, version, value.length].map(String), lease, left];
}
