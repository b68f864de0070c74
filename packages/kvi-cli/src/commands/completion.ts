import {Argument, type Command} from 'commander';
import {completionScripts} from '../completion-scripts.ts';
import type {Perform} from '../context.ts';
import {ok} from '../exit-codes.ts';

/** `kvi completion SHELL` */
export function define(command: Command, perform: Perform): void {
  command
    .description('Print the script by which a shell completes commands, options and keys.')
    .addArgument(new Argument('<shell>').choices(Object.keys(completionScripts)))
    .addHelpText(
      'after',
      '\nExamples:\n  kvi completion bash > ~/.local/share/bash-completion/completions/kvi' +
        '\n  source <(kvi completion zsh)\n  kvi completion fish > ~/.config/fish/completions/kvi.fish',
    )
    .action((shell: string) =>
      perform.withoutStore(async ({io}) => {
        io.stdout.write(completionScripts[shell] ?? '');
        return Promise.resolve(ok);
      }),
    );
}
