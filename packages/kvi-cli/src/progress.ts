import {type Io, isTerminal} from './io.ts';

/** Shows how far a command has got. */
export interface Progress {
  /** Adds to what is done. */
  advance(by: number): void;
  /** Removes the bar, if what is printed from now on goes to the same terminal. */
  printing(): void;
  /** Removes the bar. */
  end(): void;
}

/** How to show it. */
export interface ProgressOptions {
  io: Io;
  /** What is counted: `keys`. */
  unit: string;
  /** How much there is to do, if that can be known. Nobody asks where no bar is shown. */
  total?: (() => Promise<number>) | undefined;
}

const intervalMs = 100;

/** A bar on the standard error, with rate and time left, if that is a terminal; nothing in a pipe. It appears with the first advance. */
export async function createProgress({io, unit, total: count}: ProgressOptions): Promise<Progress> {
  const {stdout, stderr} = io;
  if (!isTerminal(stderr)) {
    const nothing = () => undefined;
    return {advance: nothing, printing: nothing, end: nothing};
  }
  const {default: progress} = await import('cli-progress');
  const total = (await count?.()) ?? 0;
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
  let started: number | undefined;
  let done = 0;
  let shown = 0;

  function end(): void {
    started ??= performance.now();
    bar.stop();
  }

  return {
    // The bar samples each update, which a million keys would pay for.
    advance(by) {
      const now = performance.now();
      if (started === undefined) {
        started = shown = now;
        bar.start(total, 0, {rate: 0});
      }
      done += by;
      if (now - shown < intervalMs) return;
      shown = now;
      bar.update(done, {rate: Math.round((done * 1_000) / (now - started))});
    },
    printing() {
      if (isTerminal(stdout)) end();
    },
    end,
  };
}
