import type {Command} from 'commander';
import {type Bytes, isKviError} from 'kvi';
import {election, type Leader} from 'kvi/recipes';
import type {Perform} from '../context.ts';
import {no, ok} from '../exit-codes.ts';
import {warn} from '../failures.ts';
import {jsonBytes, type Output} from '../output.ts';
import {milliseconds, ttlSeconds} from '../parsers.ts';
import {runCommand, termGraceHelp} from '../run-command.ts';

interface CampaignCommandOptions {
  value?: string;
  /** In milliseconds, as is `termGrace`. */
  wait?: number;
  /** In seconds. */
  ttl?: number;
  termGrace?: number;
}

/** `kvi elect campaign|leader|observe|resign` */
export function define(elect: Command, perform: Perform): void {
  elect.description(
    'Elect one leader among several. It is the election of etcdctl elect and of concurrency.Election in Go.',
  );

  elect
    .command('campaign')
    .summary('run a command while leading')
    .description(
      'Wait until this candidate leads, run a command while it does, and exit with its exit code. The command finds its ' +
        'key and fencing token in KVI_ELECTION_KEY and KVI_ELECTION_TOKEN, and receives SIGTERM if the leadership is ' +
        'lost; kvi exits with 104 then, whatever its exit code.',
    )
    .usage('[options] NAME -- COMMAND [ARGS...]')
    .argument('<name>', 'the name of the election')
    .argument('<command...>', 'the command and its arguments')
    .option('--value <value>', 'what the leader proclaims, an address for example (default: empty)')
    .option('--wait <seconds>', 'wait at most this many seconds (default: no limit)', milliseconds)
    .option('--ttl <seconds>', 'how long the leadership outlives a crash (default: 10)', ttlSeconds)
    .option('--term-grace <seconds>', termGraceHelp, milliseconds)
    .addHelpText('after', '\nExample:\n  kvi elect campaign scheduler --value "$HOSTNAME" -- ./scheduler')
    .action((name: string, command: string[], options: CampaignCommandOptions) =>
      perform(async ({kv, io, json, signal}) => {
        const {value = '', wait, ttl, termGrace} = options;
        const leadership = await election(kv, name).campaign(value, {
          // A limit has to be more than 0.
          timeoutMs: wait === undefined ? undefined : Math.max(1, wait),
          ttlSeconds: ttl,
          signal,
        });
        try {
          signal.throwIfAborted();
          const env = {KVI_ELECTION_KEY: leadership.key, KVI_ELECTION_TOKEN: String(leadership.token)};
          return await runCommand(command, {io, env, lost: leadership.signal, termGrace});
        } finally {
          await leadership.resign().catch((error: unknown) => {
            if (isKviError(error, 'KVI_LEADERSHIP_LOST')) throw error;
            warn(error, {stderr: io.stderr, json}, 'the leadership will end with its TTL');
          });
        }
      }),
    );

  elect
    .command('leader')
    .summary('print what the leader proclaims')
    .description('Print what the leader proclaims. Exits with 1 if nobody leads.')
    .argument('<name>')
    .addHelpText('after', '\nExample:\n  address=$(kvi elect leader scheduler)')
    .action((name: string) =>
      perform(async ({kv, output, signal}) => {
        const leader = await election(kv, name).leader({signal});
        await output.record(leader === undefined ? [] : [leader.value], documentOf(leader));
        return leader === undefined ? no : ok;
      }),
    );

  elect
    .command('observe')
    .summary('print who leads, and each change')
    .description(
      'Print leader and what the leader proclaims, or none, now and at each change, until interrupted.',
    )
    .argument('<name>')
    .addHelpText('after', '\nExample:\n  kvi elect observe scheduler --json')
    .action((name: string) =>
      perform(async ({kv, output, signal}) => {
        for await (const leader of election(kv, name).observe({signal})) await printLeader(leader, output);
        return ok;
      }),
    );

  elect
    .command('resign')
    .summary('end the present leadership')
    .description('End the present leadership: the next candidate leads. Exits with 1 if nobody leads.')
    .argument('<name>')
    .addHelpText('after', '\nExample:\n  kvi elect resign scheduler')
    .action((name: string) =>
      perform(async ({kv, output, signal}) => {
        const leader = await election(kv, name).leader({signal});
        if (leader === undefined) {
          await output.record([], {resigned: false});
          return no;
        }
        const {key, token} = leader;
        const {succeeded} = await kv.txn(
          {
            compare: [{key, target: 'create', result: '=', createRevision: token}],
            success: [{type: 'deleteRange', key}],
          },
          {signal},
        );
        await output.record([], {resigned: succeeded, ...documentOf(leader)});
        return succeeded ? ok : no;
      }),
    );
}

function printLeader(leader: Leader<Bytes> | undefined, output: Output): Promise<void> {
  return output.record(leader === undefined ? ['none'] : ['leader', leader.value], documentOf(leader));
}

function documentOf(leader: Leader<Bytes> | undefined): object {
  if (leader === undefined) return {value: null};
  const {key, value, token} = leader;
  return {value: jsonBytes(value), key: jsonBytes(key), token};
}
