import {text} from 'node:stream/consumers';
import type {Command} from 'commander';
import type {Bytes, KeyValue, ResponseOp} from 'kvi';
import {linesOf} from '../batch-syntax.ts';
import {openInput, type Perform} from '../context.ts';
import {no, ok} from '../exit-codes.ts';
import {formOf, type FormOptions, keyValueDocument, withForm} from '../output.ts';
import {parseJsonTxn, parseTxn} from '../txn-syntax.ts';

interface TxnCommandOptions extends FormOptions {
  fromJson?: boolean;
}

/** `kvi txn FILE` */
export function define(command: Command, perform: Perform): void {
  withForm(command)
    .description(
      'Run a transaction: if all conditions hold, the operations after "then", otherwise those after "else", in one ' +
        'revision. Prints true or false, and the keys and values of its gets. Exits with 1 for false.',
    )
    .argument('<file>', 'the transaction; - reads standard input')
    .option(
      '--from-json',
      'it is JSON, as kv.txn takes it: {"compare": [...], "success": [...], "failure": [...]}',
    )
    .addHelpText(
      'after',
      '\nConditions: value|version|create|mod|lease KEY =|!=|<|> OPERAND; the version of a key that does not exist is 0.' +
        '\nOperations: store KEY VALUE [--lease ID], get KEY, get --prefix PREFIX, delete KEY, delete --prefix PREFIX.' +
        '\nQuotes and comments are as in a batch.' +
        '\n\nExample:\n  kvi txn - << "END"\n  if\n    version leader = 0\n  then\n    store leader north\n  else\n    get leader\n  END',
    )
    .action((file: string, options: TxnCommandOptions) =>
      perform(async (context) => {
        const {kv, output, signal, json} = context;
        const {stream} = await openInput(file, context);
        const request = options.fromJson ? parseJsonTxn(await text(stream)) : await parseTxn(linesOf(stream));
        const {succeeded, revision, responses} = await kv.txn(request, {signal});
        if (json) await output.record([], {succeeded, revision, responses: responses.map(documentOf)});
        else {
          const form = formOf(options);
          await output.record([String(succeeded)], {}, form);
          for (const {key, value} of responses.flatMap(foundBy)) await output.record([key, value], {}, form);
        }
        return succeeded ? ok : no;
      }),
    );
}

function foundBy(response: ResponseOp<Bytes>): KeyValue<Bytes>[] {
  if (response.type === 'txn') return response.responses.flatMap(foundBy);
  return response.type === 'range' ? response.kvs : [];
}

function documentOf(response: ResponseOp<Bytes>): object {
  switch (response.type) {
    case 'range':
      return {type: 'range', kvs: response.kvs.map(keyValueDocument), count: response.count};
    case 'deleteRange':
      return {type: 'deleteRange', deleted: response.deleted};
    case 'txn':
      return {type: 'txn', succeeded: response.succeeded, responses: response.responses.map(documentOf)};
    default:
      return {type: 'put'};
  }
}
