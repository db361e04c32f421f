import { PeerceptronError } from '../shared/errors.ts';
import { withSharedMemory } from './shared-memory.ts';

/** A WebAssembly module of ours: a file of `kernels/`, compiled by `npm run kernels`. Base64. */
export interface KernelBinary {
  readonly name: string;
  /** Needs SIMD128 and bulk memory, which every engine with SIMD has. */
  readonly simd: string;
  /** The same with fused multiply-add (relaxed SIMD), where the kernel has something to gain from it. */
  readonly relaxed?: string;
}

export type KernelVariant = 'simd' | 'relaxed';

export interface Kernels<Exports> {
  readonly exports: Exports;
  readonly variant: KernelVariant;
}

const bytesOf = (encoded: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));

/** Whether there is such a build, and this platform has the instructions that it uses. */
export function runsKernel(binary: KernelBinary, variant: KernelVariant): boolean {
  const encoded = binary[variant];
  return encoded !== undefined && WebAssembly.validate(bytesOf(encoded));
}

/** Pages that are not isolated do not even know of the type. */
const isShared = ({ buffer }: WebAssembly.Memory): boolean =>
  typeof SharedArrayBuffer !== 'undefined' && buffer instanceof SharedArrayBuffer;

/**
 * Starts a kernel in `memory`, which may belong to somebody else: kernels have no data, no stack and no globals, and
 * touch what they are given addresses of. Addresses above 2 GiB are passed as they are. Several threads may start one in the same
 * memory, if that is shared.
 * @param variants to choose from, the best first; default: whatever this platform can run.
 * @returns undefined where the platform has no SIMD.
 */
export async function startKernels<Exports>(
  binary: KernelBinary,
  memory: WebAssembly.Memory,
  variants: readonly KernelVariant[] = ['relaxed', 'simd'],
): Promise<Kernels<Exports> | undefined> {
  for (const variant of variants) {
    if (!runsKernel(binary, variant)) continue;
    try {
      const bytes = bytesOf(binary[variant]!);
      const module = isShared(memory) ? withSharedMemory(bytes) : bytes;
      const { instance } = await WebAssembly.instantiate(module, { env: { memory } });
      return { exports: instance.exports as Exports, variant };
    } catch (error) {
      throw new PeerceptronError('ENGINE_UNAVAILABLE', `the ${binary.name} kernel does not start`, {
        cause: error,
      });
    }
  }
  return undefined;
}
