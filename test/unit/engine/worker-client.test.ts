import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Engine, LoadedTile } from '../../../src/engine/engine.ts';
import { connectEngine, type WorkerHost } from '../../../src/engine/worker-client.ts';
import type { WorkerReply, WorkerRequest } from '../../../src/engine/worker-protocol.ts';
import { PeerceptronError } from '../../../src/shared/errors.ts';

/** A worker whose answers the test writes. */
class ScriptedWorker implements WorkerHost {
  readonly requests: WorkerRequest[] = [];
  closed = 0;
  fail: (reason: string, cause?: unknown) => void = () => undefined;
  #deliver: (message: unknown) => void = () => undefined;
  readonly #answer: (request: WorkerRequest) => WorkerReply | undefined;

  constructor(answer: (request: WorkerRequest) => WorkerReply | undefined) {
    this.#answer = answer;
  }

  post(message: WorkerRequest | WorkerReply): void {
    const request = message as WorkerRequest;
    this.requests.push(request);
    const reply = this.#answer(request);
    if (reply) queueMicrotask(() => this.#deliver(reply));
  }

  listen(listener: (message: unknown) => void): void {
    this.#deliver = listener;
  }

  onFailure(listener: (reason: string, cause?: unknown) => void): void {
    this.fail = listener;
  }

  close(): void {
    this.closed += 1;
  }
}

const answers = (request: WorkerRequest): WorkerReply | undefined => {
  const { id } = request;
  switch (request.type) {
    case 'start':
      return { id, ok: true, value: { name: 'scripted', accuracy: 'f32' } };
    case 'load':
      return { id, ok: true, value: { tile: 7 } };
    case 'dispose':
      return { id, ok: true, value: undefined };
    case 'release':
    case 'memory':
    case 'share':
    case 'run':
    case 'weight':
      // Stays unanswered.
      return undefined;
  }
};

const program = { inputs: [], weights: [], steps: [], outputs: [] };

describe('connectEngine', () => {
  let engine: Engine | undefined;
  afterEach(async () => {
    await engine?.dispose();
    engine = undefined;
  });

  it('tells how the engine in the worker holds weights, where it says so', async () => {
    const says = new ScriptedWorker((request) =>
      request.type === 'start'
        ? {
            id: request.id,
            ok: true,
            value: { name: 'scripted', accuracy: 'f32', weightStorage: 'once' },
          }
        : answers(request),
    );
    engine = await connectEngine(() => says, { backend: 'reference' });
    expect(engine.weightStorage).toBe('once');
    await engine.dispose();
    engine = await connectEngine(() => new ScriptedWorker(answers), { backend: 'reference' });
    expect(engine).not.toHaveProperty('weightStorage');
  });

  it('fails everything that waits, and everything later, when the worker dies', async () => {
    const worker = new ScriptedWorker(answers);
    engine = await connectEngine(() => worker, { backend: 'reference' });
    const tile = await engine.load(program, []);
    const waiting = [tile.run([]), engine.memory()];
    worker.fail('out of luck');
    for (const call of [...waiting, tile.run([]), engine.load(program, [])]) {
      await expect(call).rejects.toMatchObject({
        code: 'ENGINE_FAILED',
        message: expect.stringContaining('out of luck') as string,
      });
    }
    await tile.dispose();
    await engine.dispose();
    expect(worker.closed).toBe(1);
  });

  it('fails what waits behind a disposal, and closes the worker once', async () => {
    const worker = new ScriptedWorker(answers);
    const disposed = await connectEngine(() => worker, { backend: 'reference' });
    const memory = disposed.memory();
    const outcome = expect(memory).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
    await Promise.all([disposed.dispose(), disposed.dispose()]);
    await outcome;
    expect(worker.closed).toBe(1);
  });

  it('keeps the code and the details of an error across the thread', async () => {
    const worker = new ScriptedWorker((request) =>
      request.type === 'load'
        ? {
            id: request.id,
            ok: false,
            error: { code: 'ENGINE_MEMORY', message: 'too large', details: { neededBytes: 9 } },
          }
        : answers(request),
    );
    engine = await connectEngine(() => worker, { backend: 'reference' });
    const error: unknown = await engine.load(program, []).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PeerceptronError);
    expect(error).toMatchObject({ code: 'ENGINE_MEMORY', message: 'too large', details: { neededBytes: 9 } });
  });

  it('gives up on a worker that never says that it started, and closes it', async () => {
    const worker = new ScriptedWorker(() => undefined);
    await expect(connectEngine(() => worker, { backend: 'webgl', startTimeoutMs: 1 })).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
      message: expect.stringContaining('webgl') as string,
    });
    expect(worker.closed).toBe(1);
  });

  it('closes the worker when the engine cannot start, and says why', async () => {
    const worker = new ScriptedWorker(({ id }) => ({
      id,
      ok: false,
      error: { code: 'ENGINE_FAILED', message: 'no such kernel', details: {} },
    }));
    await expect(connectEngine(() => worker, { backend: 'cpu' })).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
      message: expect.stringContaining('no such kernel') as string,
    });
    expect(worker.closed).toBe(1);
  });

  it('another worker takes the place of one whose tiles are all gone, where they were worth it', async () => {
    vi.useFakeTimers();
    const workers: ScriptedWorker[] = [];
    const open = (): ScriptedWorker => {
      const worker = new ScriptedWorker((request) =>
        request.type === 'release' || request.type === 'share'
          ? { id: request.id, ok: true, value: undefined }
          : answers(request),
      );
      workers.push(worker);
      return worker;
    };
    try {
      engine = await connectEngine(open, { backend: 'wasm' });
      await engine.setShare!(0.5, true);
      const load = (bytes: number): Promise<LoadedTile> =>
        engine!.load(program, [new Float32Array(bytes / 4)]);
      const small = await load(1024);
      await small.dispose();
      await vi.advanceTimersByTimeAsync(60_000);
      expect(workers.length).toBe(1);
      const large = await load(40e6);
      const other = await load(1024);
      await large.dispose();
      await vi.advanceTimersByTimeAsync(60_000);
      expect(workers.length).toBe(1);
      await other.dispose();
      await other.dispose();
      await vi.advanceTimersByTimeAsync(500);
      // The next plan came in time.
      const next = await load(1024);
      await vi.advanceTimersByTimeAsync(60_000);
      expect(workers.length).toBe(1);
      await next.dispose();
      await vi.advanceTimersByTimeAsync(1_000);
      expect(workers.map(({ closed }) => closed)).toEqual([1, 0]);
      await load(1024);
      const { requests } = workers[1]!;
      expect(requests.map(({ type }) => type)).toEqual(['start', 'share', 'load']);
      expect(requests[1]).toMatchObject({ share: 0.5, steady: true });
    } finally {
      vi.useRealTimers();
    }
  });
});
