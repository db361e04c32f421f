import { cpus } from 'node:os';
import { boxSize } from '../graph/box.ts';
import type { TileProgram } from '../graph/tile-program.ts';
import { PeerceptronError } from '../shared/errors.ts';
import { SpareBuffers } from '../shared/spare-buffers.ts';
import type { WeightStorage } from '../shared/weight-storage.ts';
import {
  SPARE_OUTPUT_BYTES,
  type Engine,
  type EngineMemory,
  type LoadedTile,
  type TileResult,
} from './engine.ts';
import { checkBuffers, engineFailed } from './check-buffers.ts';
import { KeptValues } from './kept-values.ts';
import {
  loadNativeLibrary,
  type NativeLibrary,
  type NativeSession,
  type NativeTensor,
} from './native-library.ts';
import { onnxTile, StepError, type OnnxTile } from './onnx-tile.ts';
import { Sequence } from './sequential.ts';

export interface NativeEngineOptions {
  /** Where to look for the package; see `loadNativeLibrary`. */
  readonly folders: readonly string[];
  /** That compute one tile together; default 1. */
  readonly threads?: number;
  /**
   * Whether sessions get the kernels of convolutions to keep and to pack, each its own. Faster by a seventh where the runtime has code for
   * that, which is on x64, for twice the memory; hence the default. Otherwise weights are held once for all tiles.
   */
  readonly constantKernels?: boolean;
}

/**
 * ONNX Runtime's own code on the CPU, by the package `onnxruntime-node`: each tile is a model of its own.
 * @throws ENGINE_UNAVAILABLE when the package is missing or does not load here.
 */
export async function createNativeEngine({
  folders,
  threads = 1,
  constantKernels = process.arch === 'x64',
}: NativeEngineOptions): Promise<Engine> {
  return new NativeEngine(loadNativeLibrary(folders), { threads, constantKernels });
}

/**
 * Of the intermediates of all tiles that keep the memory for theirs between runs: new pages cost a tenth of the time of networks
 * with small filters. What comes behind asks the system for it in every run.
 */
const RESIDENT_BYTES = 64 * 1024 * 1024;
/** Threads that wait for the next frame with a loop take the processor from those that bring it. */
const WITHOUT_SPINNING = { allow_spinning: '0' };

interface LoadedModel extends Pick<OnnxTile, 'inputs' | 'outputs'> {
  readonly program: TileProgram;
  /** Absent for a tile without outputs. */
  readonly session: NativeSession | undefined;
  readonly weights: Readonly<Record<string, NativeTensor>>;
  readonly kept: readonly Float32Array[];
  /** Of kernels that the session holds. */
  readonly constantBytes: number;
  /** Of intermediates that the session holds. */
  readonly residentBytes: number;
  /** By index of a weight of the program. */
  readonly given: ReadonlyMap<
    number,
    { readonly values: Float32Array; restore(kept: Float32Array): Float32Array }
  >;
}

class NativeEngine implements Engine {
  readonly name: string;
  readonly accuracy = 'f32';
  readonly weightStorage: WeightStorage;
  readonly #library: NativeLibrary;
  readonly #threads: number;
  readonly #constantKernels: boolean;
  readonly #sequence = new Sequence();
  readonly #tiles = new Set<LoadedModel>();
  readonly #spare = new SpareBuffers(SPARE_OUTPUT_BYTES);
  #memory: EngineMemory = { tensors: 0, bytes: 0 };
  readonly #kept = new KeptValues<Float32Array>({
    make: (values) => values as Float32Array,
    bitsOf: ({ buffer, byteOffset, length }) => new Int32Array(buffer, byteOffset, length),
    drop: () => undefined,
    onBytes: (change) => this.#count(change),
  });
  #residentBytes = 0;
  #disposed = false;

  constructor(
    library: NativeLibrary,
    { threads, constantKernels }: Required<Pick<NativeEngineOptions, 'threads' | 'constantKernels'>>,
  ) {
    this.#constantKernels = constantKernels;
    this.weightStorage = constantKernels ? 'packed' : 'once';
    // What it is measured with belongs to it: profiles are kept by name.
    this.name = threads === 1 ? 'native' : `native, ${threads} threads`;
    this.#library = library;
    this.#threads = threads;
  }

  load(program: TileProgram, weights: readonly Float32Array[]): Promise<LoadedTile> {
    return this.#sequence.add(async () => {
      if (this.#disposed) throw engineFailed('cannot load: the native engine was disposed');
      checkBuffers('weight', weights, program.weights, (entry) => entry.name);
      const tile = await this.#prepare(program, weights);
      this.#tiles.add(tile);
      try {
        // The first run allocates.
        await this.#run(tile, program.inputs.map(({ box }) => new Float32Array(boxSize(box)))); // prettier-ignore
      } catch (error) {
        await this.#release(tile);
        throw error;
      }
      return this.#handle(tile);
    });
  }

  /** Apart from `load`, whose closures would keep the raw weights alive. */
  #handle(tile: LoadedModel): LoadedTile {
    return {
      run: (inputs) =>
        this.#sequence.add(() => {
          if (!this.#tiles.has(tile)) {
            throw engineFailed(
              this.#disposed
                ? 'cannot run: the native engine was disposed'
                : 'this tile was disposed; load it again',
            );
          }
          checkBuffers('input', inputs, tile.program.inputs, (entry) => entry.tensor);
          return this.#run(tile, inputs);
        }),
      recycle: (outputs) => this.#spare.give(outputs),
      weight: (index) =>
        this.#sequence.add(() => {
          const given = this.#tiles.has(tile) ? tile.given.get(index) : undefined;
          return given?.restore(given.values);
        }),
      dispose: () => this.#sequence.add(() => this.#release(tile)),
    };
  }

  memory(): Promise<EngineMemory> {
    return this.#sequence.add(() => this.#memory);
  }

  dispose(): Promise<void> {
    return this.#sequence.add(async () => {
      this.#disposed = true;
      for (const tile of [...this.#tiles]) await this.#release(tile);
    });
  }

  async #release(tile: LoadedModel): Promise<void> {
    if (!this.#tiles.delete(tile)) return;
    // Other tiles have outputs of other lengths.
    this.#spare.clear();
    for (const values of tile.kept) this.#kept.release(values);
    this.#count(-tile.constantBytes);
    this.#residentBytes -= tile.residentBytes;
    await tile.session?.release();
  }

  #count(change: number): void {
    const { tensors, bytes } = this.#memory;
    this.#memory = { tensors: tensors + Math.sign(change), bytes: bytes + change };
  }

  async #prepare(program: TileProgram, weights: readonly Float32Array[]): Promise<LoadedModel> {
    const kept: Float32Array[] = [];
    try {
      const model = onnxTile(program, weights, { constantKernels: this.#constantKernels });
      const given = new Map<number, { values: Float32Array; restore(kept: Float32Array): Float32Array }>();
      const held = new Map<object, Float32Array>();
      const feeds: Record<string, NativeTensor> = {};
      for (const { name, shape, weight, offset } of model.weights) {
        let values = held.get(weight);
        if (!values) {
          values = this.#kept.keep(weight.values, [weight.values.length]);
          kept.push(values);
          held.set(weight, values);
          if (weight.of) given.set(weight.of.index, { values, restore: weight.of.restore ?? copied });
        }
        const length = shape.reduce((product, extent) => product * extent, 1);
        feeds[name] = this.#tensor(values.subarray(offset, offset + length), shape);
      }
      const workBytes = largestWorkBytes(program);
      const residentBytes = this.#residentBytes + workBytes <= RESIDENT_BYTES ? workBytes : 0;
      const session = model.outputs.length > 0 ? await this.#open(model, residentBytes > 0) : undefined;
      const constantBytes = model.constants.reduce((sum, { data }) => sum + data.byteLength, 0);
      this.#count(constantBytes);
      this.#residentBytes += residentBytes;
      // Nothing of the model is needed any more, and its constants are large.
      const { inputs, outputs } = model;
      return { program, inputs, outputs, session, weights: feeds, kept, given, constantBytes, residentBytes };
    } catch (error) {
      for (const values of kept) this.#kept.release(values);
      throw toEngineError(error, program);
    }
  }

  #open({ model, constants }: OnnxTile, resident: boolean): Promise<NativeSession> {
    return this.#library.InferenceSession.create(model, {
      executionProviders: ['cpu'],
      intraOpNumThreads: this.#threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: 'all',
      enableCpuMemArena: resident,
      logSeverityLevel: 3,
      externalData: constants,
      extra: { session: { ...apart(this.#threads), intra_op: WITHOUT_SPINNING } },
    });
  }

  async #run(tile: LoadedModel, inputs: readonly Float32Array[]): Promise<TileResult> {
    const startMs = performance.now();
    const { session } = tile;
    if (!session) return { outputs: [], spentInputs: inputs, computeMs: 0 };
    const feeds = { ...tile.weights };
    for (const [index, { name, shape }] of tile.inputs.entries())
      feeds[name] = this.#tensor(inputs[index]!, shape);
    const outputs: Float32Array[] = [];
    const fetches: Record<string, NativeTensor> = {};
    for (const { name, shape, length } of tile.outputs) {
      const values = this.#spare.take(length);
      outputs.push(values);
      fetches[name] = this.#tensor(values, shape);
    }
    try {
      await session.run(feeds, fetches);
    } catch (error) {
      throw toEngineError(error, tile.program);
    }
    return { outputs, computeMs: performance.now() - startMs };
  }

  #tensor(values: Float32Array, shape: readonly number[]): NativeTensor {
    return new this.#library.Tensor('float32', values, shape);
  }
}

/**
 * Where all processors compute, the threads beside the one that calls have one each, as in sessions of ONNX Runtime that choose their threads
 * themselves: woken for a few milliseconds, they are often put on the processor of the thread that woke them, which is busy.
 */
function apart(threads: number): { readonly intra_op_thread_affinities?: string } {
  if (process.platform !== 'linux' || threads < 2 || threads !== cpus().length) return {};
  const processors = Array.from({ length: threads - 1 }, (_, index) => index + 1);
  return { intra_op_thread_affinities: processors.join(';') };
}

/** About the most of intermediates that are there at a time: a step's and its neighbour's. */
function largestWorkBytes({ steps }: TileProgram): number {
  const sizes = steps.map(({ output }) => 4 * boxSize(output)).sort((a, b) => b - a);
  return (sizes[0] ?? 0) + (sizes[1] ?? 0);
}

const copied = (values: Float32Array): Float32Array => values.slice();

const OUT_OF_MEMORY = /bad_alloc|failed to allocate|out of memory|allocation failed/i;

/** `ENGINE_MEMORY` where there was not enough of it; else `ENGINE_FAILED` with the op, or with all that the tile computes. */
function toEngineError(thrown: unknown, { steps }: TileProgram): PeerceptronError {
  if (thrown instanceof PeerceptronError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const [first, last] = [steps[0]?.node, steps.at(-1)?.node];
  const node = thrown instanceof StepError ? thrown.node : first === last ? first : `${first} to ${last}`;
  const where = node === undefined ? '' : ` at ${node}`;
  const options = { cause: thrown, details: node === undefined ? {} : { node } };
  return OUT_OF_MEMORY.test(message)
    ? new PeerceptronError('ENGINE_MEMORY', `native ran out of memory${where}: ${message}; give this peer less`, options) // prettier-ignore
    : new PeerceptronError('ENGINE_FAILED', `native failed${where}: ${message}`, options);
}
