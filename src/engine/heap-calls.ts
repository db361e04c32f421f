import { conv } from '../kernels/conv.wasm.ts';
import { dense } from '../kernels/dense.wasm.ts';
import { startKernels, type KernelVariant } from '../kernels/kernel-binary.ts';

/** Addresses and counts; see `kernels/dense.ts`. */
type DenseKernel = (
  x: number,
  w: number,
  bias: number,
  y: number,
  rows: number,
  units: number,
  low: number,
  high: number,
  from: number,
  to: number,
) => void;

/** Addresses, and places of the output; see `kernels/conv.ts`. */
type ConvKernel = (
  geometry: number,
  x: number,
  zeros: number,
  table: number,
  w: number,
  bias: number,
  y: number,
  low: number,
  high: number,
  from: number,
  to: number,
) => void;

/** One run of a kernel: for other threads, numbers and nothing else. */
export type KernelCall =
  | { readonly kernel: 'dense'; readonly args: Readonly<Parameters<DenseKernel>> }
  | { readonly kernel: 'conv'; readonly args: Readonly<Parameters<ConvKernel>> };

/** By their numbers between threads. */
export const KERNELS: readonly KernelCall['kernel'][] = ['dense', 'conv'];

export interface CallableKernels {
  readonly variant: KernelVariant;
  run(call: KernelCall): void;
}

/** Our kernels in `memory`, on this thread; undefined where the platform has no SIMD. */
export async function startHeapKernels(
  memory: WebAssembly.Memory,
  variants?: readonly KernelVariant[],
): Promise<CallableKernels | undefined> {
  const denseKernel = await startKernels<{ dense: DenseKernel }>(dense, memory, variants);
  const convKernel = await startKernels<{ conv: ConvKernel }>(conv, memory, variants);
  if (!denseKernel || !convKernel) return undefined;
  return {
    variant: denseKernel.variant,
    run(call) {
      if (call.kernel === 'dense') denseKernel.exports.dense(...call.args);
      else convKernel.exports.conv(...call.args);
    },
  };
}
