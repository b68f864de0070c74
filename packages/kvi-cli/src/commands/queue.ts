import type {Command} from 'commander';
import type {Bytes} from 'kvi';
import {bytes, type DeadLetter, queue, type QueueItem} from 'kvi/recipes';
import {type Context, type Perform, readValue, valueHelp} from '../context.ts';
import {type ExitCode, no, ok} from '../exit-codes.ts';
import {usageError} from '../failures.ts';
import {formOf, type FormOptions, jsonBytes, withForm} from '../output.ts';
import {milliseconds, positiveNumber, seconds, ttlSeconds, wholeNumber} from '../parsers.ts';
import {runCommand, termGraceHelp} from '../run-command.ts';
import {printTable, type Row, type TableShape} from '../table.ts';

interface AddCommandOptions {
  priority?: number;
  /** In seconds, as is `dedupTime`. */
  delay?: number;
  dedupKey?: string;
  dedupTime?: number;
  maxDepth?: number;
}

interface TakeCommandOptions {
  /** In milliseconds, as is `termGrace`. */
  wait?: number;
  termGrace?: number;
  /** In seconds, as is `retryDelay`. */
  ttl?: number;
  retryDelay?: number;
  maxAttempts?: number;
  forever?: boolean;
}

interface DeadLettersCommandOptions extends FormOptions {
  /** An id, or `all`, as is `delete`. */
  putBack?: string;
  delete?: string;
}

/** `kvi queue add|take|depth|dead-letters` */
export function define(command: Command, perform: Perform): void {
  command.description('Share jobs between workers. A job is delivered at least once.');
  addAdd(command, perform);
  addTake(command, perform);

  command
    .command('depth')
    .summary('print how many jobs wait')
    .description('Print how many jobs wait: not those that workers have, nor dead letters.')
    .argument('<name>')
    .addHelpText('after', '\nExample:\n  kvi queue depth mails')
    .action((name: string) =>
      perform(async ({kv, output, signal}) => {
        const depth = await queue(kv, name, {codec: bytes}).depth({signal});
        await output.record([String(depth)], {depth});
        return ok;
      }),
    );

  withForm(command.command('dead-letters'))
    .summary('print, put back or delete jobs that were given up')
    .description(
      'Print the jobs that were given up after their last attempt: id, attempts, the last reason and the value. Exits ' +
        'with 1 if there is none to put back or to delete.',
    )
    .argument('<name>')
    .option('--put-back <id>', 'put this one back, or "all"')
    .option('--delete <id>', 'delete this one, or "all"')
    .addHelpText(
      'after',
      '\nExamples:\n  kvi queue dead-letters mails\n  kvi queue dead-letters mails --put-back all',
    )
    .action((name: string, options: DeadLettersCommandOptions) =>
      perform((context) => deadLetters(name, options, context)),
    );
}

function addAdd(command: Command, perform: Perform): void {
  command
    .command('add')
    .summary('add a job')
    .description('Add a job, and print its id. Exits with 1 if a job of its --dedup-key is there.')
    .argument('<name>', 'the name of the queue')
    .argument('<value>', valueHelp)
    .option('--priority <n>', 'jobs of a lower number are taken first (default: 0)', wholeNumber)
    .option('--delay <seconds>', 'deliver it after this time', seconds)
    .option('--dedup-key <key>', 'add nothing while there is a job of this key')
    .option('--dedup-time <seconds>', 'remember the key for this long after the job is done', seconds)
    .option('--max-depth <n>', 'add nothing, and exit with 119, if this many jobs wait', positiveNumber)
    .addHelpText('after', '\nExample:\n  kvi queue add mails "to Ada" --dedup-key welcome-ada')
    .action((name: string, value: string, options: AddCommandOptions) =>
      perform(async (context) => {
        const {kv, output, signal} = context;
        const {priority, delay, dedupKey, dedupTime, maxDepth} = options;
        const {added, id} = await queue(kv, name, {codec: bytes, maxDepth}).add(
          Buffer.from(await readValue(value, context)),
          {priority, delaySeconds: delay, dedupKey, dedupSeconds: dedupTime, signal},
        );
        await output.record([id], {added, id});
        return added ? ok : no;
      }),
    );
}

function addTake(command: Command, perform: Perform): void {
  command
    .command('take')
    .summary('run a command for the next job')
    .description(
      'Run a command for the next job, which it reads on its standard input, and exit with its exit code. If that is 0, ' +
        'the job is done; otherwise it is put back. KVI_QUEUE_ID, KVI_QUEUE_ATTEMPT and KVI_QUEUE_TOKEN tell more. If the ' +
        'job is lost, the command receives SIGTERM, and kvi exits with 104, whatever its exit code.',
    )
    .usage('[options] NAME -- COMMAND [ARGS...]')
    .argument('<name>', 'the name of the queue')
    .argument('<command...>', 'the command and its arguments')
    .option('--wait <seconds>', 'wait at most this many seconds for a job (default: no limit)', milliseconds)
    .option('--forever', 'take one job after another, until interrupted, also after one that failed')
    .option('--retry-delay <seconds>', 'deliver a job that failed again after this time', seconds)
    .option('--max-attempts <n>', 'after this many, a job is a dead letter (default: 16)', positiveNumber)
    .option('--ttl <seconds>', 'how long a job stays with a worker that crashed (default: 10)', ttlSeconds)
    .option('--term-grace <seconds>', termGraceHelp, milliseconds)
    .addHelpText('after', '\nExample:\n  kvi queue take mails --forever -- ./send-mail')
    .action((name: string, command: string[], options: TakeCommandOptions) =>
      perform(async (context) => {
        const {kv, signal} = context;
        const {wait, ttl, maxAttempts, forever = false} = options;
        if (forever && wait !== undefined) throw usageError('give --wait or --forever, not both');
        const jobs = queue(kv, name, {codec: bytes, ttlSeconds: ttl, maxAttempts});
        for (;;) {
          const item = await jobs.take({
            signal,
            // A limit has to be more than 0.
            timeoutMs: wait === undefined ? undefined : Math.max(1, wait),
          });
          const exitCode = await work(item, command, options, context);
          if (!forever) return exitCode;
          signal.throwIfAborted();
        }
      }),
    );
}

/** @throws `KVI_ITEM_LOST` */
async function work(
  item: QueueItem<Bytes>,
  command: readonly string[],
  {termGrace, retryDelay}: TakeCommandOptions,
  {io, signal}: Context,
): Promise<ExitCode> {
  const {id, attempt, token, value} = item;
  // What was neither acked nor nacked is put back.
  await using _ = item;
  signal.throwIfAborted();
  const env = {
    KVI_QUEUE_ID: id,
    KVI_QUEUE_ATTEMPT: String(attempt),
    KVI_QUEUE_TOKEN: String(token),
  };
  const exitCode = await runCommand(command, {io, env, input: value, lost: item.signal, termGrace});
  if (exitCode === ok) await item.ack();
  else await item.nack({reason: `exit code ${exitCode}`, delaySeconds: retryDelay});
  return exitCode;
}

async function deadLetters(
  name: string,
  options: DeadLettersCommandOptions,
  context: Context,
): Promise<ExitCode> {
  const {kv, output, signal} = context;
  const {putBack, delete: remove} = options;
  if (putBack !== undefined && remove !== undefined)
    throw usageError('give --put-back or --delete, not both');
  const letters = queue(kv, name, {codec: bytes}).deadLetters({signal});
  const wanted = putBack ?? remove;
  if (wanted === undefined) {
    await printTable(rowsOf(letters), shape, context, formOf(options));
    return ok;
  }
  let done = 0;
  for await (const letter of letters) {
    if (wanted !== 'all' && wanted !== letter.id) continue;
    const changed = putBack === undefined ? await letter.delete({signal}) : await letter.putBack({signal});
    if (!changed) continue;
    done += 1;
    await output.record([letter.id], {
      id: letter.id,
      [putBack === undefined ? 'deleted' : 'putBack']: true,
    });
  }
  return done === 0 ? no : ok;
}

const shape: TableShape = {titles: ['ID', 'ATTEMPTS', 'REASON', 'VALUE'], cut: 'VALUE'};

async function* rowsOf(letters: AsyncIterable<DeadLetter<Bytes>>): AsyncGenerator<Row, void> {
  for await (const {id, attempts, reasons, value} of letters) {
    yield {
      fields: [id, String(attempts), reasons.at(-1) ?? '-', value],
      document: {id, attempts, reasons, value: jsonBytes(value)},
    };
  }
}
