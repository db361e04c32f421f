import { engine, type KernelBackend, type Tensor } from '@tensorflow/tfjs-core';
import { conv } from '../kernels/conv.wasm.ts';
import { dense } from '../kernels/dense.wasm.ts';
import { startKernels, type KernelVariant } from '../kernels/kernel-binary.ts';
import type { FusedActivation } from '../graph/fusion.ts';
import { checkWasmAllocation, type WasmBackend } from './tfjs-memory.ts';

/** Addresses and counts; see `kernels/dense.ts`. */
interface DenseExports {
  dense(
    x: number,
    w: number,
    bias: number,
    y: number,
    rows: number,
    units: number,
    low: number,
    high: number,
  ): void;
}

/** Addresses, see `kernels/conv.ts`. */
interface ConvExports {
  conv(
    geometry: number,
    x: number,
    zeros: number,
    table: number,
    w: number,
    bias: number,
    y: number,
    low: number,
    high: number,
  ): void;
}

/** One group of a convolution, laid out for the kernel: see `kernels/conv.ts`. */
export interface HeapConv {
  readonly geometry: Tensor;
  readonly filters: Tensor;
  readonly bias: Tensor;
  readonly zeros: Tensor;
  /** Channels before the group's first one in the input and in the output. */
  readonly inOffset: number;
  readonly outOffset: number;
}

/**
 * Our own kernels on the heap of the wasm backend: they read its tensors where they lie, so that weights are held once,
 * as they arrived, and activations are not copied.
 */
export interface HeapKernels {
  readonly variant: KernelVariant;
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
   * @param tableEntries 4 bytes each, held while the kernel runs.
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

const started = new WeakMap<KernelBackend, Promise<HeapKernels | undefined>>();

/** The kernels of a backend, once per backend; undefined where it has no SIMD. */
export function heapKernels(
  backend: KernelBackend,
  variants?: readonly KernelVariant[],
): Promise<HeapKernels | undefined> {
  if (variants) return start(backend as WasmBackend, variants);
  let kernels = started.get(backend);
  if (!kernels) started.set(backend, (kernels = start(backend as WasmBackend)));
  return kernels;
}

const RANGES: { readonly [A in FusedActivation | 'linear']: readonly [low: number, high: number] } = {
  linear: [-Infinity, Infinity],
  relu: [0, Infinity],
  relu6: [0, 6],
};

async function start(
  backend: WasmBackend,
  variants?: readonly KernelVariant[],
): Promise<HeapKernels | undefined> {
  const { memory } = backend.wasm.asm;
  const denseKernel = await startKernels<DenseExports>(dense, memory, variants);
  const convKernel = await startKernels<ConvExports>(conv, memory, variants);
  if (!denseKernel || !convKernel) return undefined;
  const { variant } = denseKernel;
  const addressOf = (tensor: Tensor): number => backend.dataIdMap.get(tensor.dataId).memoryOffset;
  const allocate = (shape: number[]): Tensor => {
    const tensor = engine().makeTensorFromTensorInfo(backend.makeOutput(shape, 'float32'));
    checkWasmAllocation(backend, tensor);
    return tensor;
  };
  return {
    variant,
    dense(x, kernel, bias, activation) {
      const [rows, units] = kernel.shape as [number, number];
      const y = allocate([units]);
      const [low, high] = RANGES[activation ?? 'linear'];
      denseKernel.exports.dense(
        addressOf(x),
        addressOf(kernel),
        bias ? addressOf(bias) : 0,
        addressOf(y),
        rows,
        units,
        low,
        high,
      );
      return y;
    },
    conv(x, groups, shape, tableEntries, activation) {
      const y = allocate([...shape]);
      const table = allocate([tableEntries]);
      const [low, high] = RANGES[activation ?? 'linear'];
      for (const { geometry, filters, bias, zeros, inOffset, outOffset } of groups) {
        convKernel.exports.conv(
          addressOf(geometry),
          addressOf(x) + 4 * inOffset,
          addressOf(zeros),
          addressOf(table),
          addressOf(filters),
          addressOf(bias),
          addressOf(y) + 4 * outOffset,
          low,
          high,
        );
      }
      table.dispose();
      return y;
    },
  };
}
