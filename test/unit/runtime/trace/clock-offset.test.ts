import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClockOffset } from '../../../../src/runtime/trace/clock-offset.ts';

describe('ClockOffset', () => {
  it('is off by half the shortest round trip at most, whatever the ways there and back take', () => {
    const way = fc.double({ min: 0, max: 50, noNaN: true });
    fc.assert(
      fc.property(
        fc.double({ min: -1e6, max: 1e6, noNaN: true }),
        fc.array(fc.tuple(way, way, fc.integer({ min: 0, max: 9000 })), { minLength: 1 }),
        (offsetMs, samples) => {
          const clock = new ClockOffset();
          for (const [there, back, sentMs] of samples) {
            clock.add({ sentMs, receivedMs: sentMs + there + back, remoteMs: sentMs + there + offsetMs });
          }
          const shortest = Math.min(...samples.map(([there, back]) => there + back));
          // Sums of doubles near a million are exact to about 1e-9.
          expect(clock.errorMs).toBeCloseTo(shortest / 2, 6);
          expect(Math.abs(clock.toLocal(5000 + offsetMs) - 5000)).toBeLessThanOrEqual(clock.errorMs + 1e-6);
        },
      ),
    );
  });

  it('follows a clock that drifts, and keeps the order of times', () => {
    const clock = new ClockOffset();
    const remote = (localMs: number): number => 7e5 + localMs * 1.0003;
    for (let sentMs = 0; sentMs < 120_000; sentMs += 1000) {
      clock.add({ sentMs, receivedMs: sentMs + 2, remoteMs: remote(sentMs + 1) });
    }
    let before = -Infinity;
    for (let localMs = 0; localMs <= 120_000; localMs += 37) {
      const mapped = clock.toLocal(remote(localMs));
      // Beyond the last sample of the last ten seconds the drift of what remains is not known yet: 10 s × 300 ppm.
      expect(Math.abs(mapped - localMs)).toBeLessThanOrEqual(clock.errorMs + 3);
      if (localMs < 100_000) expect(Math.abs(mapped - localMs)).toBeLessThanOrEqual(clock.errorMs);
      expect(mapped).toBeGreaterThan(before);
      before = mapped;
    }
  });

  it.each([
    ['on the way there', (sentMs: number) => sentMs + 18_000],
    ['on the way back', (sentMs: number) => sentMs + 1],
  ])('is not led astray by an answer that waited %s for a connection', (_, answeredMs) => {
    const clock = new ClockOffset();
    const ask = (sentMs: number, tookMs: number, atMs: number): void =>
      clock.add({ sentMs, receivedMs: sentMs + tookMs, remoteMs: 7e5 + atMs });
    ask(0, 2, 1);
    // The only question for as long as the connection is being rebuilt.
    ask(12_000, 18_002, answeredMs(12_000));
    ask(31_000, 2, 31_001);
    ask(41_000, 2, 41_001);
    expect(clock.errorMs).toBe(1);
    for (const localMs of [500, 12_500, 21_001, 29_000, 40_000])
      expect(Math.abs(clock.toLocal(7e5 + localMs) - localMs)).toBeLessThanOrEqual(1);
  });

  it('counts what it has where nothing is better', () => {
    const clock = new ClockOffset();
    clock.add({ sentMs: 0, receivedMs: 18_000, remoteMs: 100 });
    expect([clock.known, clock.errorMs]).toEqual([true, 9000]);
  });

  it('knows nothing without a sample, and leaves out one at which the other clock ran backwards', () => {
    const clock = new ClockOffset();
    expect([clock.known, clock.errorMs]).toEqual([false, Infinity]);
    clock.add({ sentMs: 0, receivedMs: 2, remoteMs: 500 });
    clock.add({ sentMs: 20_000, receivedMs: 20_002, remoteMs: 3 });
    expect(clock.toLocal(600)).toBe(101);
  });
});
