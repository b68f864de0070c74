/** Checks of what callers pass, which may be of any type. */
import {inspect} from 'node:util';
import {invalidArgument, isKviError, KviError} from './errors.ts';

/** A value of any type, for a message. Never throws. */
export function showValue(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 64 ? `${value.slice(0, 64)}…` : value);
  try {
    return inspect(value, {depth: 0, breakLength: Infinity, maxArrayLength: 8, maxStringLength: 64});
  } catch {
    return typeof value;
  }
}

/** What was thrown, for a message: an error without its stack. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : showValue(thrown);
}

/** Refuses names that mean nothing: they are often another one misspelt. @throws `KVI_INVALID_ARGUMENT` */
export function checkNames(what: string, object: object, names: readonly string[]): void {
  for (const [name, value] of Object.entries(object)) {
    if (value !== undefined && !names.includes(name)) {
      throw invalidArgument(`unknown ${what} ${showValue(name)}; expected one of ${names.join(', ')}`);
    }
  }
}

/** @throws `KVI_INVALID_ARGUMENT` */
export function checkBoolean(what: string, value: boolean | undefined): void {
  if (value !== undefined && typeof value !== 'boolean') {
    throw invalidArgument(`${what} must be true or false, not ${showValue(value)}`);
  }
}

/** @throws `KVI_INVALID_ARGUMENT` */
export function checkPositiveInteger(what: string, value: number): void {
  if (!(Number.isSafeInteger(value) && value > 0)) {
    throw invalidArgument(`${what} must be a whole number above 0, not ${showValue(value)}`);
  }
}

/** @throws `KVI_INVALID_ARGUMENT` */
export function checkFunction(what: string, value: unknown): void {
  if (typeof value !== 'function') {
    throw invalidArgument(`${what} must be a function, not ${showValue(value)}`);
  }
}

/** @throws `KVI_INVALID_ARGUMENT` */
export function checkText(what: string, text: unknown): void {
  if (typeof text !== 'string' || text === '' || !text.isWellFormed()) {
    throw invalidArgument(`${what} must be a text that is not empty, not ${showValue(text)}`);
  }
}

/**
 * Runs what reads a caller's arguments, before anything is sent. What they throw themselves, as a getter or a proxy may,
 * becomes a refusal.
 *
 * @throws `KVI_INVALID_ARGUMENT`, and any `KviError` that `body` throws
 */
export function reading<R>(body: () => R): R {
  try {
    return body();
  } catch (cause) {
    if (isKviError(cause)) throw cause;
    throw new KviError('KVI_INVALID_ARGUMENT', `an argument cannot be read: ${messageOf(cause)}`, {cause});
  }
}
