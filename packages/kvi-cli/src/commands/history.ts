import type {Command} from 'commander';
import type {Bytes, Change, Input} from 'kvi';
import {keyHistory} from 'kvi/recipes';
import type {Perform} from '../context.ts';
import {no, ok} from '../exit-codes.ts';
import {keyHelp, parseKey} from '../keys.ts';
import {changeDocument, formOf, type FormOptions, withForm} from '../output.ts';

/** `kvi history KEY` */
export function define(command: Command, perform: Perform): void {
  withForm(command)
    .description(
      'Print every revision of a key that the store still has, oldest first: the revision, put and the value, or delete. ' +
        'Exits with 1 if there is none.',
    )
    .argument('<key>', keyHelp, parseKey)
    .addHelpText(
      'after',
      '\nExamples:\n  kvi history config/rate\n  kvi history config/rate --json | tail -n 2',
    )
    .action((key: Input, options: FormOptions) =>
      perform(async ({kv, output, signal}) => {
        let exitCode = no;
        for await (const change of keyHistory(kv, key, {signal})) {
          await output.record(fieldsOf(change), changeDocument(change), formOf(options));
          exitCode = ok;
        }
        return exitCode;
      }),
    );
}

function fieldsOf({modRevision, type, value}: Change<Bytes>): Input[] {
  const fields = [String(modRevision), type];
  return value === undefined ? fields : [...fields, value];
}
