/** Reads the arguments of options, for commander. */
import {InvalidArgumentError} from 'commander';

const millisecondsOf = {ms: 1, s: 1_000, m: 60_000} as const;

/** A time, `500`, `500ms`, `1.5s` or `1m`, in milliseconds. */
export function duration(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text) ?? [];
  if (number === undefined) throw new InvalidArgumentError('It must be a time: 500, 500ms, 5s or 1m.');
  return Number(number) * millisecondsOf[(unit ?? 'ms') as keyof typeof millisecondsOf];
}

/** Seconds, fractions too; with or without an `s`. */
export function seconds(text: string): number {
  const [, number] = /^(\d+(?:\.\d+)?)s?$/.exec(text) ?? [];
  if (number === undefined) throw new InvalidArgumentError('It must be a number of seconds.');
  return Number(number);
}

/** A whole number, 0 or more. */
export function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

/** A whole number, 1 or more. */
export function positiveNumber(text: string): number {
  const number = wholeNumber(text);
  if (number === 0) throw new InvalidArgumentError('It must be 1 or more.');
  return number;
}
