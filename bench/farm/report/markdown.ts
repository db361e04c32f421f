/** What stands in a table where there is no figure. */
export const NONE = '–';

/** Text of others (refusals, names of machines) as plain text, in one line, also in a cell of a table. */
export const escapeMarkdown = (text: string): string =>
  text
    .replaceAll(/\s+/g, ' ')
    .trim()
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll(/[\\`*_[\]|#~]/g, '\\$&');

/** A block of code, fenced by more backquotes than the code has in a row. */
export function codeBlock(code: string, language = ''): string {
  const longest = Math.max(2, ...[...code.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${code}\n${fence}`;
}

/** `text` columns stand left, figures right. Cells are Markdown already. */
export interface Column<Entry> {
  readonly title: string;
  readonly align: 'text' | 'figure';
  readonly cell: (entry: Entry) => string;
}

/** Columns in which no entry has anything to say are left out. */
export function markdownTable<Entry>(columns: readonly Column<Entry>[], entries: readonly Entry[]): string {
  const filled = columns.flatMap(({ title, align, cell }) => {
    const cells = entries.map(cell);
    return cells.every((text) => text === NONE) ? [] : [{ title, align, cells }];
  });
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    row(filled.map(({ title }) => title)),
    row(filled.map(({ align }) => (align === 'figure' ? '--:' : '---'))),
    ...entries.map((_, index) => row(filled.map(({ cells }) => cells[index]!))),
  ].join('\n');
}

export const bullets = (lines: readonly string[]): string => lines.map((line) => `- ${line}`).join('\n');

/** Parts of a page, a blank line between them; empty ones are left out. */
export const paragraphs = (parts: readonly (string | undefined)[]): string =>
  parts.filter((part) => part !== undefined && part !== '').join('\n\n');
