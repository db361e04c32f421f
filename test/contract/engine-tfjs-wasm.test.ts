import { findBackend } from '@tensorflow/tfjs-core';
import { setFlagsFromString } from 'node:v8';
import { describe, expect, it } from 'vitest';
import { createTfjsEngine } from '../../src/engine/tfjs.ts';
import { heapKernels } from '../../src/engine/tfjs-heap.ts';
import { vitestHarness } from './engine-node-harness.ts';
import { engineSuite } from './engine-suite.ts';

setFlagsFromString('--experimental-wasm-relaxed-simd');

for (const [title, kernels] of [
  ['tfjs wasm', ['relaxed']],
  ['tfjs wasm without fused multiply-add', ['simd']],
  ['tfjs wasm without our kernels', []],
] as const) {
  engineSuite(vitestHarness, title, () => createTfjsEngine({ backend: 'wasm', kernels }), {
    engineName: 'tfjs-wasm',
  });
}

describe('our kernels on the wasm backend', () => {
  it('serve it, by the fused build where there is one', async () => {
    const engine = await createTfjsEngine({ backend: 'wasm' });
    expect((await heapKernels(findBackend('wasm')))?.variant).toBe('relaxed');
    await engine.dispose();
  });
});
