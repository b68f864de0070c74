#!/usr/bin/env node
import {signalExitCode} from './exit-codes.ts';
import {processIo} from './io.ts';
import {run} from './run.ts';

// Until the store is open, it ends the process, as it does any other; Node would open its debugger.
process.on('SIGUSR1', () => {
  if (process.listenerCount('SIGUSR1') === 1) process.exit(signalExitCode('SIGUSR1'));
});

// Not `process.exit`, which would cut off what a pipe has not taken yet.
process.exitCode = await run(process.argv.slice(2), processIo);
