import pc from 'picocolors';
import { PeerceptronError, toPeerceptronError } from '../src/shared/errors.ts';
import { ProgressView, type ProgressItem } from './progress-view.ts';

/** Where a command's words go: results on stdout, everything else on stderr, so that `--json` stays clean. */
export interface Terminal {
  readonly json: boolean;
  /** The command's result for a person; silent with `--json`. */
  say(text: string): void;
  /** What goes on meanwhile. */
  note(text: string): void;
  /** One JSON document on stdout; silent without `--json`. */
  result(value: unknown): void;
  /** A line that replaces itself on a terminal, and is left out elsewhere and with `--json`. */
  progress(text: string): void;
  /** Bars with amount, rate and time left on a terminal, plain lines now and then elsewhere; nothing with `--json`. */
  bars(items: readonly ProgressItem[]): void;
  endProgress(): void;
}

export function createTerminal(json: boolean): Terminal {
  const view = new ProgressView({
    write: (text) => process.stderr.write(text),
    live: process.stderr.isTTY,
    columns: () => process.stderr.columns,
    now: () => performance.now(),
  });
  return {
    json,
    say: (text) => {
      view.clear();
      if (!json) process.stdout.write(`${text}\n`);
    },
    note: (text) => {
      view.clear();
      process.stderr.write(`${pc.dim(text)}\n`);
    },
    result: (value) => {
      if (json) process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
    },
    progress: (text) => {
      if (!json) view.text(text);
    },
    bars: (items) => {
      if (!json) view.show(items);
    },
    endProgress: () => view.end(),
  };
}

export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

/** Says what went wrong; returns the exit code: 1, or 2 for bad usage. */
export function reportFailure(thrown: unknown, json: boolean): number {
  const error = toPeerceptronError(thrown);
  const { code, message } = error;
  if (json) process.stdout.write(`${JSON.stringify({ error: { code, message } }, undefined, 2)}\n`);
  process.stderr.write(`${pc.red(`${code}:`)} ${message}\n`);
  if (code === 'INTERNAL' && error.stack) process.stderr.write(`${pc.dim(error.stack)}\n`);
  return code === 'USAGE' ? EXIT.usage : EXIT.failed;
}

export const usage = (message: string): PeerceptronError => new PeerceptronError('USAGE', message);

export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  if (bytes < 1e9) return `${(bytes / 1e6).toFixed(1)} MB`;
  return `${(bytes / 1e9).toFixed(2)} GB`;
}

export const formatMs = (ms: number): string => (ms < 100 ? `${ms.toFixed(1)} ms` : `${ms.toFixed(0)} ms`);

export function formatCount(count: number): string {
  if (count < 1e3) return String(count);
  if (count < 1e6) return `${(count / 1e3).toFixed(1)} k`;
  if (count < 1e9) return `${(count / 1e6).toFixed(1)} M`;
  return `${(count / 1e9).toFixed(2)} G`;
}

/** Columns as wide as their widest cell; cells that begin with a digit go to the right, and titles above such cells. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const isNumber = (cell: string): boolean => /^[\d.]/.test(cell);
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const numeric = header.map((_, column) => {
    const cells = rows.map((row) => row[column] ?? '').filter((cell) => cell !== '' && cell !== '–');
    return cells.length > 0 && cells.every(isNumber);
  });
  const line = (cells: readonly string[], isTitle: boolean): string =>
    cells
      .map((cell, column) => {
        const right = column > 0 && (isNumber(cell) || ((isTitle || cell === '–') && numeric[column]));
        return right ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!);
      })
      .join('  ')
      .trimEnd();
  return [pc.bold(line(header, true)), ...rows.map((row) => line(row, false))].join('\n');
}
