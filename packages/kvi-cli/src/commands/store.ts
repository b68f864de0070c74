import type {Command} from 'commander';
import {type Input, isKviError} from 'kvi';
import {type Context, type Perform, readValue, valueHelp} from '../context.ts';
import {type ExitCode, no, ok} from '../exit-codes.ts';
import {usageError} from '../failures.ts';
import {keyHelp, parseKey} from '../keys.ts';
import {ttlSeconds, wholeNumber} from '../parsers.ts';

interface StoreCommandOptions {
  /** In seconds. */
  ttl?: number;
  lease?: string;
  ifAbsent?: boolean;
  ifRev?: number;
}

/** `kvi store KEY VALUE` */
export function define(command: Command, perform: Perform): void {
  command
    .description('Set a key. With a condition that is false, exit with 1 and change nothing.')
    .argument('<key>', keyHelp, parseKey)
    .argument('<value>', valueHelp)
    .option('--ttl <seconds>', 'delete the key after this time, and print its lease', ttlSeconds)
    .option('--lease <id>', 'delete the key when this lease ends')
    .option('--if-absent', 'only if the key does not exist')
    .option('--if-rev <n>', 'only if the key was last changed by this revision', wholeNumber)
    .addHelpText(
      'after',
      '\nExamples:\n  kvi store greeting hello\n  kvi store logo @logo.png\n  date | kvi store started - --if-absent' +
        '\n  kvi store balance -- -5\n  kvi store maintenance on --ttl 600',
    )
    .action((key: Input, value: string, options: StoreCommandOptions) =>
      perform(async (context) => {
        const {ttl, lease: given, ifAbsent, ifRev} = options;
        if (ttl !== undefined && given !== undefined) throw usageError('give --ttl or --lease, not both');
        if (ifAbsent && ifRev !== undefined) throw usageError('give --if-absent or --if-rev, not both');
        const modRevision = ifAbsent ? 0 : ifRev;
        const write = {key, value: await readValue(value, context), modRevision};
        return ttl === undefined ? storeUnder(given, write, context) : storeFor(ttl, write, context);
      }),
    );
}

interface Write {
  key: Input;
  value: Input;
  /** What the key's has to be; 0: the key does not exist. */
  modRevision: number | undefined;
}

async function storeUnder(lease: string | undefined, write: Write, context: Context): Promise<ExitCode> {
  const stored = await store(write, lease, context);
  await context.output.record([], stored && lease !== undefined ? {stored, lease} : {stored});
  return stored ? ok : no;
}

async function storeFor(ttl: number, write: Write, context: Context): Promise<ExitCode> {
  const {kv, output, signal} = context;
  const granted = await kv.lease({ttlSeconds: ttl, keepAlive: false, signal});
  const {id: lease, ttlSeconds} = granted;
  let stored: boolean;
  try {
    stored = await store(write, lease, context);
  } catch (error) {
    // The key may have been stored; then it must keep its lease.
    if (!isKviError(error, 'KVI_UNKNOWN_OUTCOME')) await granted.revoke().catch(() => undefined);
    throw error;
  }
  if (!stored) await granted.revoke().catch(() => undefined);
  await output.record(stored ? [lease] : [], stored ? {stored, lease, ttlSeconds} : {stored});
  return stored ? ok : no;
}

/** @returns whether the condition was true, and the key set */
async function store(
  {key, value, modRevision}: Write,
  lease: string | undefined,
  {kv, signal}: Context,
): Promise<boolean> {
  if (modRevision === undefined) {
    await kv.store(key, value, {lease, signal});
    return true;
  }
  const {succeeded} = await kv.txn(
    {
      compare: [{key, target: 'mod', result: '=', modRevision}],
      success: [{type: 'put', key, value, lease}],
    },
    {signal},
  );
  return succeeded;
}
