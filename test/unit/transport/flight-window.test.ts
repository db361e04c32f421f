import { describe, expect, it } from 'vitest';
import { CONNECTION_WINDOW_BYTES } from '../../../src/protocol/chunk.ts';
import { FlightWindow } from '../../../src/transport/flight-window.ts';

const CHUNK = 16_384;

/** A link of `bytesPerMs` with a fixed round trip, kept busy for `durationMs`; returns the window at the end. */
function simulate(
  bytesPerMs: number,
  roundTripMs: number,
  durationMs: number,
): { window: number; sent: number } {
  let nowMs = 0;
  const window = new FlightWindow({ now: () => nowMs });
  const acknowledgements: { atMs: number; total: number }[] = [];
  let sent = 0;
  let freeAtMs = 0;
  while (nowMs < durationMs) {
    while (window.admits(CHUNK)) {
      window.sent(CHUNK);
      sent += CHUNK;
      freeAtMs = Math.max(freeAtMs, nowMs) + CHUNK / bytesPerMs;
      acknowledgements.push({ atMs: freeAtMs + roundTripMs, total: sent });
    }
    const next = acknowledgements.shift();
    if (next === undefined) throw new Error('stalled');
    nowMs = next.atMs;
    window.acknowledge(next.total % 2 ** 32);
  }
  return { window: window.windowBytes, sent };
}

describe('flight window', () => {
  it('[CR7] grows to the whole window on a fast link with a long round trip', () => {
    expect(simulate(100_000, 25, 2_000).window).toBe(CONNECTION_WINDOW_BYTES);
  });

  it('[CR7] stays small on a slow link, and keeps it busy all the same', () => {
    const { window, sent } = simulate(2_000, 2, 5_000);
    expect(window).toBeLessThanOrEqual(160 * 1024);
    expect(sent).toBeGreaterThan(0.95 * 2_000 * 5_000);
  });

  it('[CR7] leaves about 8 ms of queue on a link of 20 MB/s', () => {
    const { window, sent } = simulate(20_000, 5, 5_000);
    // Bandwidth × round trip is 100 KB; twice the target on top is 400 KB.
    expect(window).toBeGreaterThanOrEqual(64 * 1024);
    expect(window).toBeLessThan(600_000);
    expect(sent).toBeGreaterThan(0.9 * 20_000 * 5_000);
  });

  it('[CR7] takes the whole window on a fast local link', () => {
    const { window, sent } = simulate(100_000, 0.5, 1_000);
    expect(window).toBe(CONNECTION_WINDOW_BYTES);
    expect(sent).toBeGreaterThan(0.9 * 100_000 * 1_000);
  });

  it('[CR7] shrinks when a standing queue appears', () => {
    let nowMs = 0;
    const window = new FlightWindow({ now: () => nowMs });
    let total = 0;
    const round = (roundTripMs: number): void => {
      while (window.admits(CHUNK)) {
        window.sent(CHUNK);
        total += CHUNK;
      }
      nowMs += roundTripMs;
      window.acknowledge(total);
    };
    for (let index = 0; index < 60; index += 1) round(25);
    const before = window.windowBytes;
    expect(before).toBe(CONNECTION_WINDOW_BYTES);
    for (let index = 0; index < 60; index += 1) round(200);
    expect(window.windowBytes).toBe(64 * 1024);
  });

  it('[CR7] after an acknowledgement that is a second late, keeps to a socket buffer for 3 s', () => {
    let nowMs = 0;
    const window = new FlightWindow({ now: () => nowMs });
    let total = 0;
    const round = (roundTripMs: number): void => {
      while (window.admits(CHUNK)) {
        window.sent(CHUNK);
        total += CHUNK;
      }
      nowMs += roundTripMs;
      window.acknowledge(total % 2 ** 32);
    };
    for (let index = 0; index < 100; index += 1) round(1);
    expect(window.windowBytes).toBe(CONNECTION_WINDOW_BYTES);
    const stalledAtMs = nowMs;
    round(1500);
    while (nowMs < stalledAtMs + 4_000) {
      round(1);
      if (nowMs > stalledAtMs + 1_700) expect(window.windowBytes).toBeLessThanOrEqual(96 * 1024);
    }
    while (nowMs < stalledAtMs + 6_000) round(1);
    expect(window.windowBytes).toBe(CONNECTION_WINDOW_BYTES);
  });

  it('[CR5] asks for acknowledgement about three times per window, and never waits for one that it did not ask for', () => {
    let nowMs = 0;
    const window = new FlightWindow({ now: () => nowMs });
    const asked: number[] = [];
    let total = 0;
    const fill = (): void => {
      while (window.admits(CHUNK)) {
        if (window.asks(CHUNK)) asked.push(total + CHUNK);
        window.sent(CHUNK);
        total += CHUNK;
      }
    };
    // The receiver acknowledges only what it was asked for; the window grows and shrinks.
    for (let index = 0; index < 3000; index += 1) {
      fill();
      const next = asked.shift();
      if (next === undefined) throw new Error('stalled');
      nowMs += index % 700 < 350 ? 1 : 120;
      window.acknowledge(next % 2 ** 32);
    }
    expect(window.windowBytes / window.frameBytes).toBeGreaterThanOrEqual(4);
  });

  it('[CR5] counts across the wrap at 2^32, and refuses what was never sent', () => {
    const window = new FlightWindow({ now: () => 0 });
    let total = 0;
    while (total < 2 ** 32 + 10 * CHUNK) {
      window.sent(CHUNK);
      total += CHUNK;
      window.acknowledge(total % 2 ** 32);
    }
    expect(window.inFlightBytes).toBe(0);
    expect(() => window.acknowledge((total + 1) % 2 ** 32)).toThrow(
      expect.objectContaining({ code: 'PROTOCOL_MALFORMED' }) as Error,
    );
  });
});
