import * as tf from '@tensorflow/tfjs-core';
import { boxEquals, boxShape, boxSize, isEmpty, relativeTo, type Box } from '../graph/box.ts';
import { slotBox, type TileProgram } from '../graph/tile-program.ts';
import type { KernelVariant } from '../kernels/kernel-binary.ts';
import type { Accuracy } from '../shared/accuracy.ts';
import { SpareBuffers } from '../shared/spare-buffers.ts';
import type { WeightStorage } from '../shared/weight-storage.ts';
import {
  SPARE_OUTPUT_BYTES,
  type Engine,
  type EngineMemory,
  type LoadedTile,
  type TileResult,
} from './engine.ts';
import { freedSlots, fuseSteps } from '../graph/fusion.ts';
import { Sequence } from './sequential.ts';
import {
  acquireBackend,
  activateBackend,
  releaseBackend,
  type BackendOptions,
  type TfjsBackendName,
} from './tfjs-backends.ts';
import type { KeepTensor } from './tfjs-conv.ts';
import { deviceOf, type Device } from './tfjs-device.ts';
import { heapKernels, type HeapKernels } from './tfjs-heap.ts';
import type { TeamOptions } from './heap-team.ts';
import { checkBuffers, engineFailed } from './check-buffers.ts';
import { KeptValues } from './kept-values.ts';
import { prepareKernel, type Kernel } from './tfjs-kernels.ts';
import {
  checkWasmAllocation,
  checkWasmBudget,
  reserveWasm,
  toEngineError,
  type WasmBackend,
} from './tfjs-memory.ts';

export type { BackendOptions, TfjsBackendName, WasmPaths } from './tfjs-backends.ts';

export interface TfjsEngineOptions extends Omit<BackendOptions, 'sharedHeap'> {
  /** Which builds of our own kernels the wasm backend may use, the best first; none: tfjs' kernels alone. Default: all. */
  readonly kernels?: readonly KernelVariant[];
  /** Threads that compute what our own kernels do together, on a wasm heap that they share. Absent: one. */
  readonly team?: TeamOptions;
}

/**
 * The TensorFlow.js engine on one of its backends; only that backend's package is loaded.
 * @throws ENGINE_UNAVAILABLE, naming the backend and the reason, when it cannot start here.
 */
export async function createTfjsEngine(options: TfjsEngineOptions): Promise<Engine> {
  const { kernels, team, ...rest } = options;
  const backend = await acquireBackend({ ...rest, sharedHeap: team !== undefined });
  const heapOptions = { ...(kernels ? { variants: kernels } : {}), ...(team ? { team } : {}) };
  const heap = options.backend === 'wasm' ? await heapKernels(backend, heapOptions) : undefined;
  return new TfjsEngine(options.backend, backend, heap, heap && team ? team.threads : 1);
}

interface Crop {
  readonly slot: number;
  /** Absent when the whole buffer is wanted. */
  readonly slice?: { readonly begin: number[]; readonly size: number[] };
}

interface PreparedStep {
  readonly node: string;
  readonly inputs: readonly (Crop | undefined)[];
  readonly kernel: Kernel;
  readonly slot: number;
  /** Slots that nobody reads after this step. */
  readonly frees: readonly number[];
}

interface PreparedTile {
  readonly program: TileProgram;
  readonly steps: readonly PreparedStep[];
  readonly outputs: readonly Crop[];
  readonly kept: readonly tf.Tensor[];
  /** By index of a weight: where it is held in a form that gives it back. */
  readonly weights: ReadonlyMap<number, HeldWeight>;
}

interface HeldWeight {
  readonly tensor: tf.Tensor;
  readonly restore: ((kept: Float32Array) => Float32Array) | undefined;
}

class TfjsEngine implements Engine {
  readonly name: string;
  readonly accuracy: Accuracy;
  readonly weightStorage: WeightStorage;
  readonly #backendName: TfjsBackendName;
  readonly #backend: tf.KernelBackend;
  readonly #device: Device;
  readonly #heap: HeapKernels | undefined;
  readonly #sequence = new Sequence();
  readonly #kept: KeptValues<tf.Tensor>;
  /** Of weights on the wasm heap: tfjs' own kernels pack a second one. */
  readonly #copies: number;
  readonly #tiles = new Set<PreparedTile>();
  readonly #spare = new SpareBuffers(SPARE_OUTPUT_BYTES);
  #disposed = false;

  constructor(
    backendName: TfjsBackendName,
    backend: tf.KernelBackend,
    heap: HeapKernels | undefined,
    threads: number,
  ) {
    this.name = `tfjs-${backendName}${threads > 1 ? `, ${threads} threads` : ''}`;
    this.#backendName = backendName;
    this.#backend = backend;
    this.#heap = heap;
    this.#device = deviceOf(backendName, backend);
    this.#copies = heap ? 1 : 2;
    this.weightStorage = heap ? 'once' : 'packed';
    this.#kept = keptTensors(bitsOf(backendName, backend), (change) => {
      if (backendName === 'wasm') reserveWasm(backend, change * this.#copies);
    });
    // Not `floatPrecision()`: the webgl backend's says 16 wherever float textures work.
    const half = backendName === 'webgl' && !tf.env().getBool('WEBGL_RENDER_FLOAT32_ENABLED');
    this.accuracy = half ? 'f16' : 'f32';
  }

  load(program: TileProgram, weights: readonly Float32Array[]): Promise<LoadedTile> {
    return this.#sequence.add(async () => {
      this.#begin('load');
      checkBuffers('weight', weights, program.weights, (entry) => entry.name);
      if (this.#backendName === 'wasm') checkWasmBudget(this.#backend, program, this.#copies);
      // A device that has nothing to compute does not hold them.
      await this.#heap?.gather();
      const tile = this.#prepare(program, weights);
      this.#tiles.add(tile);
      try {
        // The first run packs filters, compiles shaders and grows the heap.
        const silence = program.inputs.map((input) => new Float32Array(boxSize(input.box)));
        await this.#run(tile, silence);
      } catch (error) {
        this.#release(tile);
        throw error;
      }
      return this.#handle(tile);
    });
  }

  /** Apart from `load`, whose closures would keep the raw weights alive. */
  #handle(tile: PreparedTile): LoadedTile {
    return {
      run: (inputs) =>
        this.#sequence.add(() => {
          this.#begin('run');
          if (!this.#tiles.has(tile)) throw engineFailed('this tile was disposed; load it again');
          checkBuffers('input', inputs, tile.program.inputs, (entry) => entry.tensor);
          return this.#run(tile, inputs);
        }),
      // The other backends hand out buffers that they have made themselves.
      ...(this.#backendName === 'wasm'
        ? { recycle: (outputs: readonly Float32Array[]) => this.#spare.give(outputs) }
        : {}),
      weight: (index) =>
        this.#sequence.add(async () => {
          const held = this.#disposed || !this.#tiles.has(tile) ? undefined : tile.weights.get(index);
          // Half floats have lost bits.
          if (!held || this.accuracy === 'f16') return undefined;
          activateBackend(this.#backendName);
          const values = await this.#read(held.tensor);
          return held.restore ? held.restore(values) : values;
        }),
      dispose: () => this.#sequence.add(() => this.#release(tile)),
    };
  }

  memory(): Promise<EngineMemory> {
    return this.#sequence.add(() => {
      const { numTensors, numBytes } = tf.memory();
      return { tensors: numTensors, bytes: numBytes };
    });
  }

  dispose(): Promise<void> {
    return this.#sequence.add(async () => {
      if (this.#disposed) return;
      for (const tile of [...this.#tiles]) this.#release(tile);
      this.#disposed = true;
      await this.#heap?.dismiss();
      await releaseBackend(this.#backendName);
    });
  }

  #begin(what: string): void {
    if (this.#disposed) throw engineFailed(`cannot ${what}: the ${this.name} engine was disposed`);
    this.#device.check();
    activateBackend(this.#backendName);
  }

  #release(tile: PreparedTile): void {
    if (!this.#tiles.delete(tile)) return;
    // Other tiles have outputs of other lengths.
    this.#spare.clear();
    for (const tensor of tile.kept) this.#kept.release(tensor);
  }

  #keepIn(kept: tf.Tensor[], weights: readonly Float32Array[], held: Map<number, HeldWeight>): KeepTensor {
    return (values, shape, form) => {
      const tensor = this.#kept.keep(values, shape);
      kept.push(tensor);
      const index = weights.indexOf(form?.of ?? (values as Float32Array));
      if (index >= 0) held.set(index, { tensor, restore: form?.restore });
      if (this.#backendName === 'wasm') checkWasmAllocation(this.#backend, tensor);
      return tensor;
    };
  }

  #prepare(program: TileProgram, weights: readonly Float32Array[]): PreparedTile {
    const kept: tf.Tensor[] = [];
    const held = new Map<number, HeldWeight>();
    const keep = this.#keepIn(kept, weights, held);
    const crop = (slot: number, box: Box): Crop | undefined => {
      if (isEmpty(box) || slot < 0) return undefined;
      const held = slotBox(program, slot);
      if (boxEquals(held, box)) return { slot };
      return {
        slot,
        slice: { begin: relativeTo(box, held).map(([start]) => start), size: boxShape(box) },
      };
    };
    const fused = fuseSteps(program);
    const outputs = program.outputs.map((output) => crop(output.slot, output.box)!);
    const freed = freedSlots(fused, program.outputs);
    try {
      const steps = fused.map((entry, index): PreparedStep => {
        try {
          return {
            node: entry.step.node,
            inputs: entry.step.inputs.map((input) => crop(input.slot, input.region)),
            kernel: prepareKernel(entry, weights, keep, this.#heap),
            slot: entry.slot,
            frees: freed[index]!,
          };
        } catch (error) {
          throw toEngineError(error, this.name, entry.step.node);
        }
      });
      return { program, steps, outputs, kept, weights: held };
    } catch (error) {
      for (const tensor of kept) this.#kept.release(tensor);
      throw error;
    }
  }

  async #run(tile: PreparedTile, inputs: readonly Float32Array[]): Promise<TileResult> {
    const startMs = performance.now();
    const results = this.#compute(tile, inputs);
    try {
      const outputs: Float32Array[] = [];
      for (const tensor of results) outputs.push(await this.#read(tensor));
      // A lost GPU answers zeros instead of an error.
      this.#device.check();
      return { outputs, computeMs: performance.now() - startMs };
    } catch (error) {
      throw toEngineError(error, this.name);
    } finally {
      tf.dispose(results);
    }
  }

  /** The backend computes synchronously or queues commands; either way nothing else runs in between. */
  #compute(tile: PreparedTile, inputs: readonly Float32Array[]): tf.Tensor[] {
    const slots = new Map<number, tf.Tensor>();
    const results: tf.Tensor[] = [];
    let node: string | undefined;
    const take = (wanted: Crop): tf.Tensor => {
      const tensor = slots.get(wanted.slot)!;
      return wanted.slice ? tf.slice(tensor, wanted.slice.begin, wanted.slice.size) : tensor;
    };
    const store = (slot: number, tensor: tf.Tensor): void => {
      slots.set(slot, tensor);
      if (this.#backendName === 'wasm') checkWasmAllocation(this.#backend, tensor);
    };
    try {
      for (const [slot, input] of tile.program.inputs.entries()) {
        store(slot, tf.tensor(inputs[slot]!, boxShape(input.box), 'float32'));
      }
      for (const step of tile.steps) {
        node = step.node;
        store(
          step.slot,
          tf.tidy(() => step.kernel(step.inputs.map((input) => input && take(input)))),
        );
        for (const slot of step.frees) {
          slots.get(slot)?.dispose();
          slots.delete(slot);
        }
      }
      node = undefined;
      for (const output of tile.outputs) results.push(output.slice ? take(output) : tf.clone(take(output)));
      return results;
    } catch (error) {
      tf.dispose(results);
      throw toEngineError(error, this.name, node);
    } finally {
      for (const tensor of slots.values()) tensor.dispose();
    }
  }

  async #read(tensor: tf.Tensor): Promise<Float32Array> {
    switch (this.#backendName) {
      case 'wasm': {
        const values = this.#spare.take(tensor.size);
        values.set(heapView(this.#backend as WasmBackend, tensor));
        return values;
      }
      case 'cpu':
        // This backend hands out its own buffer, which may be a weight or an input as well.
        return tensor.dataSync<'float32'>().slice();
      case 'webgl':
      case 'webgpu':
        return await this.#device.guard(tensor.data<'float32'>());
    }
  }
}

/** The bits of a tensor where it lies, without a copy. */
type BitsOf = (tensor: tf.Tensor) => Int32Array;

export const keptTensors = (
  bitsOf: BitsOf | undefined,
  onBytes: (change: number) => void,
): KeptValues<tf.Tensor> =>
  new KeptValues({
    make: (values, shape) =>
      tf.tensor(values, [...shape], values instanceof Int32Array ? 'int32' : 'float32'),
    bitsOf,
    drop: (tensor) => tensor.dispose(),
    onBytes,
  });

/** GPUs would have to hand their tensors back to be compared. */
function bitsOf(name: TfjsBackendName, backend: tf.KernelBackend): BitsOf | undefined {
  switch (name) {
    case 'wasm': {
      return (tensor) => {
        const { buffer, byteOffset, length } = heapView(backend as WasmBackend, tensor);
        return new Int32Array(buffer, byteOffset, length);
      };
    }
    case 'cpu':
      return (tensor) => {
        const { buffer, byteOffset, length } = tensor.dataSync();
        return new Int32Array(buffer, byteOffset, length);
      };
    case 'webgl':
    case 'webgpu':
      return undefined;
  }
}

/** Where a tensor lies; until the heap grows. */
function heapView({ wasm, dataIdMap }: WasmBackend, { dataId, size }: tf.Tensor): Float32Array {
  return new Float32Array(wasm.asm.memory.buffer, dataIdMap.get(dataId).memoryOffset, size);
}
