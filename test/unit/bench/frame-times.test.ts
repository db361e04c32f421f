import { expect, it } from 'vitest';
import { rateOf, type Done } from '../../../bench/frame-times.ts';
import type { Plan } from '../../../src/planner/plan.ts';
import { asPeerId, asSessionId } from '../../../src/shared/ids.ts';

const tiles = [{ peer: asPeerId('1'.repeat(32)), outputs: [] }];

/** A segment in so many lanes, and one behind it that all frames pass. */
const planOf = (lanes: number): Plan => ({
  session: asSessionId('2'.repeat(32)),
  epoch: 0,
  model: 'made up',
  segments: [
    { ops: [0, 1], lanes: Array.from({ length: lanes }, () => ({ share: 1, tiles })) },
    { ops: [1, 2], lanes: [{ share: 1, tiles }] },
  ],
});

const doneAt = (lanes: number, atMs: readonly number[], laneOf: (index: number) => number): Done[] => {
  const plan = planOf(lanes);
  return atMs.map((ms, index) => ({ atMs: ms, result: { plan, lanes: [laneOf(index), 0] } }));
};

/** Lanes of 20 s a frame, done one right after the other. */
const turns = (index: number): number => Math.floor(index / 4) * 20_000 + (index % 4) * 50;

it('the rate of one lane is that between its first frame and its last', () => {
  const atMs = [0, 900, 2100, 2950, 4000];
  expect(rateOf(doneAt(1, atMs, () => 0))).toBeCloseTo(1, 9);
});

it.each([0, 1, 2, 3])(
  'lanes that take turns have the same rate wherever one begins to count: at frame %i of a turn',
  (first) => {
    const frames = Array.from({ length: 16 }, (_, index) => index + first);
    const done = doneAt(4, frames.map(turns), (index) => frames[index]! % 4);
    expect(rateOf(done)).toBeCloseTo(4 / 20, 9);
  },
);

it('lanes that are not alike add up, however few frames there are of each', () => {
  const periods = [10_000, 12_500, 15_000];
  const frames = periods.flatMap((period, lane) => [0, 1, 2].map((turn) => ({ lane, ms: turn * period })));
  frames.sort((a, b) => a.ms - b.ms);
  const done = doneAt(
    3,
    frames.map(({ ms }) => ms),
    (index) => frames[index]!.lane,
  );
  expect(rateOf(done)).toBeCloseTo(1 / 10 + 1 / 12.5 + 1 / 15, 9);
});

it('where a lane has one frame only, all frames count as if they were of one', () => {
  const done = doneAt(3, [0, 100, 1000, 2000], (index) => [0, 2, 0, 0][index]!);
  expect(rateOf(done)).toBeCloseTo(3 / 2, 9);
  expect(rateOf(doneAt(3, [0, 500, 1000], (index) => index))).toBeCloseTo(2, 9);
});
