import type { KernelBackend, Tensor, TensorInfo } from '@tensorflow/tfjs-core';
import { boxSize, formatShape, type Box } from '../graph/box.ts';
import type { TileProgram, TileStep } from '../graph/tile-program.ts';
import { PeerceptronError } from '../shared/errors.ts';

/** A 32-bit heap ends at 4 GiB, less one page. */
const WASM_HEAP_LIMIT_BYTES = 4_294_901_760;
/** Room for code, fragmentation and packing. */
const WASM_RESERVE_BYTES = 128 * 1024 * 1024;

export interface WasmBackend extends KernelBackend {
  /** Emscripten's module and its exports. */
  readonly wasm: { readonly asm: { readonly memory: WebAssembly.Memory } };
  readonly dataIdMap: {
    get(id: object): { readonly memoryOffset: number };
  };
  makeOutput(shape: number[], dtype: 'float32'): TensorInfo;
}

/**
 * Bytes that a tile takes on the wasm heap: its weights, and about the most activations alive at a time.
 * @param copies of the weights: 1 for our own kernels, 2 (raw and packed) for those of tfjs.
 */
export function wasmTileBytes(
  program: TileProgram,
  copies: number,
): { readonly weights: number; readonly activations: number } {
  const steps = program.steps.map(stepFloats).sort((a, b) => b - a);
  // A step's tensors and its neighbour's, and the inputs that wait for later steps.
  const live = (steps[0] ?? 0) + (steps[1] ?? 0) + floats(program.inputs.map(({ box }) => box));
  return { weights: copies * 4 * floats(program.weights.map(({ box }) => box)), activations: 4 * live };
}

const floats = (boxes: readonly Box[]): number => boxes.reduce((sum, box) => sum + boxSize(box), 0);

function stepFloats({ op, inputs, output }: TileStep): number {
  const read = floats(inputs.map(({ region }) => region));
  const made = boxSize(output);
  // Over time: the padded input and the frames of one tap, the sum so far, one part, and their sum.
  if (op.kind === 'conv' && op.kernelSize.length === 3) return 3 * (read + made);
  // Squares and powers of all; both neighbours of every element.
  if (op.kind === 'lrn' || op.kind === 'upsample') return 2 * read + 3 * made;
  return read + made;
}

const reservedBytes = new WeakMap<KernelBackend, number>();

/**
 * Refuses a tile that cannot fit before anything is allocated: an exhausted heap leaves the backend unusable.
 * @throws ENGINE_MEMORY
 */
export function checkWasmBudget(backend: KernelBackend, program: TileProgram, copies: number): void {
  const { weights, activations } = wasmTileBytes(program, copies);
  const used = reservedBytes.get(backend) ?? 0;
  const available = WASM_HEAP_LIMIT_BYTES - WASM_RESERVE_BYTES - used;
  if (weights + activations > available) {
    throw new PeerceptronError(
      'ENGINE_MEMORY',
      `a tile that needs ${inMegabytes(weights + activations)} MB does not fit the ${inMegabytes(Math.max(0, available))} MB that are left of the wasm heap; give this peer less`,
      { details: { neededBytes: weights + activations, availableBytes: Math.max(0, available) } },
    );
  }
}

/** Keeps count of the weights on a wasm heap, all copies of them. */
export function reserveWasm(backend: KernelBackend, bytes: number): void {
  reservedBytes.set(backend, (reservedBytes.get(backend) ?? 0) + bytes);
}

/**
 * The wasm allocator answers a full heap with address 0, and tfjs then writes there.
 * @throws ENGINE_MEMORY
 */
export function checkWasmAllocation(backend: KernelBackend, tensor: Tensor): void {
  if (tensor.size === 0) return;
  if ((backend as WasmBackend).dataIdMap.get(tensor.dataId).memoryOffset === 0) {
    throw new PeerceptronError(
      'ENGINE_MEMORY',
      `the wasm heap is full at a tensor of shape ${formatShape(tensor.shape)}; restart the engine and give this peer less`,
    );
  }
}

const OUT_OF_MEMORY =
  /out of memory|\bOOM\b|cannot enlarge memory|allocation failed|memory access out of bounds|unable to create .*(texture|buffer)|exceeds? .*(maximum|limit|size)|texture size/i;

const inMegabytes = (bytes: number): number => Math.round(bytes / 1e6);

/** `ENGINE_MEMORY` where the backend ran out of it, else `ENGINE_FAILED` with the op at which it happened. */
export function toEngineError(thrown: unknown, engine: string, node?: string): PeerceptronError {
  if (thrown instanceof PeerceptronError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const where = node === undefined ? '' : ` at ${node}`;
  const details = node === undefined ? {} : { node };
  return OUT_OF_MEMORY.test(message)
    ? new PeerceptronError(
        'ENGINE_MEMORY',
        `${engine} ran out of memory${where}: ${message}; give this peer less`,
        {
          cause: thrown,
          details,
        },
      )
    : new PeerceptronError('ENGINE_FAILED', `${engine} failed${where}: ${message}`, {
        cause: thrown,
        details,
      });
}
