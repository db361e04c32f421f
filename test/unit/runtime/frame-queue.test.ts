import { describe, expect, it } from 'vitest';
import { FrameQueue, type FrameEpoch, type StartedFrame } from '../../../src/runtime/frame-queue.ts';
import type { FrameEntry, FrameResult } from '../../../src/runtime/frames-in-flight.ts';
import { PeerceptronError } from '../../../src/shared/errors.ts';
import { FakeClock, settle } from '../mesh/fake-clock.ts';
import type { Plan } from '../../../src/planner/plan.ts';
import { asSessionId } from '../../../src/shared/ids.ts';

const noPlan: Plan = { session: asSessionId('0'.repeat(32)), epoch: 0, model: 'none', segments: [] };

const gone = new PeerceptronError('PEER_LOST', 'it is gone');

/** An epoch whose frames end when the test says so. */
class FakeEpoch implements FrameEpoch {
  isHealthy = true;
  readonly window: number;
  readonly started: number[] = [];
  readonly dropped: number[] = [];
  readonly #open = new Map<number, { resolve(result: FrameResult): void; reject(error: Error): void }>();

  constructor(window: number) {
    this.window = window;
  }

  get inFlight(): number {
    return this.#open.size;
  }

  start({ id, startedAt }: StartedFrame): FrameEntry {
    this.started.push(id);
    const result = new Promise<FrameResult>((resolve, reject) => this.#open.set(id, { resolve, reject }));
    const fail = (error: PeerceptronError): void => {
      if (this.fail(id, error)) this.dropped.push(id);
    };
    return { frame: id, startedAt, result, fail } as Partial<FrameEntry> as FrameEntry;
  }

  fail(id: number, error: PeerceptronError): boolean {
    this.#open.get(id)?.reject(error);
    return this.#open.delete(id);
  }

  finish(id: number, mark: number): void {
    const open = this.#open.get(id);
    this.#open.delete(id);
    open?.resolve({
      frame: id,
      plan: noPlan,
      lanes: [],
      outputs: [Float32Array.of(mark)],
      latencyMs: 1,
      tiles: [],
    });
  }
}

function open(verdict: 'replay' | 'fail' = 'replay') {
  const failures: number[] = [];
  const queue = new FrameQueue<FakeEpoch>({
    clock: new FakeClock(),
    onFailed: (_epoch, _error, attempts) => {
      failures.push(attempts);
      return verdict;
    },
  });
  const results = new Map<number, number | string>();
  const run = (place: number, signal?: AbortSignal): void => {
    void queue.run([], signal).then(
      ({ outputs }) => results.set(place, outputs[0]![0]!),
      (error: PeerceptronError) => results.set(place, error.code),
    );
  };
  return { queue, results, run, failures };
}

describe('frames over several epochs', () => {
  it('start in order as far as the window goes, and wait without an epoch', async () => {
    const { queue, run, results } = open();
    for (const place of [0, 1, 2]) run(place);
    const epoch = new FakeEpoch(2);
    queue.use(epoch);
    expect(epoch.started).toEqual([0, 1]);
    epoch.finish(0, 7);
    await settle();
    expect(epoch.started).toEqual([0, 1, 2]);
    expect([...results]).toEqual([[0, 7]]);
  });

  it('[EP1] stay in an epoch that is healthy, while new ones take the next', async () => {
    const { queue, run, results } = open();
    const [old, next] = [new FakeEpoch(2), new FakeEpoch(2)];
    queue.use(old);
    for (const place of [0, 1, 2]) run(place);
    queue.use(next);
    expect([old.started, next.started]).toEqual([[0, 1], [2]]);
    for (const id of [0, 1]) old.finish(id, id);
    next.finish(2, 2);
    await settle();
    expect([...results.values()]).toEqual([0, 1, 2]);
    expect(old.dropped).toEqual([]);
  });

  it('[EP4] are started again where their epoch has lost a peer, the oldest first, under the same numbers', async () => {
    const { queue, run } = open();
    const [old, next] = [new FakeEpoch(3), new FakeEpoch(2)];
    queue.use(old);
    for (const place of [0, 1, 2, 3]) run(place);
    old.isHealthy = false;
    queue.use(next);
    expect(next.started).toEqual([0, 1]);
    next.finish(0, 0);
    next.finish(1, 0);
    await settle();
    expect(next.started).toEqual([0, 1, 2, 3]);
  });

  it('[EP4] take the first result, from whichever epoch, and drop the other attempt', async () => {
    const { queue, run, results } = open();
    const [old, next] = [new FakeEpoch(3), new FakeEpoch(3)];
    queue.use(old);
    for (const place of [0, 1, 2]) run(place);
    old.isHealthy = false;
    queue.use(next);
    old.finish(0, 10);
    next.finish(1, 21);
    await settle();
    expect([results.get(0), results.get(1)]).toEqual([10, 21]);
    expect([old.dropped, next.dropped]).toEqual([[1], [0]]);
    old.finish(1, 11);
    next.finish(0, 20);
    next.finish(2, 22);
    await settle();
    expect([...results]).toEqual([
      [0, 10],
      [1, 21],
      [2, 22],
    ]);
    expect(queue.size).toBe(0);
  });

  it('[EP4] one that waits to be started again may still get its result from the old epoch', async () => {
    const { queue, run, results } = open();
    const [old, next] = [new FakeEpoch(2), new FakeEpoch(1)];
    queue.use(old);
    for (const place of [0, 1]) run(place);
    old.isHealthy = false;
    queue.use(next);
    old.finish(1, 11);
    next.finish(0, 20);
    await settle();
    expect([...results].sort()).toEqual([
      [0, 20],
      [1, 11],
    ]);
    expect(next.started).toEqual([0]);
  });

  it('wait for the next epoch when their attempt fails, or fail, as the session decides', async () => {
    for (const verdict of ['replay', 'fail'] as const) {
      const { queue, run, results, failures } = open(verdict);
      const [old, next] = [new FakeEpoch(1), new FakeEpoch(1)];
      queue.use(old);
      run(0);
      old.isHealthy = false;
      old.fail(0, gone);
      await settle();
      expect(failures).toEqual([1]);
      queue.use(next);
      next.finish(0, 5);
      await settle();
      expect(results.get(0)).toBe(verdict === 'replay' ? 5 : 'PEER_LOST');
    }
  });

  it('are dropped by their caller wherever they are, and none is started again then', async () => {
    const { queue, run, results } = open();
    const [old, next] = [new FakeEpoch(1), new FakeEpoch(3)];
    const controllers = [new AbortController(), new AbortController()];
    queue.use(old);
    controllers.forEach(({ signal }, place) => run(place, signal));
    for (const controller of controllers) controller.abort();
    await settle();
    old.isHealthy = false;
    queue.use(next);
    await settle();
    expect([...results].sort()).toEqual([
      [0, 'FRAME_DROPPED'],
      [1, 'FRAME_DROPPED'],
    ]);
    expect(next.started).toEqual([]);
    expect(queue.size).toBe(0);
  });

  it('all end with the session', async () => {
    const { queue, run, results } = open();
    queue.use(new FakeEpoch(1));
    for (const place of [0, 1]) run(place);
    queue.failAll(gone);
    await settle();
    expect([...results.values()]).toEqual(['PEER_LOST', 'PEER_LOST']);
  });
});
