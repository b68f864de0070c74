import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {Command} from 'commander';
import {type Bytes, type Input, type KeyValue, KviError} from 'kvi';
import type {Context, Perform} from '../context.ts';
import {variable} from '../environment.ts';
import {type ExitCode, ok} from '../exit-codes.ts';
import {messageOf} from '../failures.ts';
import type {Io} from '../io.ts';
import {keyHelp, parseKey} from '../keys.ts';
import {runCommand} from '../run-command.ts';

/** `kvi edit KEY` */
export function define(command: Command, perform: Perform): void {
  command
    .description(
      'Edit the value of a key in $VISUAL, $EDITOR or vi. Stores nothing if it was not changed, or if the editor fails. If ' +
        'somebody else changed the key meanwhile, exits with 116, and leaves what was edited in its file.',
    )
    .argument('<key>', `${keyHelp}; one that does not exist begins empty`, parseKey)
    .addHelpText('after', '\nExample:\n  EDITOR=nano kvi edit config/app.yaml')
    .action((key: Input) => perform((context) => edit(key, context)));
}

async function edit(key: Input, context: Context): Promise<ExitCode> {
  const {kv, io, output, signal} = context;
  const found = await kv.getKeyValue(key, {signal});
  const folder = await mkdtemp(join(tmpdir(), 'kvi-edit-'));
  const file = join(folder, nameFor(key));
  let isKept = false;
  try {
    await writeFile(file, found?.value ?? '', {mode: 0o600});
    // A shell, as the variable may have options.
    const exitCode = await runCommand(['sh', '-c', `${editorOf(io.env)} "$1"`, 'sh', file], {io});
    signal.throwIfAborted();
    if (exitCode !== ok) return exitCode;
    const before = found?.value ?? Buffer.of();
    const value = withoutAddedNewline(await readFile(file), before);
    if (Buffer.compare(value, before) === 0) {
      await output.record([], {stored: false});
      return ok;
    }
    isKept = true;
    await store(key, value, found, context).catch((error: unknown) => {
      const {message, code} =
        error instanceof KviError ? error : new KviError('KVI_INTERNAL', messageOf(error));
      throw new KviError(code, `${message}; what you edited is in ${file}`, {cause: error});
    });
    isKept = false;
    await output.record([], {stored: true});
    return ok;
  } finally {
    if (!isKept) await rm(folder, {recursive: true});
  }
}

/** Editors end the last line; a value that did not end so should not because of that. */
function withoutAddedNewline(edited: Bytes, before: Bytes): Bytes {
  const newline = 0x0a;
  return edited.at(-1) === newline && before.at(-1) !== newline ? edited.subarray(0, -1) : edited;
}

/** @throws `KVI_CONFLICT` if it is no longer as it was found */
async function store(
  key: Input,
  value: Bytes,
  found: KeyValue<Bytes> | undefined,
  {kv, signal}: Context,
): Promise<void> {
  const {succeeded} = await kv.txn(
    {
      compare: [{key, target: 'mod', result: '=', modRevision: found?.modRevision ?? 0}],
      // A lease that it has stays.
      success: [{type: 'put', key, value, ignoreLease: found !== undefined}],
    },
    {signal},
  );
  if (!succeeded) throw new KviError('KVI_CONFLICT', 'somebody else changed the key meanwhile');
}

function editorOf(env: Io['env']): string {
  return variable(env, 'VISUAL') ?? variable(env, 'EDITOR') ?? 'vi';
}

/** The end of the key, by which an editor knows the language: `app.yaml`. */
function nameFor(key: Input): string {
  const name = Buffer.from(key).toString().split('/').at(-1) ?? '';
  return /^[\w.-]{1,100}$/.test(name) && !/^\.+$/.test(name) ? name : 'value';
}
