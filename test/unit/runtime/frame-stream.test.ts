import { describe, expect, it } from 'vitest';
import { inputValues } from '../../../src/runtime/frame-input.ts';
import type { FrameResult } from '../../../src/runtime/frames-in-flight.ts';
import { LiveFrames, runInOrder, type FrameRunner } from '../../../src/runtime/frame-stream.ts';
import { PeerceptronError } from '../../../src/shared/errors.ts';
import { FakeClock, settle } from '../mesh/fake-clock.ts';
import type { Plan } from '../../../src/planner/plan.ts';
import { asSessionId } from '../../../src/shared/ids.ts';

const noPlan: Plan = { session: asSessionId('0'.repeat(32)), epoch: 0, model: 'none', segments: [] };

/** Frames are numbers; a run ends when the test says so. */
class HeldSession implements FrameRunner {
  readonly window: number;
  readonly running = new Map<number, { finish: () => void; fail: (error: PeerceptronError) => void }>();
  readonly order: number[] = [];
  readonly dropped: number[] = [];
  most = 0;

  constructor(window: number) {
    this.window = window;
  }

  run: FrameRunner['run'] = async ([first], { signal } = {}) => {
    const input = inputValues(first!);
    const frame = input[0]!;
    while (this.running.size >= this.window) await Promise.resolve();
    this.order.push(frame);
    try {
      return await new Promise<FrameResult>((resolve, reject) => {
        const finish = (): void =>
          resolve({ frame, plan: noPlan, lanes: [0], outputs: [input], latencyMs: 1, tiles: [] });
        this.running.set(frame, { finish, fail: reject });
        this.most = Math.max(this.most, this.running.size);
        signal?.addEventListener('abort', () => {
          this.dropped.push(frame);
          reject(new PeerceptronError('FRAME_DROPPED', 'dropped'));
        });
      });
    } finally {
      this.running.delete(frame);
    }
  };
}

const encode = (frame: number): Float32Array[] => [Float32Array.of(frame)];

/** Frames 0, 1, 2, … without an end, and how many of them were asked for. */
class CountedSource implements Iterable<number> {
  read = 0;

  *[Symbol.iterator](): Generator<number> {
    for (;;) yield this.read++;
  }
}

describe('runInOrder', () => {
  it('gives every result in the order of the frames, however they finish', async () => {
    const session = new HeldSession(3);
    const got: number[] = [];
    const all = (async () => {
      for await (const { frame, result } of runInOrder(session, [0, 1, 2, 3, 4, 5, 6], encode)) {
        expect(result.frame).toBe(frame);
        got.push(frame);
      }
    })();
    // Always the youngest of those that run.
    for (let finished = 0; finished < 7; finished += 1) {
      await settle();
      session.running.get(Math.max(...session.running.keys()))!.finish();
    }
    await all;
    expect(got).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(session.order).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(session.most).toBe(3);
  });

  it('holds the source back: the window in flight, one frame read ahead', async () => {
    const session = new HeldSession(2);
    const source = new CountedSource();
    const results = runInOrder(session, source, encode);
    const first = results.next();
    await settle();
    expect(source.read).toBe(3);
    session.running.get(0)!.finish();
    expect((await first).value!.frame).toBe(0);
    // Nobody asks for more: nothing more is read.
    await settle();
    expect(source.read).toBe(3);
    session.running.get(1)!.finish();
    expect((await results.next()).value!.frame).toBe(1);
    expect(source.read).toBe(4);
    await results.return();
  });

  it('goes on behind a frame that takes its time, as far as three windows', async () => {
    const session = new HeldSession(2);
    const source = new CountedSource();
    const results = runInOrder(session, source, encode);
    const first = results.next();
    await settle();
    for (let overtaking = 1; overtaking <= 10; overtaking++) {
      session.running.get(overtaking)?.finish();
      await settle();
    }
    // Six results wait for it.
    expect(source.read).toBe(7);
    expect([...session.running.keys()]).toEqual([0]);
    session.running.get(0)!.finish();
    const frames = [(await first).value!.frame];
    for (let frame = 1; frame <= 6; frame++) frames.push((await results.next()).value!.frame);
    expect(frames).toEqual([0, 1, 2, 3, 4, 5, 6]);
    await results.return();
  });

  it('throws what went wrong in its place, and drops the frames behind', async () => {
    const session = new HeldSession(4);
    const results = runInOrder(session, [0, 1, 2, 3], encode);
    const first = results.next();
    await settle();
    session.running.get(1)!.fail(new PeerceptronError('FRAME_FAILED', 'the GPU went away'));
    await settle();
    session.running.get(0)!.finish();
    expect((await first).value!.frame).toBe(0);
    await expect(results.next()).rejects.toThrowError(
      expect.objectContaining({ code: 'FRAME_FAILED' }) as Error,
    );
    await settle();
    expect(session.dropped).toEqual([2, 3]);
    expect((await results.next()).done).toBe(true);
  });

  it('throws in the place of a frame that cannot be read, after the results before it', async () => {
    const session = new HeldSession(4);
    const broken = (frame: number): Float32Array[] => {
      if (frame === 1) throw new PeerceptronError('INPUT_INVALID', 'no picture');
      return encode(frame);
    };
    const results = runInOrder(session, [0, 1, 2], broken);
    const first = results.next();
    await settle();
    session.running.get(0)!.finish();
    expect((await first).value!.frame).toBe(0);
    await expect(results.next()).rejects.toThrowError(
      expect.objectContaining({ code: 'INPUT_INVALID' }) as Error,
    );
    expect(session.order).toEqual([0]);
  });

  it('drops what is in flight when its consumer stops, and ends the source', async () => {
    const session = new HeldSession(2);
    let ended = false;
    const source = async function* (): AsyncGenerator<number> {
      try {
        for (let frame = 0; ; frame += 1) {
          await Promise.resolve();
          yield frame;
        }
      } finally {
        ended = true;
      }
    };
    const results = runInOrder(session, source(), encode);
    const first = results.next();
    await settle();
    session.running.get(0)!.finish();
    await first;
    await results.return();
    await settle();
    expect(session.dropped.length).toBeGreaterThan(0);
    expect(session.running.size).toBe(0);
    expect(ended).toBe(true);
  });
});

describe('LiveFrames', () => {
  const start = (window: number, maxAgeMs?: number) => {
    const session = new HeldSession(window);
    const clock = new FakeClock();
    const results: { frame: number; ageMs: number }[] = [];
    const failures: string[] = [];
    const live = new LiveFrames<number>({
      session,
      clock,
      encode,
      ...(maxAgeMs === undefined ? {} : { maxAgeMs }),
      onResult: ({ frame, ageMs }) => results.push({ frame, ageMs }),
      onFailure: (frame, { code }) => failures.push(`${frame} ${code}`),
    });
    return { session, clock, live, results, failures };
  };

  it('keeps only the newest frame while the window is full, and counts the others', async () => {
    const { session, clock, live, results } = start(1);
    for (let frame = 0; frame < 5; frame += 1) {
      live.offer(frame);
      await clock.advance(10);
    }
    expect(live.counts).toEqual({ offered: 5, started: 1, computed: 0, dropped: 3, failed: 0 });
    session.running.get(0)!.finish();
    await settle();
    expect(session.order).toEqual([0, 4]);
    session.running.get(4)!.finish();
    await settle();
    expect(results).toEqual([
      { frame: 0, ageMs: 50 },
      { frame: 4, ageMs: 10 },
    ]);
    expect(live.counts).toEqual({ offered: 5, started: 2, computed: 2, dropped: 3, failed: 0 });
  });

  it('does not start a frame that has waited for longer than its age allows', async () => {
    const { session, clock, live } = start(1, 100);
    live.offer(0);
    live.offer(1);
    await clock.advance(101);
    session.running.get(0)!.finish();
    await settle();
    expect(session.order).toEqual([0]);
    expect(live.counts).toEqual({ offered: 2, started: 1, computed: 1, dropped: 1, failed: 0 });
    live.offer(2);
    await settle();
    expect(session.order).toEqual([0, 2]);
  });

  it('never gives an older result after a newer one', async () => {
    const { session, live, results } = start(3);
    for (const frame of [0, 1, 2]) live.offer(frame);
    await settle();
    for (const frame of [1, 0, 2]) {
      session.running.get(frame)!.finish();
      await settle();
    }
    expect(results.map(({ frame }) => frame)).toEqual([1, 2]);
    expect(live.counts).toEqual({ offered: 3, started: 3, computed: 2, dropped: 1, failed: 0 });
  });

  it('drops what is in flight and what waits when asked to, and goes on', async () => {
    const { session, live, results, failures } = start(2);
    for (const frame of [0, 1, 2]) live.offer(frame);
    await settle();
    live.dropAll();
    await settle();
    expect(session.dropped).toEqual([0, 1]);
    expect(live.counts).toEqual({ offered: 3, started: 2, computed: 0, dropped: 3, failed: 0 });
    live.offer(3);
    await settle();
    session.running.get(3)!.finish();
    await settle();
    expect(results.map(({ frame }) => frame)).toEqual([3]);
    expect(failures).toEqual([]);
  });

  it('reports a frame that went wrong, and runs the next', async () => {
    const { session, live, results, failures } = start(1);
    live.offer(0);
    live.offer(1);
    await settle();
    session.running.get(0)!.fail(new PeerceptronError('FRAME_FAILED', 'the GPU went away'));
    await settle();
    session.running.get(1)!.finish();
    await settle();
    expect(failures).toEqual(['0 FRAME_FAILED']);
    expect(results.map(({ frame }) => frame)).toEqual([1]);
    expect(live.counts).toEqual({ offered: 2, started: 2, computed: 1, dropped: 0, failed: 1 });
  });

  it('closes when the frames in flight have ended, and takes no more', async () => {
    const { session, live, results } = start(1);
    live.offer(0);
    live.offer(1);
    await settle();
    let closed = false;
    const closing = live.close().then(() => (closed = true));
    live.offer(2);
    await settle();
    expect(closed).toBe(false);
    session.running.get(0)!.finish();
    await closing;
    expect(results.map(({ frame }) => frame)).toEqual([0]);
    expect(live.counts).toEqual({ offered: 2, started: 1, computed: 1, dropped: 1, failed: 0 });
  });
});
