import type {CallTime} from '../async/call-time.ts';
import {showValue} from '../etcd/bad-input.ts';
import {type Bytes, compareBytes, show} from '../etcd/bytes.ts';
import {invalidArgument, isKviError, KviError} from '../etcd/errors.ts';
import {describeRange, includesKey} from '../etcd/key-range.ts';
import {encodeKeys} from '../kvi/codec.ts';
import {type ExportedLine, parseLine} from './exported-line.ts';

/** The lines of a text. */
export type Lines = Iterable<string> | AsyncIterable<string>;

type Header = Extract<ExportedLine, {type: 'kvi-export'}>;

interface Numbered {
  line: ExportedLine;
  number: number;
}

/** An export of which the first line was read. */
export interface ExportReader {
  header: Header;
  /** The lines after the first. Each fits those before; after the last, the export is whole. */
  rest: AsyncIterable<Numbered>;
  /** Ends the reading. It has to be called. */
  close(): Promise<unknown>;
}

/**
 * Begins to read an export: a header, keys of its range in ascending order, each once, and a last line with their number. Blank
 * lines are ignored.
 *
 * @param time - what ends the wait for a line
 * @throws `KVI_INVALID_ARGUMENT` that names the line, as does reading the rest; what `lines` throws
 */
export async function openExport(lines: Lines, time: CallTime): Promise<ExportReader> {
  const parsed = parsedLines(lines, time);
  const {value: first} = await parsed.next();
  if (first?.line.type === 'kvi-export') {
    const header = first.line;
    return {header, rest: wholeExport(header, parsed), close: () => parsed.return(undefined)};
  }
  await parsed.return(undefined);
  return naming(`line ${first?.number ?? 1}`, () => {
    throw invalidArgument('an export must begin with a line of type kvi-export');
  });
}

/** Runs what may refuse something, and names what that is. */
export function naming<R>(what: string, body: () => R): R {
  try {
    return body();
  } catch (error) {
    throw isKviError(error) ? new KviError(error.code, `${what}: ${error.message}`) : error;
  }
}

async function* wholeExport(
  header: Header,
  lines: AsyncIterable<Numbered>,
): AsyncGenerator<Numbered, undefined> {
  const check = orderOfLines(header);
  let last = 1;
  for await (const numbered of lines) {
    last = numbered.number;
    naming(`line ${last}`, () => check(numbered.line));
    yield numbered;
  }
  naming(`line ${last + 1}`, () => check(undefined));
  return undefined;
}

/** Refuses lines that do not fit those before; `undefined` stands for the end of all lines. */
function orderOfLines(header: Header): (line: ExportedLine | undefined) => void {
  const range = encodeKeys(header.keys);
  let last: Bytes | undefined;
  let keys = 0;
  let isOver = false;

  function checkKey(key: Bytes): void {
    if (!includesKey(range, key)) {
      throw invalidArgument(`the key ${show(key)} is outside of what was exported, ${describeRange(range)}`);
    }
    if (last !== undefined && compareBytes(last, key) >= 0) {
      throw invalidArgument(
        `the key ${show(key)} comes after ${show(last)}; keys must be in ascending order, each once`,
      );
    }
  }

  return (line) => {
    if (line === undefined) {
      if (!isOver) throw invalidArgument('the last line, of type end, is missing: the export was cut off');
      return;
    }
    if (isOver) throw invalidArgument('the export has ended before this line');
    switch (line.type) {
      case 'kvi-export':
        throw invalidArgument('another export begins before the first one has ended');
      case 'entry':
        checkKey(line.key);
        last = line.key;
        keys += 1;
        break;
      case 'restart':
        last = undefined;
        keys = 0;
        break;
      case 'end':
        if (line.keys !== keys) {
          throw invalidArgument(`the export had ${line.keys} keys, but ${keys} came before its end`);
        }
        isOver = true;
    }
  };
}

async function* parsedLines(lines: Lines, time: CallTime): AsyncGenerator<Numbered, undefined> {
  let number = 0;
  for await (const text of interruptible(lines, time)) {
    number += 1;
    const line = naming(`line ${number}`, () => parse(text));
    if (line !== undefined) yield {line, number};
  }
  return undefined;
}

/** @returns undefined for a blank line */
function parse(text: unknown): ExportedLine | undefined {
  if (typeof text !== 'string') throw invalidArgument(`a line must be a string, not ${showValue(text)}`);
  return text.trim() === '' ? undefined : parseLine(text);
}

/** The lines, until the time is over, also if the next one never comes. */
async function* interruptible(lines: Lines, time: CallTime): AsyncGenerator<unknown, undefined> {
  const iterator = Symbol.asyncIterator in lines ? lines[Symbol.asyncIterator]() : lines[Symbol.iterator]();
  try {
    for (;;) {
      const result = await time.run(() => iterator.next());
      if (result.done === true) return undefined;
      yield result.value;
    }
  } finally {
    // An iterator that still waits for a line may wait here too.
    const left = (async () => iterator.return?.())().catch(() => undefined);
    await time.run(() => left).catch(() => undefined);
  }
}
