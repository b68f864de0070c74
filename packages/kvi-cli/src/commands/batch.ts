import {Command} from 'commander';
import {linesOf, wordsOf} from '../batch-syntax.ts';
import {type Context, openInput, type Operation, type Perform} from '../context.ts';
import {ok} from '../exit-codes.ts';
import {endsProgram, report, usageError} from '../failures.ts';
import {createOutput} from '../output.ts';

/** Adds the commands that a line may contain. */
type AddCommands = (line: Command, perform: Perform) => void;

/** `kvi batch FILE` */
export function batchOf(addCommands: AddCommands) {
  return (command: Command, perform: Perform): void => {
    command
      .description(
        'Run the get, store, range, delete, tas and transaction commands of a file, one per line, in order. The first ' +
          'failure ends the batch. A missing key and a false condition are not failures.',
      )
      .argument('<file>', 'the file; - reads standard input')
      .option('--keep-going', 'continue after a failure; the exit code is that of the first')
      .addHelpText(
        'after',
        '\nExample:\n  kvi batch - << "END"\n  store greeting "hello, world"  # quotes as in a shell\n  delete --prefix /old/\n  END',
      )
      .action((file: string, {keepGoing = false}: {keepGoing?: boolean}) =>
        perform(async (context) => {
          let exitCode = ok;
          let line = 0;
          for await (const bytes of linesOf((await openInput(file, context)).stream)) {
            line += 1;
            try {
              await runLine(wordsOf(bytes), lineContext(context, line), addCommands);
            } catch (error) {
              if (endsProgram(error)) throw error;
              const failure = report(error, {stderr: context.io.stderr, json: context.json}, `line ${line}`);
              if (exitCode === ok) exitCode = failure;
              if (!keepGoing) break;
            }
          }
          return exitCode;
        }),
      );
  };
}

function lineContext(context: Context, line: number): Context {
  return {
    ...context,
    output: createOutput(context.io.stdout, {json: context.json, line}),
    stdin: () => {
      throw usageError('a batch cannot read standard input with -: write the value on the line');
    },
  };
}

/** Each line is a command line without the global options. */
async function runLine(words: readonly string[], context: Context, addCommands: AddCommands): Promise<void> {
  if (words.length === 0) return;
  const line = new Command()
    .exitOverride()
    .configureOutput({outputError: () => undefined})
    .helpOption(false)
    .helpCommand(false);
  // None of its commands does without the store.
  const withoutStore = () => Promise.reject(usageError('a batch cannot run this command'));
  const perform = async (operation: Operation) => {
    await operation(context);
  };
  addCommands(line, Object.assign(perform, {withoutStore}));
  await line.parseAsync(words, {from: 'user'});
}
