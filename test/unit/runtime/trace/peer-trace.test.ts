import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ControlMessage } from '../../../../src/protocol/messages.ts';
import { PEER_STAGES } from '../../../../src/protocol/trace-span.ts';
import { PeerTrace } from '../../../../src/runtime/trace/peer-trace.ts';
import { asSessionId } from '../../../../src/shared/ids.ts';
import { runs } from '../../../support/fuzz.ts';
import { FakeClock } from '../../mesh/fake-clock.ts';

class World {
  readonly clock = new FakeClock();
  readonly sent: ControlMessage[] = [];
  readonly trace = new PeerTrace({
    session: asSessionId('e'.repeat(32)),
    epoch: 0,
    clock: this.clock,
    send: (message) => void this.sent.push(message),
  });

  spans(stage: (typeof PEER_STAGES)[number]) {
    this.trace.onControl({
      type: 'trace-request',
      session: asSessionId('e'.repeat(32)),
      epoch: 0,
      request: 7,
    });
    return this.sent.flatMap((message) =>
      message.type === 'trace' ? message.spans.filter(([index]) => PEER_STAGES[index] === stage) : [],
    );
  }
}

const tile = (frame: number) => ({ frame, segment: 0, lane: 0, tile: 0 });
const posted = { sinceMs: 0, completeMs: 1 };

describe('PeerTrace', () => {
  it('places computing where the engine did it: one tile after the other, though answers are read late', async () => {
    const world = new World();
    // Computed from 2 to 9 and from 9 to 19; this thread was busy until 18.
    await world.clock.advance(18);
    world.trace.computed(tile(0), { ...posted, computeMs: 7 });
    await world.clock.advance(1);
    world.trace.computed(tile(1), { ...posted, computeMs: 10 });
    const [first, second] = world.spans('compute');
    expect(first!.slice(6, 8)).toEqual([2, 9]);
    expect(second!.slice(6, 8)).toEqual([9, 19]);
    expect(world.spans('queue')[0]!.slice(6, 8)).toEqual([1, 2]);
  });

  it('lets no computing overlap or lie in the future, and keeps its sum, whenever it is read', () => {
    const gap = fc.integer({ min: 0, max: 20 });
    return fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(gap, gap), { minLength: 1, maxLength: 40 }), async (tiles) => {
        const world = new World();
        // The engine is done with one tile after the other; the answers of up to two are read at once.
        let freeMs = 2;
        const done = tiles.map(([idleMs, computeMs]) => ({
          computeMs,
          endMs: (freeMs += idleMs + computeMs),
        }));
        for (const [frame, { computeMs, endMs }] of done.entries()) {
          const readMs = frame % 2 === 0 ? (done[frame + 1]?.endMs ?? endMs) : endMs;
          await world.clock.advance(readMs - world.clock.now());
          world.trace.computed(tile(frame), { ...posted, computeMs });
        }
        const spans = world.spans('compute');
        expect(spans).toHaveLength(tiles.length);
        let beforeMs = 0;
        for (const [index, span] of spans.entries()) {
          expect(span[6]).toBeGreaterThanOrEqual(beforeMs);
          expect(span[7] - span[6]).toBe(tiles[index]![1]);
          beforeMs = span[7];
        }
        expect(beforeMs).toBeLessThanOrEqual(world.clock.now());
      }),
      runs(100),
    );
  });

  it('sends batches while frames run, and the rest when it is asked', () => {
    const world = new World();
    for (let frame = 0; frame < 100; frame += 1)
      world.trace.computed(tile(frame), { ...posted, computeMs: 1 });
    expect(world.sent.length).toBeGreaterThan(0);
    expect(world.spans('compute')).toHaveLength(100);
    const last = world.sent.at(-1)!;
    expect(last).toMatchObject({ type: 'trace', request: 7, lost: 0 });
    expect(world.sent.slice(0, -1).every((message) => !('request' in message))).toBe(true);
  });
});
