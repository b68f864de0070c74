/** Parsers of option arguments, for commander. */
import {InvalidArgumentError} from 'commander';

/** The longest that a timer can run. */
const maxMs = 2 ** 31 - 1;

const millisecondsOf = {ms: 1, s: 1_000, m: 60_000} as const;

/** A time, `500`, `500ms`, `1.5s` or `1m`, in milliseconds. */
export function duration(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text) ?? [];
  if (number === undefined) throw new InvalidArgumentError('It must be a time: 500, 500ms, 5s or 1m.');
  const ms = Number(number) * millisecondsOf[(unit ?? 'ms') as keyof typeof millisecondsOf];
  if (!(ms > 0 && ms <= maxMs)) throw new InvalidArgumentError('It must be more than 0 and at most 24 days.');
  return ms;
}

/** A TTL, in whole seconds. */
export function ttlSeconds(text: string): number {
  const number = positiveNumber(text);
  if (number * 1_000 > maxMs) throw new InvalidArgumentError('It must be at most 24 days.');
  return number;
}

/** Seconds to wait, fractions too; with or without an `s`. */
export function seconds(text: string): number {
  const [, number] = /^(\d+(?:\.\d+)?)s?$/.exec(text) ?? [];
  if (number === undefined) throw new InvalidArgumentError('It must be a number of seconds.');
  if (Number(number) * 1_000 > maxMs) throw new InvalidArgumentError('It must be at most 24 days.');
  return Number(number);
}

/** Seconds, in milliseconds. */
export function milliseconds(text: string): number {
  return seconds(text) * 1_000;
}

/** How long to wait: seconds, or `forever`; in milliseconds, or `Infinity`. */
export function limitInSeconds(text: string): number {
  return text === 'forever' ? Infinity : milliseconds(text);
}

/** A whole number, 0 or more. */
export function wholeNumber(text: string): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(number)) return number;
  throw new InvalidArgumentError(`It must be a whole number, at most ${Number.MAX_SAFE_INTEGER}.`);
}

/** A whole number, 1 or more. */
export function positiveNumber(text: string): number {
  const number = wholeNumber(text);
  if (number === 0) throw new InvalidArgumentError('It must be 1 or more.');
  return number;
}
