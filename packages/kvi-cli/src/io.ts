import type {Readable, Writable} from 'node:stream';

const interrupts = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;

/** A signal that asks the program to end. */
export type Interrupt = (typeof interrupts)[number];

/** What the program has of the world around it. */
export interface Io {
  /** A function, because Node makes a standard input non-blocking by looking at it, for its children too. */
  stdin: () => Readable;
  stdout: Writable;
  stderr: Writable;
  env: Readonly<Record<string, string | undefined>>;
  /**
   * Calls the listener for every interrupt, which then does not end the process by itself.
   *
   * @returns ends that
   */
  onInterrupt(listener: (signal: Interrupt) => void): () => void;
}

/** The world around this process. */
export const processIo: Io = {
  stdin: () => process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  onInterrupt(listener) {
    for (const signal of interrupts) process.on(signal, listener);
    return () => {
      for (const signal of interrupts) process.off(signal, listener);
    };
  },
};
