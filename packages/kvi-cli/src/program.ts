import {readFileSync} from 'node:fs';
import {Command} from 'commander';
import {addCommands} from './commands.ts';
import {type ConnectionOptions, performer} from './context.ts';
import type {ExitCode} from './exit-codes.ts';
import type {Io} from './io.ts';
import {duration} from './parsers.ts';

/**
 * Creates the tree of commands.
 *
 * @param json - nothing but JSON is written to the standard error
 * @param done - receives the exit code of a command that succeeded
 */
export function createProgram(io: Io, {json}: {json: boolean}, done: (exitCode: ExitCode) => void): Command {
  const program = new Command('kvi')
    .description('Operate on etcd, or on an in-process store, from a script.')
    .version(version(), '--version', 'print the version')
    .option('--url <url>', 'the store, for example http://HOST:PORT (default: $KVI_URL)')
    .option('--timeout <time>', 'how long a call may take: 500, 500ms, 5s or 1m (default: 5s)', duration)
    .option('--json', 'write one JSON document per line')
    .option('--cacert <file>', 'trust the certificates in this PEM file')
    .option('--cert <file>', 'the client certificate, a PEM file')
    .option('--key <file>', 'the key of the client certificate, a PEM file')
    .addHelpText('after', environmentHelp)
    .helpCommand(false)
    .exitOverride()
    .configureHelp({showGlobalOptions: true, subcommandTerm: (command) => command.name()})
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => json || io.stderr.write(text),
      // Commander also throws it, and `run` reports it.
      outputError: () => undefined,
    });

  addCommands(
    program,
    performer(() => program.opts<ConnectionOptions>(), io, done),
  );
  return program;
}

const environmentHelp = `
Environment:
  KVI_URL                     the store, unless --url names it
  KVI_USERNAME, KVI_PASSWORD  credentials, if the store requires them
  KVI_CACERT, KVI_CERT, KVI_KEY, or ETCDCTL_...
                              the files of --cacert, --cert and --key, for a store with TLS

Exit codes: 0 success, or yes; 1 no (the key does not exist, the condition is false); 2 invalid usage;
100 and above: errors. docs/cli.md lists them.`;

function version(): string {
  const {version} = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}
