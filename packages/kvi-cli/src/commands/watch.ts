import type {Command} from 'commander';
import type {Bytes, Change, Input} from 'kvi';
import type {Perform} from '../context.ts';
import {ok} from '../exit-codes.ts';
import {type KeysOptions, selectKeys, withKeys} from '../keys.ts';
import {jsonBytes, keyValueDocument, type Output} from '../output.ts';
import {positiveNumber} from '../parsers.ts';

interface WatchCommandOptions extends KeysOptions {
  count?: number;
  fromRevision?: number;
}

/** `kvi watch KEYS` */
export function define(command: Command, perform: Perform): void {
  withKeys(command)
    .description('Print changes as they happen, until interrupted.')
    .option('--count <n>', 'end after n changes', positiveNumber)
    .option('--from-revision <n>', 'start with the changes of this revision, past or future', positiveNumber)
    .addHelpText('after', '\nExamples:\n  kvi watch --prefix /config/ --json\n  kvi watch ready --count 1')
    .action((key: Input | undefined, end: Input | undefined, options: WatchCommandOptions) =>
      perform(async ({kv, output, signal}) => {
        const {count = Infinity, fromRevision: startRevision} = options;
        const {key: start, rangeEnd} = selectKeys(key, end, options);
        let printed = 0;
        for await (const {events} of kv.changes({start, end: rangeEnd}, {startRevision, signal})) {
          for (const change of events) {
            await print(change, output);
            printed += 1;
            if (printed === count) return ok;
          }
        }
        return ok;
      }),
    );
}

async function print(change: Change<Bytes>, output: Output): Promise<void> {
  const {type, key, modRevision} = change;
  if (type === 'delete') {
    await output.record([type, key], {type, key: jsonBytes(key), modRevision});
  } else {
    await output.record([type, key, change.value], {type, ...keyValueDocument(change)});
  }
}
