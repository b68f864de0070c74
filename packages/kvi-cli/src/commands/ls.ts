import type {Command} from 'commander';
import type {Bytes, Input, KeyValue} from 'kvi';
import {scan, scanLevel} from 'kvi/recipes';
import type {Context, Perform} from '../context.ts';
import {ok} from '../exit-codes.ts';
import {usageError} from '../failures.ts';
import {isTerminal} from '../io.ts';
import {keyHelp, parseKey, toBytes} from '../keys.ts';
import {leaseTimes} from '../lease-times.ts';
import {formOf, type FormOptions, jsonBytes, metadataDocument, type RecordForm, withForm} from '../output.ts';
import {printable} from '../printable.ts';
import {printTable, type Row} from '../table.ts';

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
        const listing = {context, keysOnly: options.long !== true};
        const entries = (options.tree ? treeEntries : levelEntries)(toBytes(prefix), listing);
        const form = formOf(options);
        if (options.long) await printTable(longRows(entries, context), {titles}, context, form);
        else await printNames(entries, context, form);
        return ok;
      }),
    );
}

type Listed = KeyValue<Bytes> | {folder: Bytes};

/** A line: a key, or a folder, by a name. */
interface Entry {
  name: Input;
  what: Listed;
  indent: string;
}

interface Listing {
  context: Context;
  keysOnly: boolean;
}

async function* levelEntries(prefix: Bytes, {context, keysOnly}: Listing): AsyncGenerator<Entry, void> {
  const {kv, signal} = context;
  for await (const entry of scanLevel(kv, prefix, {keysOnly, signal})) {
    if ('folder' in entry) yield {name: entry.folder, what: entry, indent: ''};
    else yield {name: entry.found.key, what: entry.found, indent: ''};
  }
}

/** Keys in byte order have all that is in a folder side by side. */
async function* treeEntries(prefix: Bytes, {context, keysOnly}: Listing): AsyncGenerator<Entry, void> {
  const {kv, signal, json} = context;
  let open: string[] = [];
  for await (const found of scan(kv, {prefix}, {keysOnly, signal})) {
    // In Latin-1 each byte is a character.
    const path = Buffer.from(found.key).toString('latin1').split('/');
    const last = path.pop() ?? '';
    const entry = (depth: number, part: string, what: Listed): Entry => ({
      name: Buffer.from(part, 'latin1'),
      what,
      indent: '  '.repeat(depth),
    });
    for (let depth = firstDifference(open, path); depth < path.length; depth += 1) {
      const folder = Buffer.from(`${path.slice(0, depth + 1).join('/')}/`, 'latin1');
      if (!json) yield entry(depth, `${path[depth] ?? ''}/`, {folder});
    }
    yield entry(path.length, last === '' ? '.' : last, found);
    open = path;
  }
}

function firstDifference(one: readonly string[], other: readonly string[]): number {
  const at = other.findIndex((part, index) => part !== one[index]);
  return at === -1 ? other.length : at;
}

/** A name as it is printed. */
function shown({name, indent}: Entry, {io}: Context): Input {
  if (isTerminal(io.stdout)) return indent + printable(toBytes(name));
  return Buffer.concat([indent, name].map(toBytes));
}

async function printNames(entries: AsyncIterable<Entry>, context: Context, form: RecordForm): Promise<void> {
  for await (const entry of entries)
    await context.output.record([shown(entry, context)], documentOf(entry.what), form);
}

const titles = ['CREATE', 'MOD', 'VERSION', 'SIZE', 'LEASE', 'LEFT', 'KEY'];

async function* longRows(entries: AsyncIterable<Entry>, context: Context): AsyncGenerator<Row, void> {
  const timeLeft = leaseTimes(context.kv, context.signal);
  for await (const entry of entries) {
    const {what} = entry;
    const lease = 'lease' in what && what.lease !== '0' ? what.lease : undefined;
    const left = lease === undefined ? undefined : await timeLeft(lease);
    const fields = fieldsOf(what, lease, left && `${left.ttlSeconds}/${left.grantedTtlSeconds}`);
    yield {
      fields: [...fields, shown(entry, context)],
      document: 'folder' in what ? documentOf(what) : {...metadataDocument(what), ...left},
    };
  }
}

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
