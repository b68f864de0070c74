#!/usr/bin/env node
import {signalExitCode} from './exit-codes.ts';
import {processIo} from './io.ts';
import {run} from './run.ts';

// Node would open its debugger. Until the store is open, the signal ends this process, as it ends any other.
process.on('SIGUSR1', () => {
  if (process.listenerCount('SIGUSR1') === 1) process.exit(signalExitCode('SIGUSR1'));
});

// Not awaited: the command is bundled as a script.
void run(process.argv.slice(2), processIo).then((exitCode) => {
  // Not `process.exit`, which would discard output that a pipe has not accepted yet.
  process.exitCode = exitCode;
});
