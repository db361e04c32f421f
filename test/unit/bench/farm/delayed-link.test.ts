import { describe, expect, it } from 'vitest';
import { DelayedLink } from '../../../../bench/farm/delayed-link.ts';
import { seededRandom } from '../../../../src/shared/random.ts';
import { createMemoryPair } from '../../../../src/transport/memory-pair.ts';
import type { PeerLink } from '../../../../src/transport/peer-link.ts';
import { FakeClock } from '../../mesh/fake-clock.ts';

const SEED = 3;

function delayed(delayMs: number, jitterMs: number) {
  const clock = new FakeClock();
  const { a, b } = createMemoryPair();
  return {
    clock,
    far: new DelayedLink(a, { delayMs, jitterMs, clock, random: seededRandom(SEED) }),
    near: b,
  };
}

/** When messages of one byte arrive, and which. */
function arrivals(link: PeerLink, clock: FakeClock): [atMs: number, byte: number][] {
  const seen: [number, number][] = [];
  link.onMessage = (message) => void seen.push([clock.now(), message[0]!]);
  return seen;
}

describe('a link over a longer way', () => {
  it('brings each message so much later, both ways', async () => {
    const { clock, far, near } = delayed(20, 0);
    const [atNear, atFar] = [arrivals(near, clock), arrivals(far, clock)];
    far.send(Uint8Array.of(1));
    near.send(Uint8Array.of(2));
    await clock.advance(5);
    far.send(Uint8Array.of(3));
    await clock.advance(14);
    expect([atNear, atFar]).toEqual([[], []]);
    await clock.advance(20);
    expect(atNear).toEqual([
      [20, 1],
      [25, 3],
    ]);
    expect(atFar).toEqual([[20, 2]]);
  });

  it(`adds jitter to each, and none overtakes another (seed ${SEED})`, async () => {
    const { clock, far, near } = delayed(10, 40);
    const seen = arrivals(near, clock);
    const count = 200;
    for (let index = 0; index < count; index += 1) {
      far.send(Uint8Array.of(index));
      await clock.advance(2);
    }
    await clock.advance(60);
    expect(seen.map(([, byte]) => byte)).toEqual(Array.from({ length: count }, (_, index) => index));
    const addedMs = seen.map(([atMs, index]) => atMs - 2 * index);
    expect(Math.min(...addedMs)).toBeGreaterThanOrEqual(10);
    expect(Math.max(...addedMs)).toBeLessThan(50);
    expect(new Set(addedMs).size).toBeGreaterThan(count / 4);
  });

  it('tells of its end after the last message', async () => {
    const { clock, far, near } = delayed(20, 0);
    const seen = arrivals(far, clock);
    let endedAtMs: number | undefined;
    far.onClose = () => (endedAtMs = clock.now());
    near.send(Uint8Array.of(1));
    await clock.advance(5);
    near.close();
    await clock.advance(19);
    expect([seen, endedAtMs]).toEqual([[[20, 1]], undefined]);
    await clock.advance(1);
    expect(endedAtMs).toBe(25);
  });

  it('goes on after what was sent from within a delivery', async () => {
    const { clock, far, near } = delayed(20, 0);
    near.onMessage = (message) => near.send(message);
    const seen = arrivals(far, clock);
    for (const byte of [1, 2]) far.send(Uint8Array.of(byte));
    await clock.advance(40);
    far.send(Uint8Array.of(3));
    await clock.advance(40);
    expect(seen).toEqual([
      [40, 1],
      [40, 2],
      [80, 3],
    ]);
    expect(clock.pending).toBe(0);
  });
});
