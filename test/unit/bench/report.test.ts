import { describe, expect, it } from 'vitest';
import { isMet, median, timings, type Row } from '../../../bench/benchmark.ts';
import { reportOf, tableOf } from '../../../bench/report.ts';

const row = (value: number, goal: Row['goal']): Row => ({ name: 'ratio', value, unit: '×', goal });

describe('benchmark reports', () => {
  it('say whether a goal was met, bounds included', () => {
    expect(isMet(row(25, { atLeast: 25 }))).toBe(true);
    expect(isMet(row(24.9, { atLeast: 25 }))).toBe(false);
    expect(isMet(row(3, { atMost: 3 }))).toBe(true);
    expect(isMet(row(3.1, { atLeast: 1, atMost: 3 }))).toBe(false);
    expect(isMet(row(NaN, { atLeast: 0 }))).toBe(false);
    expect(isMet(row(7, null))).toBeNull();
  });

  it('have the same fields for every benchmark', () => {
    const report = reportOf('conv3d', [row(52.4712, { atLeast: 25 }), row(7, null)], process.cwd());
    expect(Object.keys(report)).toEqual(['name', 'commit', 'machine', 'rows']);
    expect(report.rows).toEqual([
      { name: 'ratio', value: 52.47, unit: '×', goal: '≥ 25', met: true },
      { name: 'ratio', value: 7, unit: '×', goal: null, met: null },
    ]);
    expect(report.machine.cores).toBeGreaterThan(0);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  it('name no commit outside a checkout', () => {
    expect(reportOf('conv3d', [], '/').commit).toBeNull();
  });

  it('print a table that points at a missed goal', () => {
    const table = tableOf(reportOf('conv3d', [row(2, { atLeast: 25 })], '/'));
    expect(table).toMatch(/^conv3d at no commit\n/);
    expect(table).toMatch(/ratio +2 × +≥ 25 × +MISSED$/);
  });

  it('take the middle of the times, the warm-up left out', async () => {
    expect(median([9, 1, 2])).toBe(2);
    expect(median([4, 1, 9, 2])).toBe(3);
    let runs = 0;
    expect(await timings(3, () => (runs += 1))).toHaveLength(3);
    expect(runs).toBe(4);
    expect(await timings(2, () => (runs += 1), false)).toHaveLength(2);
    expect(runs).toBe(6);
  });
});
