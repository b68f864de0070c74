import type {Argument, Command} from 'commander';
import type {Bytes} from 'kvi';
import {scanLevel} from 'kvi/recipes';
import {connect} from '../connection.ts';
import type {Perform, Surroundings} from '../context.ts';
import {ok} from '../exit-codes.ts';
import {parseKey, toBytes} from '../keys.ts';
import {printable} from '../printable.ts';

/** Loads a command of the program. */
type Load = (command: Command) => Promise<void>;

/** The arguments, of commands and options, that are keys. */
const keyNames = ['key', 'end', 'prefix', 'thenKey', 'elseKey'];

/** More keys are not offered. */
const maxKeys = 200;
const timeoutMs = 1_000;

/** `kvi complete -- WORDS...`: prints the completions of the last word, one per line. Shells call it. */
export function completeOf(load: Load) {
  return (command: Command, perform: Perform): void => {
    command
      .description(
        'Print the completions of the last word of a command line, whose words are as they were typed. Shells call it.',
      )
      .argument('[word...]')
      .addHelpText('after', '\nExample:\n  kvi complete -- get config/')
      .action((typed: string[]) =>
        perform.withoutStore(async (surroundings) => {
          const words = typed.map(unquoted);
          const last = words.pop() ?? '';
          const candidates = await candidatesFor(words, last, command.parent ?? command, {
            load,
            surroundings,
          });
          for (const candidate of candidates) {
            if (candidate.startsWith(last)) await surroundings.output.record([candidate], {word: candidate});
          }
          return ok;
        }),
      );
  };
}

/** A word without the quotes and backslashes of a shell. The last quote may be open still. */
function unquoted(word: string): string {
  return word.replace(
    /'([^']*)(?:'|$)|"((?:[^"\\]|\\.)*)(?:"|$)|\\(.?)/gsu,
    (_, single?: string, double?: string, escaped?: string) =>
      single ?? double?.replace(/\\(.)/gsu, '$1') ?? escaped ?? '',
  );
}

async function candidatesFor(
  words: readonly string[],
  last: string,
  program: Command,
  {load, surroundings}: {load: Load; surroundings: Surroundings},
): Promise<string[]> {
  // Another program's command line follows.
  if (words.includes('--')) return [];
  let command = program;
  let operands = 0;
  let pending: string | undefined;
  for (const word of words) {
    if (pending !== undefined) {
      pending = undefined;
    } else if (word.startsWith('-')) {
      const option = optionsOf(command, program).find(({long, short}) => long === word || short === word);
      pending = option?.required === true || option?.optional === true ? valueName(option.flags) : undefined;
    } else {
      const next = command.commands.find((each) => each.name() === word || each.aliases().includes(word));
      if (next === undefined) operands += 1;
      else {
        await load(next);
        command = next;
        operands = 0;
      }
    }
  }
  if (pending !== undefined) return keyNames.includes(pending) ? keysLike(last, surroundings) : [];
  if (last.startsWith('-')) {
    return optionsOf(command, program).flatMap(({long, hidden}) =>
      hidden || typeof long !== 'string' ? [] : [long],
    );
  }
  if (command.commands.length > 0) return visibleCommands(command);
  const argument: Argument | undefined = command.registeredArguments[operands];
  if (argument === undefined) return [];
  if (argument.argChoices !== undefined) return argument.argChoices;
  return keyNames.includes(argument.name()) ? keysLike(last, surroundings) : [];
}

function visibleCommands(command: Command): string[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((each) => each.name());
}

function optionsOf(command: Command, program: Command) {
  return command === program ? program.options : [...command.options, ...program.options];
}

/** `--prefix <prefix>` takes a `prefix`. */
function valueName(flags: string): string {
  return /[<[]([\w-]+)/.exec(flags)?.[1] ?? '';
}

/** Keys and folders that begin with a text. An error means none: nobody wants to read one while typing. */
async function keysLike(text: string, {settings, io, json}: Surroundings): Promise<string[]> {
  try {
    const prefix: Bytes = toBytes(parseKey(text));
    const own = {...(await settings()), timeoutMs, verbose: false};
    await using kv = await connect(own, {stderr: io.stderr, json});
    const names: string[] = [];
    const signal = AbortSignal.timeout(timeoutMs);
    for await (const entry of scanLevel(kv.bytes, prefix, {keysOnly: true, signal})) {
      names.push(printable('folder' in entry ? entry.folder : entry.found.key));
      if (names.length === maxKeys) break;
    }
    return names;
  } catch {
    return [];
  }
}
