import { PeerceptronError } from '../shared/errors.ts';
import type { WeightStorage } from '../shared/weight-storage.ts';
import { SpareBuffers } from '../shared/spare-buffers.ts';
import { SPARE_OUTPUT_BYTES, type Engine, type LoadedTile } from './engine.ts';
import {
  fromWireError,
  transferable,
  type EngineOptions,
  type WorkerAnswers,
  type WorkerCall,
  type WorkerPort,
  type WorkerReply,
} from './worker-protocol.ts';

/** A worker as its owner sees it. */
export interface WorkerHost extends WorkerPort {
  /** Reports, at most once, that the worker died by itself. */
  onFailure(listener: (reason: string, cause?: unknown) => void): void;
  /** Ends the worker; nothing is reported afterwards. */
  close(): void | Promise<void>;
}

interface Pending {
  resolve(value: unknown): void;
  reject(error: PeerceptronError): void;
}

/** Posts calls and matches replies; the death of the worker fails everything that waits and everything later. */
class WorkerCalls {
  readonly #host: WorkerHost;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #dead: PeerceptronError | undefined;

  constructor(host: WorkerHost) {
    this.#host = host;
    host.listen((message) => {
      const reply = message as WorkerReply;
      const pending = this.#pending.get(reply.id);
      this.#pending.delete(reply.id);
      if (reply.ok) pending?.resolve(reply.value);
      else pending?.reject(fromWireError(reply.error));
    });
    host.onFailure((reason, cause) => {
      this.end(
        new PeerceptronError('ENGINE_FAILED', `the compute worker died: ${reason}; start the engine again`, {
          cause,
        }),
      );
    });
  }

  call<C extends WorkerCall>(call: C, transfer: ArrayBuffer[] = []): Promise<WorkerAnswers[C['type']]> {
    if (this.#dead) return Promise.reject(this.#dead);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve: resolve, reject });
      try {
        this.#host.post({ ...call, id }, transfer);
      } catch (error) {
        this.#pending.delete(id);
        const message = error instanceof Error ? error.message : String(error);
        reject(
          new PeerceptronError('ENGINE_FAILED', `the compute worker cannot be reached: ${message}`, {
            cause: error,
          }),
        );
      }
    });
  }

  end(error: PeerceptronError): void {
    this.#dead ??= error;
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    for (const pending of waiting) pending.reject(this.#dead);
  }
}

export interface ConnectOptions extends EngineOptions {
  /** How long the engine may take to start; a worker whose script never loads says nothing at all. Default 60 s. */
  readonly startTimeoutMs?: number;
}

/** A worker whose engine has started. */
interface Running {
  readonly started: WorkerAnswers['start'];
  readonly calls: WorkerCalls;
  readonly host: WorkerHost;
}

/** @throws ENGINE_UNAVAILABLE, and the worker is closed. */
async function startWorker(host: WorkerHost, options: ConnectOptions): Promise<Running> {
  const { startTimeoutMs = 60_000, ...engineOptions } = options;
  const calls = new WorkerCalls(host);
  const timer = setTimeout(() => {
    calls.end(
      new PeerceptronError(
        'ENGINE_UNAVAILABLE',
        `the ${options.backend} engine did not start within ${startTimeoutMs / 1000} s; choose another engine`,
      ),
    );
  }, startTimeoutMs);
  try {
    const started = await calls.call({ type: 'start', options: engineOptions });
    return { started, calls, host };
  } catch (error) {
    await host.close();
    if (error instanceof PeerceptronError && error.code === 'ENGINE_UNAVAILABLE') throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new PeerceptronError(
      'ENGINE_UNAVAILABLE',
      `the ${options.backend} engine cannot start: ${message}`,
      {
        cause: error,
      },
    );
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Starts an engine in a worker that `open` makes, which belongs to the engine from then on. A heap of WebAssembly grows and never
 * shrinks: when all tiles are gone that were worth it, another worker takes the place of the one that held them, and the memory goes back.
 * @throws ENGINE_UNAVAILABLE, and the worker is closed.
 */
export async function connectEngine(open: () => WorkerHost, options: ConnectOptions): Promise<Engine> {
  const start = (): Promise<Running> => startWorker(open(), options);
  return new WorkerEngine(await start(), options.backend === 'wasm' ? start : undefined);
}

/** So much was loaded, weights of all tiles together, before their worker is worth another one: starting it takes a third of a second. */
const WORTH_RESTARTING_BYTES = 32 * 1024 * 1024;
/** The next plan may be about to come. */
const UNUSED_MS = 1_000;

class WorkerEngine implements Engine {
  readonly name: Engine['name'];
  readonly accuracy: Engine['accuracy'];
  readonly weightStorage?: WeightStorage;
  readonly #restart: (() => Promise<Running>) | undefined;
  #worker: Promise<Running>;
  /** Of this worker: tiles that are loaded, or about to be, and the bytes of all weights that came. */
  #tiles = 0;
  #loadedBytes = 0;
  #unused: ReturnType<typeof setTimeout> | undefined;
  #share: { readonly share: number; readonly steady: boolean } | undefined;
  /** On their way back to the worker, with the next run. */
  readonly #recycled = new SpareBuffers(SPARE_OUTPUT_BYTES);
  #disposal: Promise<void> | undefined;

  constructor(running: Running, restart: (() => Promise<Running>) | undefined) {
    const { name, accuracy, weightStorage } = running.started;
    this.name = name;
    this.accuracy = accuracy;
    if (weightStorage) this.weightStorage = weightStorage;
    this.#worker = Promise.resolve(running);
    this.#restart = restart;
  }

  async load(...[program, weights]: Parameters<Engine['load']>): Promise<LoadedTile> {
    const sent = transferable(weights);
    clearTimeout(this.#unused);
    this.#tiles += 1;
    this.#loadedBytes += sent.arrays.reduce((sum, { byteLength }) => sum + byteLength, 0);
    let tile: number;
    let calls: WorkerCalls;
    try {
      ({ calls } = await this.#worker);
      ({ tile } = await calls.call({ type: 'load', program, weights: sent.arrays }, sent.transfer));
    } catch (error) {
      this.#gone();
      throw error;
    }
    let release: Promise<void> | undefined;
    return {
      run: (inputs) => {
        const { arrays, transfer } = transferable(inputs);
        const recycled = this.#recycled.takeAll();
        return calls.call({ type: 'run', tile, inputs: arrays, recycled }, [...transfer, ...recycled]);
      },
      recycle: (outputs) => this.#recycled.give(outputs),
      weight: (index) => calls.call({ type: 'weight', tile, index }),
      // A dead worker holds nothing any more.
      dispose: () =>
        (release ??= calls
          .call({ type: 'release', tile })
          .catch(() => undefined)
          .then(() => this.#gone())),
    };
  }

  async memory() {
    return (await this.#worker).calls.call({ type: 'memory' });
  }

  async setShare(share: number, steady = false): Promise<void> {
    this.#share = { share, steady };
    await (await this.#worker).calls.call({ type: 'share', share, steady });
  }

  dispose(): Promise<void> {
    clearTimeout(this.#unused);
    this.#disposal ??= this.#worker
      .then(({ calls, host }) =>
        calls
          .call({ type: 'dispose' })
          .catch(() => undefined)
          .then(() => host.close())
          .then(() =>
            calls.end(new PeerceptronError('ENGINE_FAILED', `the ${this.name} engine was disposed`)),
          ),
      )
      .catch(() => undefined);
    return this.#disposal;
  }

  /** A tile is no more; the last one takes its worker with it. */
  #gone(): void {
    this.#tiles -= 1;
    const restart = this.#restart;
    if (!restart || this.#tiles > 0 || this.#loadedBytes < WORTH_RESTARTING_BYTES || this.#disposal) return;
    clearTimeout(this.#unused);
    this.#unused = setTimeout(() => this.#replace(restart), UNUSED_MS);
  }

  #replace(restart: () => Promise<Running>): void {
    this.#loadedBytes = 0;
    this.#recycled.clear();
    this.#worker = this.#worker.then(async ({ host }) => {
      await host.close();
      const running = await restart();
      if (this.#share) await running.calls.call({ type: 'share', ...this.#share });
      return running;
    });
    // Whoever loads next is told.
    this.#worker.catch(() => undefined);
  }
}
