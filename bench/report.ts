import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem, type } from 'node:os';
import { isMet, type Goal, type Row } from './benchmark.ts';

/** What `--json` prints. */
export interface Report {
  readonly name: string;
  /** Hash of the commit; `-modified` behind it where the working tree differs, null outside a checkout. */
  readonly commit: string | null;
  readonly machine: Machine;
  readonly rows: readonly ReportedRow[];
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly os: string;
  readonly node: string;
}

export interface ReportedRow {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** `≥ 25`, `≤ 3`; null where there is none. */
  readonly goal: string | null;
  readonly met: boolean | null;
}

export function reportOf(name: string, rows: readonly Row[], root: string): Report {
  return {
    name,
    commit: commitOf(root),
    machine: machine(),
    rows: rows.map((row) => ({
      name: row.name,
      value: rounded(row.value),
      unit: row.unit,
      goal: row.goal && formatGoal(row.goal),
      met: isMet(row),
    })),
  };
}

/** Columns for people. */
export function tableOf({ name, commit, machine, rows }: Report): string {
  const cells = [
    ['', 'value', 'goal', ''],
    ...rows.map((row) => [
      row.name,
      `${row.value} ${row.unit}`,
      row.goal === null ? '' : `${row.goal} ${row.unit}`,
      row.met === null ? '' : row.met ? 'met' : 'MISSED',
    ]),
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...cells.map((row) => row[column]!.length)));
  const lines = cells.map((row) =>
    row
      .map((cell, column) => (column === 1 ? cell.padStart(widths[1]!) : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd(),
  );
  const where = `${machine.cpu}, ${machine.cores} cores, ${Math.round(machine.memoryBytes / 2 ** 30)} GiB, ${machine.os}, Node ${machine.node}`;
  return [`${name} at ${commit ?? 'no commit'}`, where, '', ...lines].join('\n');
}

function formatGoal(goal: Goal): string {
  const bounds = [
    goal.atLeast === undefined ? undefined : `≥ ${goal.atLeast}`,
    goal.atMost === undefined ? undefined : `≤ ${goal.atMost}`,
  ];
  return bounds.filter((bound) => bound !== undefined).join(', ');
}

/** Four digits: more than that is noise. */
const rounded = (value: number): number => Number(value.toPrecision(4));

export function machine(): Machine {
  const list = cpus();
  return {
    cpu: list[0]?.model.trim() ?? 'unknown processor',
    cores: list.length,
    memoryBytes: totalmem(),
    os: `${type()} ${release()}`,
    node: process.versions.node,
  };
}

export function commitOf(root: string): string | null {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    const modified = git('status', '--porcelain', '--untracked-files=no') !== '';
    return git('rev-parse', 'HEAD') + (modified ? '-modified' : '');
  } catch {
    // An unpacked archive, or no git.
    return null;
  }
}
