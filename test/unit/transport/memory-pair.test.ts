import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/shared/clock.ts';
import { createMemoryPair } from '../../../src/transport/memory-pair.ts';

/** A clock that moves only when told. */
function steppedClock(): Clock & { advance(byMs: number): void } {
  let nowMs = 0;
  let timers: { atMs: number; callback: () => void }[] = [];
  return {
    now: () => nowMs,
    after: (delayMs, callback) => {
      const timer = { atMs: nowMs + delayMs, callback };
      timers.push(timer);
      return () => (timers = timers.filter((other) => other !== timer));
    },
    advance: (byMs) => {
      nowMs += byMs;
      const due = timers.filter(({ atMs }) => atMs <= nowMs);
      timers = timers.filter(({ atMs }) => atMs > nowMs);
      for (const { callback } of due) callback();
    },
  };
}

describe('in-memory pair', () => {
  it('delivers after the latency, in order, and never within send', () => {
    const clock = steppedClock();
    const { a, b } = createMemoryPair({ latencyMs: 10, clock });
    const received: number[] = [];
    b.onMessage = ([value]) => received.push(value ?? -1);
    a.send(Uint8Array.of(1));
    clock.advance(6);
    a.send(Uint8Array.of(2));
    expect(received).toEqual([]);
    clock.advance(4);
    expect(received).toEqual([1]);
    clock.advance(6);
    expect(received).toEqual([1, 2]);
  });

  it('drop loses what is under way, and tells both sides LINK_LOST once', () => {
    const clock = steppedClock();
    const pair = createMemoryPair({ latencyMs: 10, clock });
    const { a, b } = pair;
    const seen: string[] = [];
    b.onMessage = () => seen.push('message');
    a.onClose = (error) => seen.push(`a ${error?.code}`);
    b.onClose = (error) => seen.push(`b ${error?.code}`);
    a.send(Uint8Array.of(1));
    pair.drop();
    pair.drop();
    clock.advance(100);
    expect(seen).toEqual(['a LINK_LOST', 'b LINK_LOST']);
    expect(() => a.send(Uint8Array.of(1))).toThrow(expect.objectContaining({ code: 'LINK_CLOSED' }) as Error);
  });

  it('needs a clock for a latency', () => {
    expect(() => createMemoryPair({ latencyMs: 1 })).toThrow(
      expect.objectContaining({ code: 'USAGE' }) as Error,
    );
  });
});
