import {type Io, isTerminal} from './io.ts';

/** Shows how far a command has got. */
export interface Progress {
  /** Adds to what is done. */
  advance(by: number): void;
  /** Removes the bar. */
  end(): void;
}

/** How to show it. */
export interface ProgressOptions {
  io: Io;
  /** What is counted: `keys`. */
  unit: string;
  /** How much there is to do, if that is known. */
  total?: number | undefined;
  /** Whether the results are printed to the terminal as well: then nothing is shown between them. */
  isPrinting: boolean;
}

const intervalMs = 100;

/** A bar on the standard error, with rate and time left, if that is a terminal; nothing in a pipe. */
export async function createProgress({io, unit, total = 0, isPrinting}: ProgressOptions): Promise<Progress> {
  const {stderr} = io;
  if (!isTerminal(stderr) || (isPrinting && isTerminal(io.stdout))) {
    return {advance: () => undefined, end: () => undefined};
  }
  const {default: progress} = await import('cli-progress');
  const bar = new progress.SingleBar({
    stream: stderr,
    format:
      total > 0
        ? `[{bar}] {percentage}% {value} of {total} ${unit}, {rate}/s, {eta_formatted} left`
        : `{value} ${unit}, {rate}/s`,
    barsize: 20,
    barIncompleteChar: ' ',
    // The time left follows the rate of some ten seconds.
    etaBuffer: 100,
    // Cut at the width of the terminal, without leaving it in another mode if this process is killed.
    linewrap: true,
    clearOnComplete: true,
  });
  bar.start(total, 0, {rate: 0});
  const started = performance.now();
  let done = 0;
  let shown = started;
  return {
    // The bar samples each update, which a million keys would pay for.
    advance(by) {
      done += by;
      const now = performance.now();
      if (now - shown < intervalMs) return;
      shown = now;
      bar.update(done, {rate: Math.round((done * 1_000) / (now - started))});
    },
    end: () => bar.stop(),
  };
}
