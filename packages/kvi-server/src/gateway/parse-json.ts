import {parse} from 'lossless-json';

/**
 * Parses JSON. A whole number that no double holds, as the id of a lease may be, is a bigint: clients need not send it as text, and
 * `JSON.parse` would round it.
 *
 * @throws SyntaxError
 */
export function parseJson(text: string): unknown {
  const mayBeLong = /\d{16}/.test(text);
  return mayBeLong ? parse(text, undefined, exactly) : JSON.parse(text);
}

function exactly(digits: string): number | bigint {
  const number = Number(digits);
  return Number.isSafeInteger(number) || !/^-?\d+$/.test(digits) ? number : BigInt(digits);
}
