import { describe, expect, it } from 'vitest';
import { ComputeQueue } from '../../../src/runtime/compute-queue.ts';
import { asSessionId, type SessionId } from '../../../src/shared/ids.ts';
import { settle } from '../mesh/fake-clock.ts';

const sessionOf = (name: string): SessionId => asSessionId(name.charCodeAt(0).toString(16).padStart(32, '0'));

/** A queue before an engine that computes one tile after the other, each when the test says so. */
class Bench {
  readonly queue = new ComputeQueue();
  /** As the engine got them. */
  readonly posted: string[] = [];
  readonly computedMs = new Map<string, number>();
  readonly #ends: (() => void)[] = [];

  push(session: string, frame: number, computeMs = 1): void {
    this.queue.push(sessionOf(session), { epoch: 0, frame }, () => {
      this.posted.push(`${session}${frame}`);
      return new Promise((resolve) =>
        this.#ends.push(() => {
          this.computedMs.set(session, (this.computedMs.get(session) ?? 0) + computeMs);
          resolve(computeMs);
        }),
      );
    });
  }

  async compute(tiles = 1): Promise<void> {
    for (let tile = 0; tile < tiles; tile += 1) {
      this.#ends.shift()!();
      await settle();
    }
  }
}

describe('ComputeQueue', () => {
  it('[SES9] takes the oldest frame of a session first', async () => {
    const bench = new Bench();
    for (const frame of [5, 6, 9, 7, 8]) bench.push('a', frame);
    await bench.compute(3);
    // The first two went to the engine before the others came.
    expect(bench.posted).toEqual(['a5', 'a6', 'a7', 'a8', 'a9']);
  });

  it('gives the engine one tile ahead, so that it never waits for the next', async () => {
    const bench = new Bench();
    for (const frame of [0, 1, 2, 3]) bench.push('a', frame);
    expect(bench.posted).toEqual(['a0', 'a1']);
    await bench.compute();
    expect(bench.posted).toEqual(['a0', 'a1', 'a2']);
  });

  it('[SES9] lets sessions with equal tiles take turns', async () => {
    const bench = new Bench();
    for (const frame of [0, 1, 2, 3]) for (const session of ['a', 'b', 'c']) bench.push(session, frame, 10);
    await bench.compute(10);
    expect(bench.posted.slice(1)).toEqual(['b0', 'c0', 'a1', 'b1', 'c1', 'a2', 'b2', 'c2', 'a3', 'b3', 'c3']);
  });

  it('[SES9] gives sessions the same compute time, however heavy their tiles', async () => {
    const bench = new Bench();
    for (let frame = 0; frame < 1000; frame += 1) {
      bench.push('h', frame, 100);
      bench.push('l', frame, 3);
    }
    await bench.compute(340);
    const [heavyMs, lightMs] = [bench.computedMs.get('h')!, bench.computedMs.get('l')!];
    // One heavy tile more or less, and the one that was posted ahead.
    expect(Math.abs(heavyMs - lightMs)).toBeLessThanOrEqual(200);
  });

  it('[SES9] gives a session that was idle no credit for the past', async () => {
    const bench = new Bench();
    for (let frame = 0; frame < 40; frame += 1) bench.push('a', frame, 10);
    await bench.compute(20);
    for (let frame = 0; frame < 20; frame += 1) bench.push('b', frame, 10);
    const before = bench.posted.length;
    await bench.compute(12);
    const turns = bench.posted.slice(before).map((name) => name[0]);
    expect(turns.filter((session) => session === 'b').length).toBeLessThanOrEqual(7);
    expect(turns.filter((session) => session === 'a').length).toBeGreaterThanOrEqual(5);
  });

  it('[SES6] does not compute what waits for a dropped frame', async () => {
    const bench = new Bench();
    for (const frame of [0, 1, 2, 3]) bench.push('a', frame);
    bench.push('b', 2);
    bench.queue.drop(sessionOf('a'), { epoch: 0, frame: 2 });
    await bench.compute(4);
    expect(bench.posted.sort()).toEqual(['a0', 'a1', 'a3', 'b2']);
  });

  it('[EP4] drops a frame in one epoch, and computes it in the other in which it was started again', async () => {
    const bench = new Bench();
    for (const frame of [0, 1, 2]) bench.push('a', frame);
    bench.queue.push(sessionOf('a'), { epoch: 1, frame: 2 }, async () => {
      bench.posted.push('again');
      return 1;
    });
    bench.queue.drop(sessionOf('a'), { epoch: 0, frame: 2 });
    expect(bench.queue.isBusy(sessionOf('a'))).toBe(true);
    await bench.compute(2);
    expect(bench.posted).toEqual(['a0', 'a1', 'again']);
    expect(bench.queue.isBusy(sessionOf('b'))).toBe(false);
  });

  it('goes on with the others when a session is forgotten', async () => {
    const bench = new Bench();
    for (const frame of [0, 1, 2, 3]) bench.push('a', frame);
    bench.push('b', 0);
    bench.queue.forget(sessionOf('a'));
    await bench.compute(2);
    bench.push('b', 1);
    await bench.compute(2);
    expect(bench.posted).toEqual(['a0', 'a1', 'b0', 'b1']);
  });
});
