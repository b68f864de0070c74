import type {Command} from 'commander';
import type {Perform} from './context.ts';
import {BadCommandLine} from './failures.ts';

/** Gives a command its description, arguments, options and action. */
type Define = (command: Command, perform: Perform) => void;

/** A command of the program. Its module is loaded when the command is called. */
interface CommandEntry {
  name: string;
  /** What it does, in a few words: a line of `kvi --help`. */
  summary: string;
  /** Whether a batch may contain it: it ends with the store's answer, and needs nothing of the process. */
  inBatch?: true;
  /** Whether `kvi --help` leaves it out. */
  hidden?: true;
  /** @param loadCommand - loads another command of the program, for commands that describe them all */
  load: (loadCommand: (command: Command) => Promise<void>) => Promise<{define: Define}>;
}

/** The commands, in the order of `kvi --help`. */
const commands: readonly CommandEntry[] = [
  {
    name: 'get',
    summary: 'print the value of a key',
    inBatch: true,
    load: () => import('./commands/get.ts'),
  },
  {name: 'store', summary: 'set a key', inBatch: true, load: () => import('./commands/store.ts')},
  {name: 'ls', summary: 'list keys, one level at a time', load: () => import('./commands/ls.ts')},
  {
    name: 'range',
    summary: 'print keys and their values',
    inBatch: true,
    load: () => import('./commands/range.ts'),
  },
  {name: 'edit', summary: 'edit the value of a key in $EDITOR', load: () => import('./commands/edit.ts')},
  {
    name: 'history',
    summary: 'print the revisions of a key',
    load: () => import('./commands/history.ts'),
  },
  {name: 'count', summary: 'count keys', inBatch: true, load: () => import('./commands/count.ts')},
  {name: 'delete', summary: 'delete keys', inBatch: true, load: () => import('./commands/delete.ts')},
  {
    name: 'tas',
    summary: 'test and set: set a key if it has the expected value',
    inBatch: true,
    load: () => import('./commands/tas.ts'),
  },
  {
    name: 'transaction',
    summary: 'set one of two keys, depending on a third',
    inBatch: true,
    load: () => import('./commands/transaction.ts'),
  },
  {
    name: 'txn',
    summary: 'run a transaction from a file',
    load: () => import('./commands/txn.ts'),
  },
  {
    name: 'export',
    summary: 'print keys as lines of JSON, as of one revision',
    load: () => import('./commands/export.ts'),
  },
  {
    name: 'import',
    summary: 'write the keys of an export',
    load: () => import('./commands/import.ts'),
  },
  {
    name: 'copy',
    summary: 'copy keys to another prefix or store',
    load: () => import('./commands/copy.ts'),
  },
  {
    name: 'mirror',
    summary: 'keep a copy of keys up to date',
    load: () => import('./commands/mirror.ts'),
  },
  {
    name: 'diff',
    summary: 'compare revisions, prefixes or stores',
    load: () => import('./commands/diff.ts'),
  },
  {name: 'watch', summary: 'print changes as they happen', load: () => import('./commands/watch.ts')},
  {name: 'lock', summary: 'run a command while holding a lock', load: () => import('./commands/lock.ts')},
  {
    name: 'locks',
    summary: 'print who holds locks, and who waits',
    load: () => import('./commands/locks.ts'),
  },
  {
    name: 'elect',
    summary: 'elect a leader, and show who leads',
    load: () => import('./commands/elect.ts'),
  },
  {
    name: 'queue',
    summary: 'share jobs between workers',
    load: () => import('./commands/queue.ts'),
  },
  {
    name: 'sequence',
    summary: 'take unique, increasing numbers',
    load: () => import('./commands/sequence.ts'),
  },
  {
    name: 'exec',
    summary: 'run a command with keys in its environment, again when they change',
    load: () => import('./commands/exec.ts'),
  },
  {
    name: 'tempkey',
    summary: 'run a command while a key exists',
    load: () => import('./commands/temp-key.ts'),
  },
  {
    name: 'batch',
    summary: 'run the commands of a file',
    load: async () => {
      const {batchOf} = await import('./commands/batch.ts');
      return {define: batchOf(addBatchCommands)};
    },
  },
  {name: 'lease', summary: 'grant, refresh and revoke leases', load: () => import('./commands/lease.ts')},
  {
    name: 'compact',
    summary: 'discard the history before a revision',
    load: () => import('./commands/compact.ts'),
  },
  {
    name: 'status',
    summary: 'print the state of each member of the cluster',
    load: () => import('./commands/status.ts'),
  },
  {
    name: 'health',
    summary: 'print whether the store is healthy',
    load: () => import('./commands/health.ts'),
  },
  {
    name: 'doctor',
    summary: 'diagnose the connection',
    load: () => import('./commands/doctor.ts'),
  },
  {
    name: 'serve',
    summary: 'serve a store to clients of etcd, in any language',
    load: () => import('./commands/serve.ts'),
  },
  {
    name: 'completion',
    summary: 'print the completion script of a shell',
    load: () => import('./commands/completion.ts'),
  },
  {
    name: 'complete',
    summary: 'print the completions of a word',
    hidden: true,
    load: async (loadCommand) => {
      const {completeOf} = await import('./commands/complete.ts');
      return {define: completeOf(loadCommand)};
    },
  },
  {
    name: 'man',
    summary: 'print the manual page',
    load: async (loadCommand) => {
      const {manOf} = await import('./commands/man.ts');
      return {define: manOf(loadCommand)};
    },
  },
  {name: 'help', summary: 'print the help of a command', load: () => import('./commands/help.ts')},
];

/** Adds all commands to the program. */
export function addCommands(program: Command, perform: Perform): void {
  addEntries(program, commands, perform);
}

/** Adds the commands that a batch may contain. */
function addBatchCommands(line: Command, perform: Perform): void {
  addEntries(
    line,
    commands.filter(({inBatch}) => inBatch),
    perform,
  );
}

function addEntries(program: Command, entries: readonly CommandEntry[], perform: Perform): void {
  const loaders = new Map<Command, CommandEntry['load']>();
  for (const {name, summary, hidden = false, load} of entries) {
    const command = program
      .command(name, {hidden})
      .summary(summary)
      .exitOverride((error) => {
        throw new BadCommandLine(error, name);
      });
    loaders.set(command, load);
  }

  /** Loads a command once. */
  async function loadCommand(called: Command): Promise<void> {
    const load = loaders.get(called);
    loaders.delete(called);
    const module = await load?.(loadCommand);
    module?.define(called, perform);
  }

  program.hook('preSubcommand', (_, called) => loadCommand(called));
}
