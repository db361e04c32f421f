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

/**
 * Starts an engine in the worker behind `host`, which belongs to the engine from now on.
 * @throws ENGINE_UNAVAILABLE, and the worker is closed.
 */
export async function connectEngine(host: WorkerHost, options: ConnectOptions): Promise<Engine> {
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
    return new WorkerEngine(started, calls, host);
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

class WorkerEngine implements Engine {
  readonly name: Engine['name'];
  readonly accuracy: Engine['accuracy'];
  readonly weightStorage?: WeightStorage;
  readonly #calls: WorkerCalls;
  readonly #host: WorkerHost;
  /** On their way back to the worker, with the next run. */
  readonly #recycled = new SpareBuffers(SPARE_OUTPUT_BYTES);
  #disposal: Promise<void> | undefined;

  constructor(started: WorkerAnswers['start'], calls: WorkerCalls, host: WorkerHost) {
    this.name = started.name;
    this.accuracy = started.accuracy;
    if (started.weightStorage) this.weightStorage = started.weightStorage;
    this.#calls = calls;
    this.#host = host;
  }

  async load(...[program, weights]: Parameters<Engine['load']>): Promise<LoadedTile> {
    const sent = transferable(weights);
    const { tile } = await this.#calls.call({ type: 'load', program, weights: sent.arrays }, sent.transfer);
    let release: Promise<void> | undefined;
    return {
      run: (inputs) => {
        const { arrays, transfer } = transferable(inputs);
        const recycled = this.#recycled.takeAll();
        return this.#calls.call({ type: 'run', tile, inputs: arrays, recycled }, [...transfer, ...recycled]);
      },
      recycle: (outputs) => this.#recycled.give(outputs),
      weight: (index) => this.#calls.call({ type: 'weight', tile, index }),
      // A dead worker holds nothing any more.
      dispose: () => (release ??= this.#calls.call({ type: 'release', tile }).catch(() => undefined)),
    };
  }

  memory() {
    return this.#calls.call({ type: 'memory' });
  }

  setShare(share: number, steady = false): Promise<void> {
    return this.#calls.call({ type: 'share', share, steady });
  }

  dispose(): Promise<void> {
    this.#disposal ??= this.#calls
      .call({ type: 'dispose' })
      .catch(() => undefined)
      .then(() => this.#host.close())
      .then(() =>
        this.#calls.end(new PeerceptronError('ENGINE_FAILED', `the ${this.name} engine was disposed`)),
      );
    return this.#disposal;
  }
}
