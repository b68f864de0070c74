/** A Markdown table, aligned as Prettier does. The first line is the header; numbers are flush right. */
export function markdownTable(lines: readonly string[][], isNumber: (column: number) => boolean): string {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(3, ...lines.map((cells) => cells[column]?.length ?? 0)),
  );
  const rule = widths.map((width, column) =>
    isNumber(column) ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width),
  );
  const aligned = lines.map((cells) =>
    cells.map((cell, column) => {
      const width = widths[column] ?? 0;
      return isNumber(column) ? cell.padStart(width) : cell.padEnd(width);
    }),
  );
  return [...aligned.slice(0, 1), rule, ...aligned.slice(1)]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

/** A number with three digits that count. */
export function round(number: number): string {
  return number.toLocaleString('en', {maximumSignificantDigits: 3});
}
