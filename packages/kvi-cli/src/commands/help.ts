import type {Command} from 'commander';

/** `kvi help [COMMAND]`: commander's own would not load the command. */
export function define(command: Command): void {
  command
    .description('Print the help of a command.')
    .argument('[command...]', 'the command, and its subcommand')
    .addHelpText('after', '\nExamples:\n  kvi help get\n  kvi help lease grant')
    .action(async (names: string[]) => {
      await command.parent?.parseAsync([...names, '--help'], {from: 'user'});
    });
}
