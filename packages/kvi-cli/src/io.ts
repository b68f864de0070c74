import type {Readable, Writable} from 'node:stream';
import {isatty} from 'node:tty';

const interrupts = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;

/** A signal that asks the program to end. */
export type Interrupt = (typeof interrupts)[number];

/** The process environment of the program. */
export interface Io {
  /** A function, because accessing `process.stdin` makes it non-blocking, for child processes too. */
  stdin: () => Readable;
  stdout: Writable;
  stderr: Writable;
  env: Readonly<Record<string, string | undefined>>;
  /** Whether the standard input and the standard error are a terminal, so that the user can be asked. */
  isInteractive?: boolean;
  /**
   * Calls the listener for every interrupt, which then no longer ends the process.
   *
   * @returns stops listening
   */
  onInterrupt(listener: (signal: Interrupt) => void): () => void;
}

/** Whether the stream is a terminal. */
export function isTerminal(stream: Writable): boolean {
  return 'isTTY' in stream && stream.isTTY === true;
}

/** How many columns a terminal has; 80 if it does not say. */
export function terminalWidth(stream: Writable): number {
  return ('columns' in stream && typeof stream.columns === 'number' && stream.columns) || 80;
}

/** The environment of this process. */
export const processIo: Io = {
  stdin: () => process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  // Without accessing the streams.
  isInteractive: isatty(0) && isatty(2),
  onInterrupt(listener) {
    for (const signal of interrupts) process.on(signal, listener);
    return () => {
      for (const signal of interrupts) process.off(signal, listener);
    };
  },
};
