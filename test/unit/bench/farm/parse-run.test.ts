import { describe, expect, it } from 'vitest';
import { parseFarmRun } from '../../../../bench/farm/parse-run.ts';
import { cellKey, farmRun, measuredCell, wholeRun } from '../../../support/farm-run.ts';

describe('a run of the farm that is read', () => {
  it('is what was written', () => {
    const run = wholeRun();
    expect(parseFarmRun(JSON.parse(JSON.stringify(run)))).toEqual(run);
  });

  it('keeps what a later version added to its cells', () => {
    const cell = { ...measuredCell(cellKey('ours', 'vgg16', 4, 'latency')), later: 1 };
    expect(parseFarmRun(farmRun([cell])).cells[0]).toEqual(cell);
  });

  it.each([
    ['no run at all', null, /\(root\)/],
    ['an unknown network', { network: 'lenet' }, /cells\.0\.network/],
    ['an unknown state', { state: 'lost' }, /cells\.0/],
    ['no frames', { latenciesMs: [] }, /cells\.0\.latenciesMs/],
    ['a figure that is none', { framesPerSecond: Number.NaN }, /cells\.0\.framesPerSecond/],
  ])('is refused by its field: %s', (_, change, field) => {
    const cell = measuredCell(cellKey('ours', 'vgg16', 4, 'latency'));
    const raw: unknown = change && farmRun([{ ...cell, ...change } as typeof cell]);
    expect(() => parseFarmRun(raw)).toThrowError(field);
  });
});
