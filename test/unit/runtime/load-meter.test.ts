import { describe, expect, it } from 'vitest';
import { LoadMeter } from '../../../src/runtime/load-meter.ts';
import { asSessionId } from '../../../src/shared/ids.ts';
import { FakeClock } from '../mesh/fake-clock.ts';

const session = asSessionId('1'.repeat(32));

function run(frames: number, everyMs: number, tilesMs: readonly number[]) {
  const clock = new FakeClock();
  const meter = new LoadMeter(clock);
  for (let frame = 0; frame < frames; frame += 1) {
    for (const computeMs of tilesMs) meter.tileDone({ session, frame, computeMs });
    clock.jump(everyMs);
  }
  return { clock, meter };
}

describe('the load of a device', () => {
  it('is nothing before anything was computed', () => {
    expect(new LoadMeter(new FakeClock()).read()).toEqual({ busy: 0, framesPerSecond: 0 });
  });

  it('is the part of the time that tiles take, and frames count once whatever their tiles', () => {
    const { meter } = run(100, 100, [10, 20]);
    const { busy, framesPerSecond } = meter.read();
    expect(busy).toBeCloseTo(0.3, 1);
    expect(framesPerSecond).toBeCloseTo(10, 5);
  });

  it('is never more than all of it', () => {
    expect(run(100, 10, [50]).meter.read().busy).toBe(1);
  });

  it('ends when the work does', () => {
    const { clock, meter } = run(50, 100, [60]);
    clock.jump(10_000);
    expect(meter.read()).toEqual({ busy: 0, framesPerSecond: 0 });
  });

  it('has a rate for frames that take longer than the time that it looks back', () => {
    const { meter } = run(4, 8000, [7000]);
    expect(meter.read().framesPerSecond).toBeCloseTo(1 / 8, 5);
  });

  it('forgets the pace of an earlier run', () => {
    const { clock, meter } = run(30, 10, [1]);
    clock.jump(60_000);
    for (let frame = 100; frame < 110; frame += 1) {
      meter.tileDone({ session, frame, computeMs: 1 });
      clock.jump(500);
    }
    expect(meter.read().framesPerSecond).toBeCloseTo(2, 5);
  });
});
