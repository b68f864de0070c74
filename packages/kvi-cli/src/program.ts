import {readFileSync} from 'node:fs';
import {Command} from 'commander';
import {addCommands} from './commands.ts';
import {performer} from './context.ts';
import type {ExitCode} from './exit-codes.ts';
import type {Io} from './io.ts';
import {duration} from './parsers.ts';
import type {GlobalOptions} from './settings.ts';

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
    .option('--verbose', 'log each call to the store, with its time, on standard error')
    .option('--profile <name>', 'use this profile of profiles.json (default: $KVI_PROFILE)')
    .option('--username <name>', 'the user, if the store requires one')
    .option('--password-file <file>', 'a file with the password on its first line')
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
    performer(() => program.opts<GlobalOptions>(), io, done),
  );
  return program;
}

const environmentHelp = `
Environment:
  KVI_URL, KVI_TIMEOUT, KVI_JSON, KVI_VERBOSE, KVI_PROFILE, KVI_USERNAME, KVI_PASSWORD_FILE,
  KVI_CACERT, KVI_CERT, KVI_KEY
                          defaults for the options of these names
  KVI_PASSWORD            the password
  ETCDCTL_ENDPOINTS, ETCDCTL_USER, ETCDCTL_PASSWORD, ETCDCTL_CACERT, ETCDCTL_CERT, ETCDCTL_KEY
                          as for etcdctl, where nothing of kvi's is set

Exit codes: 0 success, or yes; 1 no (the key does not exist, the condition is false); 2 invalid usage;
100 and above: errors. kvi man lists them.`;

/** Set where the command is bundled, which is one file that needs no other. */
declare const bundledVersion: string | undefined;

function version(): string {
  if (typeof bundledVersion === 'string') return bundledVersion;
  const {version} = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}
