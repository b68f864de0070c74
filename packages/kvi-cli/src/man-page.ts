import type {Command, Help} from 'commander';
import type {KviErrorCode} from 'kvi';
import {advice} from './advice.ts';
import {cannotRun, errorExitCodes, no, notFound, ok} from './exit-codes.ts';

/**
 * Writes the manual page of a program, from its help.
 *
 * @param program - with its commands loaded
 */
export function manPage(program: Command): string {
  const help = program.createHelp();
  const sections = [
    `.TH ${program.name().toUpperCase()} 1 "" "${program.name()} ${program.version() ?? ''}" "User Commands"`,
    section('NAME', `${program.name()} \\- ${escape(help.commandDescription(program))}`),
    section('SYNOPSIS', `.B ${escape(help.commandUsage(program))}`),
    section('OPTIONS OF ALL COMMANDS', optionList(program, help)),
    section(
      'COMMANDS',
      leaves(program, help)
        .map((command) => commandText(command, help))
        .join('\n'),
    ),
    section('ENVIRONMENT', notesOf(program)),
    section('EXIT STATUS', exitStatus()),
  ];
  return `${sections.join('\n')}\n`;
}

function section(title: string, body: string): string {
  return `.SH ${title}\n${body}`;
}

/** The commands that do something: those in a group such as `lease`, not the group. */
function leaves(command: Command, help: Help): Command[] {
  const own = help.visibleCommands(command).filter((each) => each.name() !== 'help');
  return own.flatMap((each) => (each.commands.length > 0 ? leaves(each, help) : [each]));
}

function commandText(command: Command, help: Help): string {
  const args = help.visibleArguments(command).filter(({description}) => description !== '');
  return [
    `.SS ${escape(help.commandUsage(command))}`,
    escape(help.commandDescription(command)),
    ...args.map((argument) => item(help.argumentTerm(argument), help.argumentDescription(argument))),
    optionList(command, help),
    notesOf(command),
  ]
    .filter((text) => text !== '')
    .join('\n');
}

function optionList(command: Command, help: Help): string {
  const options = help.visibleOptions(command).filter(({long}) => long !== '--help');
  return options.map((option) => item(help.optionTerm(option), help.optionDescription(option))).join('\n');
}

/** The exit codes, each with its errors and what to do about them. */
function exitStatus(): string {
  const meanings = new Map<number, string[]>([
    [ok, ['Success, or yes.']],
    [no, ['No: the key does not exist, the condition is false, or there are differences.']],
  ]);
  for (const [name, code] of Object.entries(errorExitCodes)) {
    const meaning = `${name}: ${advice[name as KviErrorCode]}`;
    meanings.set(code, [...(meanings.get(code) ?? []), meaning]);
  }
  meanings.set(cannotRun, ['The command to run cannot be run.']);
  meanings.set(notFound, ['The command to run was not found.']);
  const items = Array.from(meanings).sort(([one], [other]) => one - other);
  return [
    ...items.map(([code, lines]) => item(String(code), lines.join('\n'))),
    item('128 + n', 'Ended by signal n.'),
    '.PP',
    escape(
      'Where kvi runs a command, its exit code comes through, unless what it ran under was lost: that is 104.',
    ),
  ].join('\n');
}

function item(term: string, description: string): string {
  return `.TP\n.B ${escape(term)}\n${escape(description)}`;
}

/** The help text that follows the options. */
function notesOf(command: Command): string {
  let text = '';
  command.configureOutput({...command.configureOutput(), writeOut: (part) => (text += part)});
  command.outputHelp();
  const [, after = ''] = /\n((?:Conditions|Examples?|Environment):[\s\S]*)$/.exec(text) ?? [];
  return after === '' ? '' : `.PP\n.nf\n${escape(after.trimEnd())}\n.fi`;
}

/** A line that begins with a dot or a quote would be a command of roff. */
function escape(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/gm, '\\&$1');
}
