import { describe, expect, it } from 'vitest';
import type { TileReport } from '../../../src/runtime/frames-in-flight.ts';
import { TileTimes } from '../../../src/runtime/tile-times.ts';
import { peerIdOf } from '../../support/memory-network.ts';

const report = (computeMs: number, segment = 0, peer = peerIdOf(1)): TileReport => ({
  segment,
  lane: 0,
  tile: 0,
  peer,
  computeMs,
  receiveMs: 1,
});

function after(...times: number[]): { readonly known: TileTimes; readonly news: (string | undefined)[] } {
  const known = new TileTimes(() => 100);
  return { known, news: times.map((ms) => known.add(report(ms))) };
}

describe('times of tiles', () => {
  it('are those of the new pace as soon as two frames in a row have it', () => {
    const { known, news } = after(100, 101, 99, 400, 402);
    expect(known.expected(0, 0, 0)).toBe(401);
    expect(news).toEqual([undefined, undefined, undefined, undefined, 'slower']);
    const faster = after(100, 101, 99, 25, 25);
    expect(faster.known.expected(0, 0, 0)).toBe(25);
    expect(faster.news.at(-1)).toBe('faster');
  });

  it('take no notice of a single frame, slow or quick', () => {
    const { known, news } = after(100, 100, 100, 900, 100, 10, 900, 100);
    expect(known.expected(0, 0, 0)).toBe(100);
    expect(news.every((drift) => drift === undefined)).toBe(true);
  });

  it('follow what changes little by little', () => {
    const { known, news } = after(...Array.from({ length: 40 }, (_, frame) => 100 + 5 * frame));
    expect(known.expected(0, 0, 0)).toBeGreaterThan(280);
    expect(news).toContain('slower');
  });

  it('change with those of the other tiles of a device, until they show themselves that they did not', () => {
    const known = new TileTimes(() => 100);
    const other = peerIdOf(2);
    for (let frame = 0; frame < 3; frame++) {
      for (const segment of [0, 1]) known.add(report(100, segment));
      known.add(report(100, 2, other));
    }
    known.add(report(400));
    known.add(report(400));
    expect(known.expected(1, 0, 0)).toBe(400);
    expect(known.expected(2, 0, 0)).toBe(100);
    // It was the device: nothing is to be put right.
    expect(known.add(report(404, 1))).toBe('slower');
    expect(known.expected(0, 0, 0)).toBe(400);
    // It was that tile only.
    known.add(report(100, 1));
    known.add(report(100, 1));
    expect(known.expected(1, 0, 0)).toBe(100);
    expect(known.expected(0, 0, 0)).toBe(400);
  });

  it('leave those of much longer tiles alone: a short one may only have waited for its processor', () => {
    const known = new TileTimes(() => 100);
    for (let frame = 0; frame < 3; frame++) {
      known.add(report(100));
      known.add(report(300, 1));
      known.add(report(1000, 2));
    }
    known.add(report(250));
    known.add(report(250));
    expect(known.expected(0, 0, 0)).toBe(250);
    expect(known.expected(1, 0, 0)).toBe(750);
    expect(known.expected(2, 0, 0)).toBe(1000);
  });

  it('are news where they are a little off all the time, and only once', () => {
    const off = (ms: number): (string | undefined)[] =>
      after(...Array.from({ length: 20 }, (_, frame) => (frame % 5 === 4 ? 300 : ms + (frame % 3)))).news;
    expect(off(125).filter((drift) => drift !== undefined)).toEqual(['slower']);
    expect(off(80).filter((drift) => drift !== undefined)).toEqual(['faster']);
    expect(off(108).every((drift) => drift === undefined)).toBe(true);
    expect(
      off(125)
        .slice(0, 9)
        .every((drift) => drift === undefined),
    ).toBe(true);
  });

  it('are no news once plans have been compared by them', () => {
    const { known } = after(100, 100, 100, 400, 400);
    known.compared();
    expect(known.add(report(400))).toBeUndefined();
    expect(known.add(report(395))).toBeUndefined();
  });
});
