import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { conv } from '../../../src/kernels/conv.wasm.ts';
import { dense } from '../../../src/kernels/dense.wasm.ts';
import { startKernels } from '../../../src/kernels/kernel-binary.ts';
import { withSharedMemory } from '../../../src/kernels/shared-memory.ts';

const tfjs = join(
  dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm')),
  'tfjs-backend-wasm-simd.wasm',
);

const bytesOf = (encoded: string): Uint8Array => Uint8Array.from(Buffer.from(encoded, 'base64'));

describe('a module whose memory is shared', () => {
  it('is the same but for its memory, its own one', async () => {
    const before = readFileSync(tfjs);
    const after = withSharedMemory(before);
    // Limits were there already.
    expect(after.length).toBe(before.length);
    expect(after.filter((byte, at) => byte !== before[at]).length).toBe(1);
    const module = await WebAssembly.compile(after);
    const imports: Record<string, Record<string, () => number>> = {};
    for (const { module: from, name } of WebAssembly.Module.imports(module)) (imports[from] ??= {})[name] = () => 0; // prettier-ignore
    const { exports } = await WebAssembly.instantiate(module, imports);
    const memory = exports['memory'] as WebAssembly.Memory;
    expect(memory.buffer).toBeInstanceOf(SharedArrayBuffer);
    const { byteLength } = memory.buffer;
    memory.grow(1);
    expect(memory.buffer.byteLength).toBe(byteLength + 65_536);
  });

  it.each([conv, dense])('or one that it is given: $name', async ({ simd }) => {
    const module = withSharedMemory(bytesOf(simd));
    expect(WebAssembly.validate(module)).toBe(true);
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 65_536, shared: true });
    await WebAssembly.instantiate(module, { env: { memory } });
    const own = new WebAssembly.Memory({ initial: 1 });
    await expect(WebAssembly.instantiate(module, { env: { memory: own } })).rejects.toThrow();
  });

  it('is what kernels are started as where they are given such a memory', async () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true });
    const { exports } = (await startKernels<{ dense(...args: number[]): void }>(dense, memory, ['simd']))!;
    const f32 = new Float32Array(memory.buffer);
    f32.set([2, 10, 20, 30], 1);
    exports.dense(4, 8, 0, 64, 1, 3, -Infinity, 45, 0, 3);
    expect([...f32.subarray(16, 19)]).toEqual([20, 40, 45]);
  });

  it('is none of what is no module', () => {
    expect(() => withSharedMemory(Uint8Array.of(0, 97, 115))).toThrow('ends too early');
    expect(() => withSharedMemory(readFileSync(tfjs).subarray(0, 5_000))).toThrow('ends too early');
  });
});
