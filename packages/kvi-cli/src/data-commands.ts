import type {Command} from 'commander';
import {addDelete} from './commands/delete.ts';
import {addGet} from './commands/get.ts';
import {addRange} from './commands/range.ts';
import {addStore} from './commands/store.ts';
import {addTas} from './commands/tas.ts';
import {addTransaction} from './commands/transaction.ts';
import type {Perform} from './context.ts';

/** Adds the commands that end with the store's answer. A batch may contain them. */
export function addDataCommands(program: Command, perform: Perform): void {
  addGet(program, perform);
  addStore(program, perform);
  addRange(program, perform);
  addDelete(program, perform);
  addTas(program, perform);
  addTransaction(program, perform);
}
