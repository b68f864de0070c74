import type {Command} from 'commander';
import {type Bytes, type Input, isKviError, type KeyValue, KviError} from 'kvi';
import {writeAtomically} from '../atomic-file.ts';
import type {Context, Perform} from '../context.ts';
import {type ExitCode, no, ok} from '../exit-codes.ts';
import {usageError} from '../failures.ts';
import {keyHelp, parseKey} from '../keys.ts';
import {
  createOutput,
  formOf,
  type FormOptions,
  jsonBytes,
  keyValueDocument,
  metadataDocument,
  type Output,
  withForm,
} from '../output.ts';
import {limitInSeconds, wholeNumber} from '../parsers.ts';

interface GetCommandOptions extends FormOptions {
  newline: boolean;
  raw?: boolean;
  output?: string;
  /** In milliseconds, or `Infinity`. */
  wait?: number;
  default?: string;
  exists?: boolean;
  keysOnly?: boolean;
  metadata?: boolean;
  revision?: number;
}

/** `kvi get KEY` */
export function define(command: Command, perform: Perform): void {
  withForm(command)
    .description('Print the value of a key. Exits with 1 if the key does not exist.')
    .argument('<key>', keyHelp, parseKey)
    .option('-n, --no-newline', 'do not add a newline to the value')
    .option('--raw', 'print the value byte for byte, as -n')
    .option('-o, --output <file>', 'write to this file instead, byte for byte, and replace it at once')
    .option(
      '--wait <seconds>',
      'wait at most this many seconds until the key exists, or "forever"',
      limitInSeconds,
    )
    .option('--default <value>', 'print this value if the key does not exist')
    .option('--exists', 'print nothing: exit with 0 if the key exists, with 1 otherwise')
    .option('--keys-only', 'print the key instead of its value')
    .option('--metadata', 'print the revisions, the lease and the size instead of the value')
    .option('--revision <n>', 'read the store as it was at this revision', wholeNumber)
    .addHelpText(
      'after',
      '\nExamples:\n  greeting=$(kvi get greeting)\n  kvi get logo -o logo.png\n  kvi get ready --wait 30\n' +
        '  level=$(kvi get log/level --default info)\n  if kvi get maintenance --exists; then exit; fi',
    )
    .action((key: Input, options: GetCommandOptions) =>
      perform(async (context) => {
        checkOptions(options);
        const {output: file} = options;
        if (file === undefined) return print(key, options, context);
        return writeAtomically(file, async (stream) => {
          const output = createOutput(stream, {json: context.json});
          const result = await print(key, {...options, raw: true}, {...context, output});
          return {result, isComplete: result === ok};
        });
      }),
    );
}

function checkOptions({
  exists,
  keysOnly,
  metadata,
  wait,
  revision,
  default: fallback,
}: GetCommandOptions): void {
  if ([exists, keysOnly, metadata].filter((each) => each).length > 1) {
    throw usageError('give one of --exists, --keys-only and --metadata');
  }
  if (wait !== undefined && revision !== undefined) throw usageError('give --wait or --revision, not both');
  if (fallback !== undefined && (exists || keysOnly || metadata)) {
    throw usageError('--default is a value: it does not go with --exists, --keys-only and --metadata');
  }
}

async function print(key: Input, options: GetCommandOptions, context: Context): Promise<ExitCode> {
  const {output} = context;
  const found = await find(key, options, context);
  const {exists = false, default: fallback} = options;
  if (exists) {
    await output.record([], {key: jsonBytes(key), exists: found !== undefined});
    return found === undefined ? no : ok;
  }
  if (found !== undefined) {
    await printFound(found, options, output);
    return ok;
  }
  if (fallback === undefined) {
    await output.record([], {key: jsonBytes(key), value: null});
    return no;
  }
  await output.record(
    [fallback],
    {key: jsonBytes(key), value: fallback, isDefault: true},
    valueForm(options),
  );
  return ok;
}

async function printFound(found: KeyValue<Bytes>, options: GetCommandOptions, output: Output): Promise<void> {
  const {key, value, ...history} = found;
  if (options.keysOnly) {
    await output.record([key], {key: jsonBytes(key), ...history}, valueForm(options));
  } else if (options.metadata) {
    const {createRevision, modRevision, version, lease} = history;
    const fields = Object.entries({createRevision, modRevision, version, lease, size: value.length});
    const text = fields.map((field) => field.join('\t')).join('\n');
    await output.record([text], metadataDocument(found), valueForm(options));
  } else {
    await output.record([value], keyValueDocument(found), valueForm(options));
  }
}

function valueForm(options: GetCommandOptions) {
  return !options.newline || options.raw ? {end: ''} : formOf(options);
}

/** @throws `KVI_TIMEOUT` if the key did not come in time, unless there is a value for then */
async function find(
  key: Input,
  {wait, revision, default: fallback}: GetCommandOptions,
  {kv, signal}: Context,
): Promise<KeyValue<Bytes> | undefined> {
  if (wait === undefined) return kv.getKeyValue(key, {revision, signal});
  const timeout = wait === Infinity ? undefined : AbortSignal.timeout(wait);
  const either = timeout === undefined ? signal : AbortSignal.any([signal, timeout]);
  try {
    const {kvs, revision: present} = await kv.range(key, {signal});
    if (kvs[0] !== undefined) return kvs[0];
    for await (const {events} of kv.changes(key, {startRevision: present + 1, signal: either})) {
      for (const change of events) if (change.type === 'put') return change;
    }
  } catch (error) {
    if (!isKviError(error, 'KVI_ABORTED') || timeout?.aborted !== true || signal.aborted) throw error;
    if (fallback === undefined) {
      throw new KviError('KVI_TIMEOUT', `the key did not exist within ${wait / 1_000} s`);
    }
  }
  return undefined;
}
