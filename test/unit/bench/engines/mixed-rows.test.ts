import { describe, expect, it } from 'vitest';
import { isMet } from '../../../../bench/benchmark.ts';
import { mixedRows } from '../../../../bench/engines/mixed-rows.ts';

const rounds = [
  { native: 2, chromium: 1, both: 2.7 },
  { native: 1, chromium: 1, both: 1.9 },
  { native: 3, chromium: 1, both: 3.2 },
];

describe('rows of a mesh of Node and Chromium', () => {
  it('compare both with the sum of the same round, and give medians', () => {
    const rows = mixedRows(rounds, { difference: 2e-6, unused: [] });
    const [ratio] = rows;
    expect(ratio!.name).toMatch(/^vgg16, native in Node and wasm in Chromium together, over the sum/);
    expect(ratio!.value).toBeCloseTo(0.9);
    expect(rows.slice(1).map(({ value }) => value)).toEqual([2, 1, 2.7, 2e-6]);
    expect(rows.map(isMet)).toEqual([true, null, null, null, true]);
  });

  it('say which device the planner did without', () => {
    const [ratio, , , both] = mixedRows(rounds, { difference: 0, unused: ['chromium'] });
    for (const { name } of [ratio!, both!]) expect(name).toContain('together (planned without chromium)');
  });
});
