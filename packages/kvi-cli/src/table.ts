import type {Input} from 'kvi';
import {type Io, isTerminal, terminalWidth} from './io.ts';
import {toBytes} from './keys.ts';
import type {Output, RecordForm} from './output.ts';
import {printable} from './printable.ts';

/** A row: its fields, and what it is in JSON. */
export interface Row {
  fields: readonly Input[];
  document: object;
}

/** What a table looks like on a terminal. */
export interface TableShape {
  titles: readonly string[];
  /** The title of a column that is cut so that rows fit the terminal, since its values can have any length. */
  cut?: string;
}

/** Where the rows go. */
interface Target {
  output: Output;
  io: Io;
  json: boolean;
}

/** How many rows are aligned with each other: a list of a million keys begins to appear at once. */
const rowsAtOnce = 1_000;
const gap = '  ';
const smallestWidth = 8;

/**
 * Prints rows as a table on a terminal, and as records elsewhere.
 *
 * @param form - of the records; if it has separators of its own, they are records on a terminal too
 */
export async function printTable(
  rows: AsyncIterable<Row> | Iterable<Row>,
  shape: TableShape,
  {output, io, json}: Target,
  form: RecordForm = {},
): Promise<void> {
  if (json || !isTerminal(io.stdout) || form.separator !== undefined) {
    for await (const {fields, document} of rows) await output.record(fields, document, form);
    return;
  }
  const print = async (cells: string[][]) =>
    output.record([await layOut(cells, shape, terminalWidth(io.stdout))], {});
  let cells: string[][] = [];
  for await (const {fields} of rows) {
    cells.push(fields.map((field) => printable(toBytes(field))));
    if (cells.length < rowsAtOnce) continue;
    await print(cells);
    cells = [];
  }
  if (cells.length > 0) await print(cells);
}

/** Loads what draws tables only here: most commands draw none. */
async function layOut(
  cells: readonly string[][],
  {titles, cut}: TableShape,
  terminal: number,
): Promise<string> {
  const [{default: Table}, {default: widthOf}] = await Promise.all([
    import('cli-table3'),
    import('string-width'),
  ]);
  const colWidths: (number | null)[] = titles.map(() => null);
  if (cut !== undefined) {
    const widths = titles.map((title, at) =>
      Math.max(widthOf(title), ...cells.map((row) => widthOf(row[at] ?? ''))),
    );
    const cutAt = titles.indexOf(cut);
    const others = widths.reduce((sum, width, at) => (at === cutAt ? sum : sum + width + gap.length), 0);
    const room = Math.max(smallestWidth, terminal - others);
    if ((widths[cutAt] ?? 0) > room) colWidths[cutAt] = room;
  }
  const table = new Table({
    head: [...titles],
    colWidths,
    chars: {...noBorders, middle: gap},
    style: {head: [], border: [], 'padding-left': 0, 'padding-right': 0},
  });
  table.push(...cells);
  return table.toString().replace(/ +$/gm, '');
}

const noBorders = {
  ...{top: '', 'top-mid': '', 'top-left': '', 'top-right': ''},
  ...{bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': ''},
  ...{left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': ''},
};
