import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { criticalPath } from '../../../../src/runtime/trace/critical-path.ts';
import { lengthMs, overlapMs, union } from '../../../../src/runtime/trace/intervals.ts';
import { summarizeTrace } from '../../../../src/runtime/trace/summary.ts';
import type { TraceSpan } from '../../../../src/runtime/trace/trace.ts';
import { runs } from '../../../support/fuzz.ts';
import { peerIdOf } from '../../../support/memory-network.ts';
import { syntheticTrace, type SyntheticPipeline } from '../../../support/synthetic-trace.ts';

const nameOf = (peer: string): string => (peer === peerIdOf(0) ? 'me' : `peer-${Number(peer)}`);
const summarize = (pipeline: SyntheticPipeline) => summarizeTrace(syntheticTrace(pipeline), nameOf);

const ms = fc.double({ min: 0.5, max: 50, noNaN: true });
const pipelines = fc
  .tuple(
    fc.array(ms, { minLength: 1, maxLength: 5 }),
    fc.integer({ min: 1, max: 12 }),
    fc.integer({ min: 1, max: 6 }),
  )
  .chain(([computeMs, frames, window]) =>
    fc
      .array(ms, { minLength: computeMs.length + 1, maxLength: computeMs.length + 1 })
      .map((transferMs): SyntheticPipeline => ({ computeMs, transferMs, frames, window })),
  );

describe('the bottleneck', () => {
  it('of the rate is the engine that is slower than every other engine and link', () => {
    const { bottleneck } = summarize({
      computeMs: [4, 20, 6],
      transferMs: [1, 1, 1, 1],
      frames: 20,
      window: 6,
    });
    expect(bottleneck.rate).toMatchObject({
      bound: 'resource',
      resource: { kind: 'compute', peer: peerIdOf(2) },
    });
    expect(bottleneck.rate.busy).toBeGreaterThan(0.9);
    expect(bottleneck.rate.framesPerSecondAtMost).toBeCloseTo(50, 6);
    expect(bottleneck.sentence).toContain(
      'Rate: bounded by computing on peer-2 (most of it ops 2–3, first1 … last1)',
    );
    // Five frames queue up before the slow engine.
    expect(bottleneck.latency).toMatchObject({ stage: 'queue', device: peerIdOf(2) });
    expect(bottleneck.sentence).toContain('waiting for the engine of peer-2');
  });

  it('of the rate is the link that is slower than every engine', () => {
    const { bottleneck, links } = summarize({
      computeMs: [4, 5],
      transferMs: [1, 25, 1],
      frames: 20,
      window: 4,
      sizeBytes: 1_000_000,
    });
    expect(bottleneck.rate.resource).toEqual({ kind: 'link', from: peerIdOf(1), to: peerIdOf(2) });
    expect(bottleneck.sentence).toContain('the link from peer-1 to peer-2');
    const slow = links.find(({ from }) => from === peerIdOf(1))!;
    expect(slow).toMatchObject({ pieces: 20, sizeBytes: 20_000_000 });
    expect(slow.goodput / 40e6).toBeCloseTo(1, 2);
  });

  it('of frames one after another is the latency, and in it the longest step', () => {
    const { bottleneck, concurrency } = summarize({
      computeMs: [4, 5],
      transferMs: [1, 2, 9],
      frames: 5,
      window: 1,
    });
    expect(concurrency).toBeCloseTo(1, 6);
    expect(bottleneck.rate.bound).toBe('latency');
    expect(bottleneck.latency).toMatchObject({ stage: 'transfer', from: peerIdOf(2), device: peerIdOf(0) });
    expect(bottleneck.latency.share).toBeCloseTo(9 / 21.06, 2);
    expect(bottleneck.sentence).toMatch(
      /^Rate: frames run one after another, .* Latency: 43 % of a frame's 21 ms is the way from peer-2 to me\.$/,
    );
  });

  it('of a window too small to keep anything busy is the latency too', () => {
    const { bottleneck } = summarize({
      computeMs: [4, 4, 4, 4],
      transferMs: [4, 4, 4, 4, 4],
      frames: 40,
      window: 3,
    });
    expect(bottleneck.rate.bound).toBe('latency');
    expect(bottleneck.sentence).toContain('nothing is busy all the time with 2.9 frames in flight');
  });

  it('is found in every pipeline that is full: the slowest engine or link', () => {
    fc.assert(
      fc.property(pipelines, ({ computeMs, transferMs }) => {
        const pipeline = { computeMs, transferMs, frames: 60, window: 2 * computeMs.length + 3 };
        const slowest = Math.max(...computeMs, ...transferMs);
        const others = [...computeMs, ...transferMs].sort((a, b) => b - a);
        fc.pre(others[1]! < 0.8 * slowest);
        const { resource, bound } = summarize(pipeline).bottleneck.rate;
        expect(bound).toBe('resource');
        const stage = computeMs.indexOf(slowest);
        const link = transferMs.indexOf(slowest);
        const peerAt = (index: number) => peerIdOf(index < 0 || index >= computeMs.length ? 0 : index + 1);
        expect(resource).toEqual(
          stage >= 0
            ? { kind: 'compute', peer: peerAt(stage) }
            : { kind: 'link', from: peerAt(link - 1), to: peerAt(link) },
        );
      }),
      runs(50),
    );
  });

  it('has nothing to say about a trace without frames', () => {
    const { bottleneck, frames, framesPerSecond } = summarize({
      computeMs: [1],
      transferMs: [1, 1],
      frames: 0,
      window: 1,
    });
    expect([frames, framesPerSecond]).toEqual([[], 0]);
    expect(bottleneck.sentence).toBe('No frame has a result, so there is no bottleneck to name.');
  });
});

describe('the critical path', () => {
  it('has no gap and no overlap, and is as long as the frame', () => {
    fc.assert(
      fc.property(pipelines, fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(), (pipeline, loss, seed) => {
        const trace = syntheticTrace(pipeline);
        // Some spans may be lost, and some clocks wrong.
        const kept = trace.spans.filter(
          ({ stage }, index) => stage === 'frame' || ((index * 7919 + seed) % 1000) / 1000 >= loss / 3,
        );
        const skewed = kept.map((span) =>
          span.device === peerIdOf(1) ? { ...span, startMs: span.startMs - 3, endMs: span.endMs - 3 } : span,
        );
        for (const spans of [trace.spans, kept, skewed]) {
          for (let frame = 0; frame < pipeline.frames; frame += 1) {
            const own = spans.filter((span) => span.frame === frame);
            const whole = own.find(({ stage }) => stage === 'frame')!;
            const path = criticalPath(own, pipeline.computeMs.length);
            expect(path[0]!.startMs).toBe(whole.startMs);
            expect(path.at(-1)!.endMs).toBe(whole.endMs);
            for (const [index, step] of path.slice(1).entries())
              expect(step.startMs).toBe(path[index]!.endMs);
            if (spans === trace.spans) {
              expect(path.filter(({ stage }) => stage === 'compute').map(({ device }) => device)).toEqual(
                pipeline.computeMs.map((_, stage) => peerIdOf(stage + 1)),
              );
              expect(path.some(({ stage }) => stage === 'unknown')).toBe(false);
            }
          }
        }
      }),
      runs(60),
    );
  });

  it('goes through the piece that arrived last', () => {
    const base = syntheticTrace({ computeMs: [2, 2], transferMs: [1, 1, 1], frames: 1, window: 1 });
    // A second tile beside the first stage, slower, whose piece is the last that the second stage gets.
    const twin = base.spans.flatMap((span): TraceSpan[] => {
      if ('piece' in span && span.segment === 0)
        return [
          {
            ...span,
            tile: 1,
            to: peerIdOf(9),
            device: span.device === peerIdOf(1) ? peerIdOf(9) : span.device,
          },
        ];
      if ('lane' in span && span.segment === 0)
        return [
          {
            ...span,
            tile: 1,
            device: peerIdOf(9),
            ...(span.stage === 'compute' ? { endMs: span.endMs + 0.5 } : {}),
          },
        ];
      if ('piece' in span && span.segment === 1)
        return [
          {
            ...span,
            piece: 1,
            from: peerIdOf(9),
            producer: { segment: 0, tile: 1 },
            endMs: span.endMs + 0.5,
            startMs: span.startMs + 0.5,
            device: span.device === peerIdOf(1) ? peerIdOf(9) : span.device,
          },
        ];
      return [];
    });
    const path = criticalPath([...base.spans, ...twin], 2);
    expect(path.filter(({ stage }) => stage === 'compute').map(({ device }) => device)).toEqual([
      peerIdOf(9),
      peerIdOf(2),
    ]);
  });
});

describe('intervals', () => {
  it('are united and measured', () => {
    const united = union([
      { startMs: 5, endMs: 7 },
      { startMs: 0, endMs: 2 },
      { startMs: 1, endMs: 3 },
    ]);
    expect(united).toEqual([
      { startMs: 0, endMs: 3 },
      { startMs: 5, endMs: 7 },
    ]);
    expect(lengthMs(united)).toBe(5);
    expect(overlapMs(united, [{ startMs: 2, endMs: 6 }])).toBe(2);
    expect(overlapMs(united, [])).toBe(0);
  });
});
