import type {Writable} from 'node:stream';
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

/** At most ten times a second. */
const intervalMs = 100;
const barWidth = 20;

/** A bar on the standard error, with rate and time left, if that is a terminal; nothing in a pipe. */
export function createProgress({io, unit, total, isPrinting}: ProgressOptions): Progress {
  const {stderr} = io;
  if (!isTerminal(stderr) || (isPrinting && isTerminal(io.stdout))) {
    return {advance: () => undefined, end: () => undefined};
  }
  const started = performance.now();
  let done = 0;
  let shown = 0;
  return {
    advance(by) {
      done += by;
      const now = performance.now();
      if (now - shown < intervalMs) return;
      shown = now;
      const line = progressLine({done, total, unit, seconds: (now - started) / 1_000});
      stderr.write(`\r\x1b[K${line.slice(0, widthOf(stderr) - 1)}`);
    },
    end() {
      if (shown > 0) stderr.write('\r\x1b[K');
    },
  };
}

/** What is shown after some seconds: `[=====     ] 25% 250 of 1000 keys, 50/s, 0:15 left`. */
export function progressLine(state: {
  done: number;
  total?: number | undefined;
  unit: string;
  seconds: number;
}): string {
  const {done, total, unit, seconds} = state;
  const rate = seconds > 0 ? done / seconds : 0;
  const speed = `${Math.round(rate)}/s`;
  if (total === undefined || total === 0) return `${done} ${unit}, ${speed}`;
  const share = Math.min(1, done / total);
  const bar = '='.repeat(Math.floor(share * barWidth)).padEnd(barWidth);
  const left = rate > 0 ? `, ${timeOf(Math.max(0, total - done) / rate)} left` : '';
  return `[${bar}] ${Math.floor(share * 100)}% ${done} of ${total} ${unit}, ${speed}${left}`;
}

/** `1:05`, or `2:01:05`. */
function timeOf(seconds: number): string {
  const whole = Math.ceil(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3_600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = String(rest).padStart(2, '0');
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${tail}` : `${minutes}:${tail}`;
}

function widthOf(stream: Writable): number {
  return 'columns' in stream && typeof stream.columns === 'number' ? stream.columns : 80;
}
