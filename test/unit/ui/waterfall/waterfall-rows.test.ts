import { describe, expect, it } from 'vitest';
import {
  finishedFrames,
  slowestStep,
  waterfallOf,
  type WaterfallRow,
} from '../../../../src/ui/waterfall/waterfall-rows.ts';
import { peerIdOf } from '../../../support/memory-network.ts';
import { syntheticTrace } from '../../../support/synthetic-trace.ts';

const trace = syntheticTrace({ computeMs: [12, 31], transferMs: [4, 9, 2], frames: 6, window: 1 });
const rowOf = (rows: readonly WaterfallRow[], index: number): WaterfallRow =>
  rows.find(({ peer }) => peer === peerIdOf(index))!;

describe('one frame through the mesh', () => {
  it('has a row per device, the requester first, with what each does and for how long', () => {
    const { rows, latencyMs } = waterfallOf(trace, 3)!;
    expect(rows.map(({ peer }) => peer)).toEqual([0, 1, 2].map(peerIdOf));
    expect(latencyMs).toBeCloseTo(12 + 31 + 4 + 9 + 2 + 6 * 0.01, 6);
    expect(rowOf(rows, 1).totalMs.compute).toBeCloseTo(12, 6);
    expect(rowOf(rows, 2).totalMs.compute).toBeCloseTo(31, 6);
    // Receiving ends when the piece is in its place.
    expect(rowOf(rows, 2).totalMs.receive).toBeCloseTo(9.01, 6);
    expect(rowOf(rows, 0).totalMs.compute).toBe(0);
  });

  it('begins when the frame is admitted, and ends within the chart', () => {
    const { rows, fromMs, toMs, latencyMs } = waterfallOf(trace, 5)!;
    expect(fromMs).toBe(0);
    expect(toMs).toBeCloseTo(latencyMs, 6);
    for (const { startMs, endMs } of rows.flatMap(({ bars }) => bars)) {
      expect(startMs).toBeGreaterThanOrEqual(-1e-9);
      expect(endMs).toBeLessThanOrEqual(latencyMs + 1e-9);
      expect(endMs).toBeGreaterThanOrEqual(startMs);
    }
  });

  it('says which ops a tile computes, and where a piece goes', () => {
    const { rows } = waterfallOf(trace, 0)!;
    const { bars } = rowOf(rows, 1);
    expect(bars.find(({ stage }) => stage === 'compute')!.tile).toMatchObject({ ops: [0, 2] });
    const sent = bars.find(({ stage }) => stage === 'send')!;
    expect([sent.other, sent.sizeBytes]).toEqual([peerIdOf(2), 1000]);
    expect(bars.find(({ stage }) => stage === 'receive')!.other).toBe(peerIdOf(0));
  });

  it('shows bars that the clocks put before the frame', () => {
    const shifted = {
      ...trace,
      spans: trace.spans.map((span) =>
        span.device === peerIdOf(1) ? { ...span, startMs: span.startMs - 5, endMs: span.endMs - 5 } : span,
      ),
    };
    const { fromMs } = waterfallOf(shifted, 0)!;
    expect(fromMs).toBeCloseTo(-5 + 0.01, 6);
  });

  it('waits for the slowest stage, whose part of the latency is said', () => {
    const waterfall = waterfallOf(trace, 2)!;
    const total = waterfall.path.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0);
    expect(total).toBeCloseTo(waterfall.latencyMs, 6);
    const slowest = slowestStep(waterfall)!;
    expect(slowest.step).toMatchObject({ stage: 'compute', device: peerIdOf(2) });
    expect(slowest.part).toBeCloseTo(31 / waterfall.latencyMs, 6);
  });

  it('has one row for a requester that computes as well', () => {
    const own = { ...trace, requester: peerIdOf(1) };
    expect(waterfallOf(own, 0)!.rows.map(({ peer }) => peer)).toEqual([1, 2].map(peerIdOf));
  });

  it('is nothing for a frame without a result', () => {
    const unfinished = { ...trace, spans: trace.spans.filter(({ stage }) => stage !== 'frame') };
    expect(finishedFrames(trace)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(finishedFrames(unfinished)).toEqual([]);
    expect(waterfallOf(unfinished, 0)).toBeUndefined();
    expect(waterfallOf(trace, 99)).toBeUndefined();
  });
});
