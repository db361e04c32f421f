import { describe, expect, it } from 'vitest';
import type { Cell, CellResult } from '../../../../bench/farm/cells.ts';
import { indexCells } from '../../../../bench/farm/report/cell-index.ts';
import { judgeGoals, type Verdict } from '../../../../bench/farm/report/goals.ts';
import { goalsSection } from '../../../../bench/farm/report/sections/goals.ts';
import { cellKey, farmRun, measuredCell, refusedCell, slower } from '../../../support/farm-run.ts';

const verdicts = (...cells: Cell[]): Record<string, Verdict> =>
  Object.fromEntries(judgeGoals(indexCells(farmRun(cells))).map(({ what, verdict }) => [what, verdict]));
const page = (...cells: Cell[]): string => {
  const run = farmRun(cells);
  return goalsSection(indexCells(run), run.calibration);
};
/** Every frame takes `ms`, at that rate when frames are alone. */
const taking = (cell: CellResult, ms: number): CellResult => ({
  ...cell,
  latenciesMs: cell.latenciesMs.map(() => ms),
  framesPerSecond: 1000 / ms,
});
const plain = taking(measuredCell(cellKey('tfjs', 'vgg16', 1, 'latency')), 10_000);
const oursOn = (devices: number, ms: number): CellResult =>
  taking(measuredCell(cellKey('ours', 'vgg16', devices, 'latency')), ms);

describe('goals of the farm', () => {
  it('are all of issue and table, none of them measured by an empty run', () => {
    const goals = judgeGoals(indexCells(farmRun([])));
    // Latency, rate and memory of four networks on 4 and on 8; the paper's layout twice; slow links by network; unlike devices.
    expect(goals).toHaveLength(3 * 8 + 2 + 4 + 1);
    expect(new Set(goals.map(({ what }) => what)).size).toBe(goals.length);
    expect(new Set(goals.map(({ verdict }) => verdict.state))).toEqual(new Set(['not measured']));
    expect(page()).toContain('Of 31 goals 0 met, 31 not measured.');
  });

  it('are met from their bound on', () => {
    const found = verdicts(taking(plain, 8_500), oursOn(4, 2_500), oursOn(8, 8_500 / 5.9));
    expect(found['VGG16 on 4: latency']).toMatchObject({
      state: 'met',
      value: 3.4,
    });
    expect(found['VGG16 on 8: latency']).toMatchObject({
      state: 'missed',
      value: expect.closeTo(5.9, 9) as number,
    });
    expect(found['C3D on 4: latency']).toEqual({ state: 'not measured' });
  });

  it('cannot be judged without what they are over', () => {
    expect(verdicts(oursOn(4, 1))['VGG16 on 4: latency']).toEqual({ state: 'not measured' });
  });

  it('of C3D are over our own convolutions on one device, never over tfjs', () => {
    const of = (method: 'ours' | 'tfjs', devices: number, ms: number): CellResult =>
      taking(measuredCell(cellKey(method, 'c3d', devices, 'latency')), ms);
    const found = verdicts(of('tfjs', 1, 1e6), of('ours', 1, 24_000), of('ours', 4, 8_000));
    expect(found['C3D on 4: latency']).toMatchObject({ state: 'missed', value: 3 });
  });

  it('say why a cell was refused', () => {
    const why = 'a device lacks 120 MB';
    const cell = refusedCell(cellKey('ours', 'vgg16', 4, 'throughput'), why);
    expect(verdicts(plain, cell)['VGG16 on 4: rate']).toEqual({ state: 'refused', why });
    expect(page(plain, cell)).toContain('refused: a device lacks 120 MB');
  });

  it('show where the time goes when they are missed', () => {
    const where = { compute: 0.25, link: 0.65, wait: 0.1 };
    const text = page(plain, { ...oursOn(8, 2000), where, used: 6 });
    expect(text).toContain('**missed**');
    expect(text).toMatch(
      /\*\*VGG16 on 8: latency\*\*: the median frame's 2\.00 s are 65 % links, 25 % computing and 10 % waiting for other parts; .*6 of 8 devices/,
    );
    expect(page(plain, oursOn(8, 1000))).not.toContain('What holds up');
  });

  it('show a narrow miss with as many digits as it takes', () => {
    const row = page(plain, oursOn(8, 10_000 / 5.9996))
      .split('\n')
      .find((line) => line.includes('VGG16 on 8: latency'));
    expect(row).toMatch(/≥ 6 × \| 5\.9996 × \| \*\*missed\*\*/);
  });

  it('of memory look at the device that holds most', () => {
    const cell = measuredCell(cellKey('ours', 'vgg16', 8, 'throughput'), {
      memoryBytes: { mean: 1e6, most: 257e6 },
    });
    expect(verdicts(cell)['VGG16 on 8: memory']).toMatchObject({ state: 'missed', value: 257e6 });
  });

  it('over the paper are those of one of our plans', () => {
    const paper = {
      ...measuredCell(cellKey('paper', 'vgg16', 11, 'throughput')),
      latenciesMs: [10_000],
      framesPerSecond: 0.8,
    };
    const fast = {
      ...measuredCell(cellKey('ours', 'vgg16', 11, 'throughput')),
      latenciesMs: [9_000],
      framesPerSecond: 1.6,
    };
    const short = { ...oursOn(11, 2_000), framesPerSecond: 1.1 };
    const found = verdicts(paper, fast, short);
    // 1.6 / 0.8 at nine tenths of the latency is further from both than 1.1 / 0.8 at a fifth.
    expect(found["VGG16 on 11, over the paper's layout: rate"]).toMatchObject({
      state: 'met',
      value: expect.closeTo(1.375, 9) as number,
    });
    expect(found["VGG16 on 11, over the paper's layout: latency"]).toMatchObject({
      state: 'met',
      value: 0.2,
    });
    expect(verdicts(paper, fast)["VGG16 on 11, over the paper's layout: latency"]).toMatchObject({
      state: 'missed',
      value: 0.9,
    });

    const bounded = { ...oursOn(11, 5_000), objective: 'throughput', latencyBoundMs: 11_000, framesPerSecond: 1.2 } as const; // prettier-ignore
    const both = verdicts(paper, fast, bounded);
    expect(both["VGG16 on 11, over the paper's layout: rate"]).toMatchObject({ state: 'met' });
    expect(both["VGG16 on 11, over the paper's layout: latency"]).toMatchObject({ state: 'met' });
  });

  it('on slow links are held against one device, which a plan may be', () => {
    const slow = (devices: number, ms: number, used = devices): CellResult => ({
      ...taking(measuredCell(cellKey('ours', 'vgg16', devices, 'latency', 10)), ms),
      used,
    });
    const what = 'VGG16 at 10 Mbit/s, over one device';
    expect(verdicts(slow(1, 1100), slow(4, 900), slow(8, 1000))[what]).toMatchObject({
      state: 'met',
      value: 1.1,
    });
    expect(verdicts(oursOn(1, 900), slow(8, 1000))[what]).toMatchObject({ state: 'missed', value: 0.9 });
    expect(verdicts(oursOn(1, 900), slow(8, 1000, 1))[what]).toMatchObject({ state: 'met', value: 1 });
  });

  it('on unlike devices are held against equal parts on the same', () => {
    const on = (method: 'ours' | 'equal', farm: string): CellResult =>
      measuredCell(cellKey(method, 'vgg16', 6, 'throughput', 90, farm));
    const found = verdicts(on('ours', 'a.json'), slower(on('equal', 'a.json'), 1.25), on('equal', 'b.json'));
    expect(found['VGG16 on 6 that are not alike, over equal parts: rate']).toMatchObject({
      state: 'missed',
      value: expect.closeTo(1.25, 9) as number,
    });
  });
});
