import { describe, expect, it } from 'vitest';
import { MAX_SPANS_PER_MESSAGE, PEER_STAGES } from '../../../../src/protocol/trace-span.ts';
import { TraceRecorder } from '../../../../src/runtime/trace/recorder.ts';
import { FakeClock } from '../../mesh/fake-clock.ts';

describe('TraceRecorder', () => {
  it('gives back what was recorded, in order, in batches of one message', () => {
    const recorder = new TraceRecorder(new FakeClock());
    const total = MAX_SPANS_PER_MESSAGE + 3;
    for (let frame = 0; frame < total; frame += 1) {
      recorder.record('send', { frame, segment: 1, tile: 2, input: 3, piece: 4 }, 5, 6, 7);
    }
    const first = recorder.take();
    expect(first).toHaveLength(MAX_SPANS_PER_MESSAGE);
    expect(first[1]).toEqual([PEER_STAGES.indexOf('send'), 1, 1, 2, 3, 4, 5, 6, 7]);
    expect(recorder.take().map((span) => span[1])).toEqual([total - 3, total - 2, total - 1]);
    expect(recorder.take()).toEqual([]);
    expect(recorder.lost).toBe(0);
  });

  it('overwrites the oldest when nobody takes them, and counts', () => {
    const recorder = new TraceRecorder(new FakeClock(), 4);
    for (let frame = 0; frame < 7; frame += 1)
      recorder.record('wait', { frame, segment: 0, tile: 0 }, frame, frame);
    expect(recorder.lost).toBe(3);
    expect(recorder.take().map((span) => span[1])).toEqual([3, 4, 5, 6]);
  });

  it('never lets a span end before it starts', () => {
    const recorder = new TraceRecorder(new FakeClock());
    recorder.record('compute', { frame: 0, segment: 0, tile: 0 }, 10, 9.9);
    expect(recorder.take()[0]!.slice(6, 8)).toEqual([10, 10]);
  });
});
