import {isUtf8} from 'node:buffer';
import type {Bytes} from 'kvi';

/** A key as it can be looked at, and typed: in hexadecimal if it is no text that a terminal shows. */
export function printable(key: Bytes): string {
  const buffer = Buffer.from(key);
  const text = buffer.toString();
  return isUtf8(buffer) && !/\p{Cc}/u.test(text) ? text : `hex:${buffer.toString('hex')}`;
}
