// Tables for people as data, and as plain text of a given width.

/** A table with a heading and closing remarks. */
export interface Explanation {
  readonly title: string;
  readonly introduction: readonly string[];
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly notes: readonly string[];
}

/** Breaks a text into lines of at most `width` columns; a longer word stands alone. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** Widths of columns: natural where they fit, else those with the least text are narrowed, down to their longest word. */
function columnWidths(cells: readonly (readonly string[])[], width: number): number[] {
  const widths = cells[0]!.map((_, n) => Math.max(...cells.map((row) => row[n]!.length)));
  const words = widths.map((_, n) =>
    Math.max(...cells.flatMap((row) => row[n]!.split(' ').map((word) => word.length))),
  );
  const text = widths.map((_, n) => cells.reduce((sum, row) => sum + row[n]!.length, 0));
  const room = width - 2 * (widths.length - 1);
  while (widths.reduce((a, b) => a + b, 0) > room) {
    const slack = widths.map((w, n) => (w > words[n]! ? w / text[n]! : 0));
    const emptiest = slack.indexOf(Math.max(...slack));
    if (slack[emptiest] === 0) break;
    widths[emptiest]!--;
  }
  return widths;
}

/** A table as lines of at most `width` columns, its heading underlined. */
export function formatTable(columns: readonly string[], rows: readonly (readonly string[])[], width: number): string[] {
  const cells = [columns, ...rows];
  const widths = columnWidths(cells, width);
  return cells.flatMap((row, n) => {
    const wrapped = row.map((cell, column) => wrap(cell, widths[column]!));
    const height = Math.max(...wrapped.map((cell) => cell.length));
    const lines = Array.from({ length: height }, (_, i) =>
      wrapped
        .map((cell, column) => (cell[i] ?? '').padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    );
    return n === 0 ? [...lines, widths.map((w) => '-'.repeat(w)).join('  ')] : lines;
  });
}

/** An explanation as plain text of at most `width` columns. */
export function formatExplanation(explanation: Explanation, width = 120): string {
  const { title, introduction, columns, rows, notes } = explanation;
  const lines = [title, '', ...introduction, '', ...formatTable(columns, rows, width)];
  return `${[...lines, ...(notes.length > 0 ? ['', ...notes] : [])].join('\n')}\n`;
}
