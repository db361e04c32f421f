import { expect, it } from 'vitest';
import { rateOf } from '../../../bench/frame-times.ts';

/** What each of the next frames took where feeders put in one frame after the other, and `endOf` says when one is done that was put in then. */
function tookOf(
  feeders: number,
  frames: number,
  endOf: (feeder: number, sinceMs: number) => number,
): number[] {
  const sinceMs = Array.from({ length: feeders }, () => 0);
  const done: { readonly atMs: number; readonly tookMs: number }[] = [];
  for (const feeder of sinceMs.keys()) {
    while (sinceMs[feeder]! < 1e6) {
      const atMs = endOf(feeder, sinceMs[feeder]!);
      done.push({ atMs, tookMs: atMs - sinceMs[feeder]! });
      sinceMs[feeder] = atMs;
    }
  }
  done.sort((a, b) => a.atMs - b.atMs);
  return done.slice(feeders, feeders + frames).map(({ tookMs }) => tookMs);
}

/** All that was put in before is done at the next multiple of `periodMs`, one right after the other. */
const atOnce =
  (periodMs: number) =>
  (feeder: number, sinceMs: number): number =>
    (Math.floor(sinceMs / periodMs) + 1) * periodMs + 10 * feeder;

it.each([8, 9, 10, 11])(
  'frames that are done two at a time are not counted as if they never paused: of %i',
  (frames) => {
    expect(rateOf(tookOf(2, frames, atOnce(5000)), 2)).toBeCloseTo(2 / 5, 9);
  },
);

it.each([16, 17, 18, 19])(
  'lanes that take turns have the same rate wherever one stops to count: after %i',
  (frames) => {
    expect(rateOf(tookOf(4, frames, atOnce(20_000)), 4)).toBeCloseTo(4 / 20, 9);
  },
);

it('lanes that are not alike add up', () => {
  const periods = [10_000, 12_500, 15_000];
  // Of 150 s, after which all of it repeats.
  const lanes = tookOf(3, 15 + 12 + 10, (lane, sinceMs) => sinceMs + periods[lane]!);
  expect(rateOf(lanes, 3)).toBeCloseTo(1 / 10 + 1 / 12.5 + 1 / 15, 9);
});
