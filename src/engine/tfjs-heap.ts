import { engine, type KernelBackend, type Tensor } from '@tensorflow/tfjs-core';
import type { KernelVariant } from '../kernels/kernel-binary.ts';
import type { FusedActivation } from '../graph/fusion.ts';
import { startHeapKernels, type KernelCall } from './heap-calls.ts';
import { HeapTeam, type TeamOptions } from './heap-team.ts';
import { checkWasmAllocation, type WasmBackend } from './tfjs-memory.ts';

/** One group of a convolution, laid out for the kernel: see `kernels/conv.ts`. */
export interface HeapConv {
  readonly geometry: Tensor;
  readonly filters: Tensor;
  readonly bias: Tensor;
  readonly zeros: Tensor;
  /** Channels before the group's first one in the input and in the output. */
  readonly inOffset: number;
  readonly outOffset: number;
  /** Of the output, and multiply-accumulates for all of them. */
  readonly places: number;
  readonly macs: number;
}

/**
 * Our own kernels on the heap of the wasm backend: they read its tensors where they lie, so that weights are held once,
 * as they arrived, and activations are not copied.
 */
export interface HeapKernels {
  readonly variant: KernelVariant;
  /** Starts the other threads, where there are to be any and they are not there yet. @throws ENGINE_UNAVAILABLE */
  gather(): Promise<void>;
  /** Ends them. */
  dismiss(): Promise<void>;
  /**
   * `activation(x · W + bias)`.
   * @param x of any shape with `rows` elements.
   * @param kernel `[rows, units]`
   * @returns `[units]`
   * @throws ENGINE_MEMORY when the heap is full.
   */
  dense(x: Tensor, kernel: Tensor, bias: Tensor | undefined, activation: FusedActivation | undefined): Tensor;
  /**
   * The groups of a convolution, each into its channels of one output.
   * @param tableEntries 4 bytes each for every thread, held while the kernel runs.
   * @returns a tensor of `shape`.
   * @throws ENGINE_MEMORY when the heap is full.
   */
  conv(
    x: Tensor,
    groups: readonly HeapConv[],
    shape: readonly number[],
    tableEntries: number,
    activation: FusedActivation | undefined,
  ): Tensor;
}

export interface HeapOptions {
  /** Default: whatever this platform can run, the best first. */
  readonly variants?: readonly KernelVariant[];
  /** For a backend whose heap is shared between threads. */
  readonly team?: TeamOptions;
}

const started = new WeakMap<KernelBackend, Promise<HeapKernels | undefined>>();

/** The kernels of a backend, once per backend unless variants are asked for; undefined where it has no SIMD. */
export function heapKernels(
  backend: KernelBackend,
  options: HeapOptions = {},
): Promise<HeapKernels | undefined> {
  if (options.variants) return start(backend as WasmBackend, options);
  let kernels = started.get(backend);
  if (!kernels) started.set(backend, (kernels = start(backend as WasmBackend, options)));
  return kernels;
}

const RANGES: { readonly [A in FusedActivation | 'linear']: readonly [low: number, high: number] } = {
  linear: [-Infinity, Infinity],
  relu: [0, Infinity],
  relu6: [0, 6],
};

/** Parts begin at whole groups of so many places, or units: what the kernels sum at a time. */
const PART = { conv: 4, dense: 16 } as const;

/** Even parts of `[0, count)` in whole units, as many as there is something for. */
function partsOf(count: number, unit: number, most: number): (readonly [from: number, to: number])[] {
  const units = Math.ceil(count / unit);
  const parts = Math.max(1, Math.min(most, units));
  const at = (part: number): number => Math.min(count, Math.floor((units * part) / parts) * unit);
  return Array.from({ length: parts }, (_, part) => [at(part), at(part + 1)] as const);
}

async function start(
  backend: WasmBackend,
  { variants, team: options }: HeapOptions,
): Promise<HeapKernels | undefined> {
  const { memory } = backend.wasm.asm;
  const kernels = await startHeapKernels(memory, variants);
  if (!kernels) return undefined;
  let team: HeapTeam | undefined;
  const addressOf = (tensor: Tensor): number => backend.dataIdMap.get(tensor.dataId).memoryOffset;
  const allocate = (shape: number[]): Tensor => {
    const tensor = engine().makeTensorFromTensorInfo(backend.makeOutput(shape, 'float32'));
    checkWasmAllocation(backend, tensor);
    return tensor;
  };
  const split = (kernel: KernelCall['kernel'], count: number, macs: number) =>
    partsOf(count, PART[kernel], team && macs >= team.leastMacs ? team.threads : 1);
  const run = (calls: readonly KernelCall[]): void => {
    const [first, ...others] = calls as readonly [KernelCall, ...KernelCall[]];
    if (team && others.length > 0) team.run([first, ...others]);
    else kernels.run(first);
  };
  return {
    variant: kernels.variant,
    async gather() {
      if (options) team ??= await HeapTeam.open(options, memory, kernels);
    },
    async dismiss() {
      const closing = team;
      team = undefined;
      await closing?.close();
    },
    dense(x, kernel, bias, activation) {
      const [rows, units] = kernel.shape as [number, number];
      const y = allocate([units]);
      const [low, high] = RANGES[activation ?? 'linear'];
      const [from, w, to] = [addressOf(x), addressOf(kernel), addressOf(y)];
      const terms = bias ? addressOf(bias) : 0;
      run(
        split('dense', units, rows * units).map(([first, end]) => ({
          kernel: 'dense',
          args: [from, w, terms, to, rows, units, low, high, first, end],
        })),
      );
      return y;
    },
    conv(x, groups, shape, tableEntries, activation) {
      const y = allocate([...shape]);
      const parts = groups.map(({ places, macs }) => split('conv', places, macs));
      const table = allocate([tableEntries * Math.max(...parts.map(({ length }) => length))]);
      const [low, high] = RANGES[activation ?? 'linear'];
      const [from, to, entries] = [addressOf(x), addressOf(y), addressOf(table)];
      for (const [index, { geometry, filters, bias, zeros, inOffset, outOffset }] of groups.entries()) {
        run(
          parts[index]!.map(([first, end], part) => ({
            kernel: 'conv',
            args: [
              addressOf(geometry),
              from + 4 * inOffset,
              addressOf(zeros),
              entries + 4 * tableEntries * part,
              addressOf(filters),
              addressOf(bias),
              to + 4 * outOffset,
              low,
              high,
              first,
              end,
            ],
          })),
        );
      }
      table.dispose();
      return y;
    },
  };
}
