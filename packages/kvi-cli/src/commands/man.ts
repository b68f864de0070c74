import type {Command} from 'commander';
import type {Perform} from '../context.ts';
import {ok} from '../exit-codes.ts';
import {manPage} from '../man-page.ts';

/** `kvi man` */
export function manOf(load: (command: Command) => Promise<void>) {
  return (command: Command, perform: Perform): void => {
    command
      .description('Print the manual page: the help of all commands.')
      .addHelpText('after', '\nExamples:\n  kvi man | man -l -\n  kvi man > ~/.local/share/man/man1/kvi.1')
      .action(() =>
        perform.withoutStore(async ({io}) => {
          const program = command.parent ?? command;
          for (const each of program.commands) if (each !== command) await load(each);
          io.stdout.write(manPage(program));
          return ok;
        }),
      );
  };
}
