import type {Command} from 'commander';
import {type Bytes, type Change, type ChangeSet, type Input, isKviError, type Keys, KviError} from 'kvi';
import {type Context, type Perform, readValue} from '../context.ts';
import {type ExitCode, ok} from '../exit-codes.ts';
import {usageError} from '../failures.ts';
import {type KeysOptions, keysOf, toBytes, withKeys} from '../keys.ts';
import {changeDocument, formOf, type FormOptions, withForm} from '../output.ts';
import {duration, positiveNumber} from '../parsers.ts';
import {afterQuiet} from '../quiet-period.ts';
import {openResumeFile, type ResumeFile} from '../resume-file.ts';
import {runCommand} from '../run-command.ts';

interface WatchCommandOptions extends KeysOptions, FormOptions {
  count?: number;
  once?: boolean;
  fromRevision?: number;
  initial?: boolean;
  until?: string;
  exec?: string;
  /** In milliseconds. */
  debounce?: number;
  resumeFile?: string;
  updatesOnly?: boolean;
}

/** `kvi watch KEYS` */
export function define(command: Command, perform: Perform): void {
  withForm(withKeys(command))
    .description('Print changes as they happen, until interrupted.')
    .option('--count <n>', 'end after n changes', positiveNumber)
    .option('--once', 'end after the first change')
    .option('--until <value>', 'end when a key holds this value, at once if one does')
    .option('--initial', 'begin with the keys that exist')
    .option('--from-revision <n>', 'start with the changes of this revision, past or future', positiveNumber)
    .option('--updates-only', 'leave out deletions, and puts of the value that a key already holds')
    .option(
      '--debounce <time>',
      'wait until nothing has changed for this long, then print the last change of each key',
      duration,
    )
    .option('--exec <command>', 'run this shell command for each change, instead of printing it')
    .option(
      '--resume-file <file>',
      'keep the position in this file, and continue from there when started again',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  kvi watch --prefix /config/ --json\n  kvi watch state --until ready > /dev/null\n' +
        '  kvi watch --prefix /config/ --initial --debounce 500ms --exec "systemctl reload app"\n' +
        '  kvi watch --prefix /orders/ --resume-file orders.pos --exec ./handle-order',
    )
    .action((key: Input | undefined, end: Input | undefined, options: WatchCommandOptions) =>
      perform(async (context) => watch(keysOf(key, end, options), options, context)),
    );
}

async function watch(keys: Keys, options: WatchCommandOptions, context: Context): Promise<ExitCode> {
  const {kv, signal} = context;
  checkOptions(options);
  const {fromRevision, initial = false, until, debounce, updatesOnly = false} = options;
  const resume = options.resumeFile === undefined ? undefined : await openResumeFile(options.resumeFile);
  const awaited = until === undefined ? undefined : toBytes(await readValue(until, context));
  const deal = dealer(options, resume, awaited, context);

  let startRevision = resume?.revision === undefined ? fromRevision : resume.revision + 1;
  // The first time only: a watch that continues has seen the keys that exist.
  if (resume?.revision === undefined && (initial || awaited !== undefined || resume !== undefined)) {
    const present = await kv.range(keys, {signal});
    const events = present.kvs.map((found) => ({type: 'put' as const, ...found}));
    const told = initial ? events : events.filter(({value}) => isSame(value, awaited));
    const exitCode = await deal({revision: present.revision, events: told}, {isInitial: true});
    if (exitCode !== undefined) return exitCode;
    startRevision ??= present.revision + 1;
  } else if (resume?.revision !== undefined) {
    await checkNotAhead(resume.revision, keys, context);
  }

  for (;;) {
    const changes = kv.changes(keys, {
      startRevision,
      signal,
      prevKv: updatesOnly,
      filters: updatesOnly ? ['nodelete'] : undefined,
      progressNotify: resume !== undefined,
    });
    const sets = debounce === undefined ? changes : afterQuiet(changes, debounce);
    try {
      for await (const set of sets) {
        const exitCode = await deal(set, {isInitial: false});
        if (exitCode !== undefined) return exitCode;
      }
      return ok;
    } catch (error) {
      // A command takes its time. What it has not seen is still in the history.
      if (options.exec === undefined || !isKviError(error, 'KVI_SLOW_CONSUMER')) throw error;
      startRevision = error.revision;
    }
  }
}

function checkOptions({count, once, fromRevision, initial, resumeFile}: WatchCommandOptions): void {
  if (count !== undefined && once) throw usageError('give --count or --once, not both');
  if (fromRevision !== undefined && initial) throw usageError('give --initial or --from-revision, not both');
  if (fromRevision !== undefined && resumeFile !== undefined) {
    throw usageError('give --from-revision or --resume-file, not both');
  }
}

/** @throws `KVI_FUTURE_REVISION` if the store is another one, or was restored: it would be watched in silence */
async function checkNotAhead(revision: number, keys: Keys, {kv, signal}: Context): Promise<void> {
  const present = await kv.range(keys, {countOnly: true, signal});
  if (present.revision >= revision) return;
  throw new KviError(
    'KVI_FUTURE_REVISION',
    `the resume file is of revision ${revision}, and the store at ${present.revision}; is it another store?`,
  );
}

type Deal = (set: ChangeSet<Bytes>, how: {isInitial: boolean}) => Promise<ExitCode | undefined>;

/** Makes what prints changes, or runs the command for them. It returns the exit code when the watch is over. */
function dealer(
  options: WatchCommandOptions,
  resume: ResumeFile | undefined,
  awaited: Bytes | undefined,
  context: Context,
): Deal {
  const {once, count = once ? 1 : Infinity, updatesOnly = false, exec, debounce} = options;
  let dealt = 0;

  async function tell(changes: readonly Change<Bytes>[]): Promise<ExitCode> {
    if (exec !== undefined) return runFor(changes, exec, context);
    for (const change of changes) await print(change, options, context);
    return ok;
  }

  return async ({revision, events}, {isInitial}) => {
    const wanted = events.filter((change) => !updatesOnly || isInitial || isUpdate(change));
    // A debounced command runs once for all.
    const parts = exec === undefined || debounce === undefined ? wanted.map((change) => [change]) : [wanted];
    let isOver = false;
    for (const changes of parts) {
      if (changes.length === 0) continue;
      const exitCode = await tell(changes);
      if (exitCode !== ok) return exitCode;
      if (!isInitial) dealt += changes.length;
      isOver ||= dealt >= count || changes.some(({value}) => isSame(value, awaited));
      // What is noted is a whole revision.
      if (isOver && resume === undefined) break;
    }
    await resume?.note(revision);
    return isOver ? ok : undefined;
  };
}

function isUpdate(change: Change<Bytes>): boolean {
  return change.type === 'put' && !isSame(change.value, change.prevKv?.value);
}

function isSame(value: Bytes | undefined, other: Bytes | undefined): boolean {
  return value !== undefined && other !== undefined && Buffer.compare(value, other) === 0;
}

async function print(change: Change<Bytes>, options: FormOptions, {output}: Context): Promise<void> {
  const {type, key} = change;
  const fields = type === 'delete' ? [type, key] : [type, key, change.value];
  await output.record(fields, changeDocument(change), formOf(options));
}

/** Runs a shell command, which reads the changes as JSON, one a line, and finds the last in its environment. */
function runFor(changes: readonly Change<Bytes>[], exec: string, {io}: Context): Promise<ExitCode> {
  const last = changes.at(-1);
  const env = {
    KVI_EVENT_TYPE: last?.type ?? '',
    KVI_EVENT_KEY: variable(last?.key),
    KVI_EVENT_VALUE: variable(last?.value),
    KVI_EVENT_REVISION: String(last?.modRevision ?? ''),
  };
  const input = changes.map((change) => `${JSON.stringify(changeDocument(change))}\n`).join('');
  return runCommand(['sh', '-c', exec], {io, env, input: Buffer.from(input)});
}

/** No variable can hold a NUL, nor much; who needs such a value reads it from the JSON. */
function variable(bytes: Bytes | undefined): string {
  const text = bytes === undefined || bytes.length > 65_536 ? '' : Buffer.from(bytes).toString();
  return text.includes('\0') ? '' : text;
}
