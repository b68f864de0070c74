import type {Command} from 'commander';
import {type Bytes, compareBytes, type Input, type Keys, type KeyValue, type Kvi} from 'kvi';
import {scan, type ScanOptions} from 'kvi/recipes';
import type {Perform} from '../context.ts';
import {no, ok} from '../exit-codes.ts';
import {usageError} from '../failures.ts';
import {type KeysOptions, keysOf, parseKey, toBytes, withKeys} from '../keys.ts';
import {formOf, type FormOptions, jsonBytes, keyValueDocument, withForm} from '../output.ts';
import {positiveNumber} from '../parsers.ts';
import {createProgress} from '../progress.ts';

interface DiffCommandOptions extends KeysOptions, FormOptions {
  to?: string;
  into?: Input;
  fromRev?: number;
  toRev?: number;
  leased?: boolean;
  values?: boolean;
}

/** `kvi diff KEYS` */
export function define(command: Command, perform: Perform): void {
  withForm(withKeys(command))
    .description(
      'Print which keys were created, changed or deleted between two revisions, or differ in another prefix or store. ' +
        'Exits with 1 if any do.',
    )
    .option('--from-rev <n>', 'compare the keys as they were at this revision', positiveNumber)
    .option('--to-rev <n>', 'with those as they were at this revision (default: now)', positiveNumber)
    .option('--to <url>', 'with those in this store')
    .option('--into <prefix>', 'with those below this prefix', parseKey)
    .option('--leased', 'in another prefix or store, compare keys under leases too')
    .option('--values', 'print the values before and after')
    .addHelpText(
      'after',
      '\nExamples:\n  kvi diff --all --from-rev 1000\n  kvi diff --prefix app/ --into backup/app/ --values' +
        '\n  kvi diff --prefix app/ --to http://standby:2379',
    )
    .action((key: Input | undefined, end: Input | undefined, options: DiffCommandOptions) =>
      perform(async (context) => {
        const {kv, io, output, signal} = context;
        const {to, into, fromRev, toRev, leased = false, values = false} = options;
        if ([to, into, fromRev, toRev].every((each) => each === undefined)) {
          throw usageError('say what to compare with: --from-rev N, --to URL or --into PREFIX');
        }
        const range = keysOf(key, end, options);
        const isElsewhere = to !== undefined || into !== undefined;
        await using other = to === undefined ? undefined : await context.openOther(to);
        const isCompared = ({lease}: KeyValue<Bytes>) => !isElsewhere || leased || lease === '0';
        const total = async () => (await kv.range(range, {countOnly: true, revision: fromRev, signal})).count;
        const progress = await createProgress({io, unit: 'keys', total});
        const before = keysIn(kv, range, {
          revision: fromRev,
          signal,
          isCompared(found) {
            progress.advance(1);
            return isCompared(found);
          },
        });
        const {target, rebase} = rebased(range, options);
        const after = keysIn(other?.bytes ?? kv, target, {revision: toRev, signal, isCompared});
        let exitCode = ok;
        try {
          for await (const {name, from, to} of differences(before, after, rebase)) {
            progress.printing();
            const type = from === undefined ? 'created' : to === undefined ? 'deleted' : 'changed';
            const shown = values ? [from, to].map((each) => each?.value ?? '') : [];
            await output.record(
              [type, name, ...shown],
              {
                type,
                key: jsonBytes(name),
                from: from && keyValueDocument(from),
                to: to && keyValueDocument(to),
              },
              formOf(options),
            );
            exitCode = no;
          }
          return exitCode;
        } finally {
          progress.end();
        }
      }),
    );
}

/** Where the other keys are, and what their names are here. */
function rebased(range: Keys, {prefix, all, into}: DiffCommandOptions) {
  if (into === undefined) return {target: range, rebase: (key: Bytes): Bytes => key};
  if (prefix === undefined && !all)
    throw usageError('--into takes the place of --prefix, or of nothing with --all');
  const [ours, theirs] = [toBytes(prefix ?? ''), toBytes(into)];
  return {
    target: {prefix: theirs},
    rebase: (key: Bytes): Bytes => Buffer.concat([ours, key.subarray(theirs.length)]),
  };
}

async function* keysIn(
  kv: Kvi<Bytes>,
  range: Keys,
  {isCompared, ...options}: ScanOptions & {isCompared: (found: KeyValue<Bytes>) => boolean},
): AsyncGenerator<KeyValue<Bytes>, undefined> {
  for await (const found of scan(kv, range, options)) {
    if (isCompared(found)) yield found;
  }
  return undefined;
}

interface Difference {
  name: Bytes;
  from: KeyValue<Bytes> | undefined;
  to: KeyValue<Bytes> | undefined;
}

type Found = AsyncGenerator<KeyValue<Bytes>, undefined>;

/** Goes through both side by side. */
async function* differences(
  before: Found,
  after: Found,
  rebase: (key: Bytes) => Bytes,
): AsyncGenerator<Difference, undefined> {
  let [from, to] = [(await before.next()).value, (await after.next()).value];
  while (from !== undefined || to !== undefined) {
    const theirs = to && rebase(to.key);
    const order = from === undefined ? 1 : theirs === undefined ? -1 : compareBytes(from.key, theirs);
    const name = order <= 0 ? from?.key : theirs;
    const difference = {
      name: name ?? Buffer.of(),
      from: order <= 0 ? from : undefined,
      to: order >= 0 ? to : undefined,
    };
    if (!isSame(difference)) yield difference;
    if (order <= 0) from = (await before.next()).value;
    if (order >= 0) to = (await after.next()).value;
  }
  return undefined;
}

function isSame({from, to}: Difference): boolean {
  return from !== undefined && to !== undefined && Buffer.compare(from.value, to.value) === 0;
}
