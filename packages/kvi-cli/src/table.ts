import type {Input} from 'kvi';
import {type Io, isTerminal} from './io.ts';
import {toBytes} from './keys.ts';
import type {Output, RecordForm} from './output.ts';
import {printable} from './printable.ts';

/** A column on a terminal. A wider cell shifts the rest of its row. */
export type Column = readonly [title: string, width: number];

/** Prints a row. */
export type PrintRow = (fields: readonly Input[], document: object) => Promise<void>;

/** Where the rows go. */
interface Target {
  output: Output;
  io: Io;
  json: boolean;
}

/**
 * Prints rows under titles on a terminal, and as records elsewhere.
 *
 * @param form - of the records; if it has separators of its own, they are records on a terminal too
 */
export function createTable(
  columns: readonly Column[],
  {output, io, json}: Target,
  form: RecordForm = {},
): PrintRow {
  if (json || !isTerminal(io.stdout) || form.separator !== undefined) {
    return (fields, document) => output.record(fields, document, form);
  }
  let hasTitles = false;
  const line = (cells: readonly string[]) =>
    output.record(
      [
        cells
          .map((cell, at) => cell.padEnd(columns[at]?.[1] ?? 0))
          .join(' ')
          .trimEnd(),
      ],
      {},
    );
  return async (fields) => {
    if (!hasTitles) await line(columns.map(([title]) => title));
    hasTitles = true;
    await line(fields.map((field) => printable(toBytes(field))));
  };
}
