import { findBackend, type KernelBackend, type Tensor } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { createTfjsEngine } from '../../../src/engine/tfjs.ts';
import {
  checkWasmAllocation,
  checkWasmBudget,
  reserveWasm,
  toEngineError,
  wasmTileBytes,
  type WasmBackend,
} from '../../../src/engine/tfjs-memory.ts';
import type { Graph } from '../../../src/graph/graph.ts';
import { compileTile, type TileProgram } from '../../../src/graph/tile-program.ts';
import { PeerceptronError } from '../../../src/shared/errors.ts';

function denseProgram(inputs: number, units: number): TileProgram {
  const graph: Graph = {
    name: 'dense',
    inputs: [{ id: 'x', shape: [inputs] }],
    nodes: [{ id: 'y', op: { kind: 'dense', units }, inputs: ['x'], weights: { kernel: 'k' } }],
    outputs: ['y'],
  };
  return compileTile(graph, { ops: [0, 1], outputs: [{ tensor: 'y', box: [[0, units]] }] });
}

/** Stands for a backend as the key of the accounts. */
const backend = (): KernelBackend => ({}) as KernelBackend;

describe('the wasm memory account', () => {
  it('counts weights as often as kernels hold them', () => {
    expect(wasmTileBytes(denseProgram(1000, 10), 1).weights).toBe(4 * 10_000);
    expect(wasmTileBytes(denseProgram(1000, 10), 2).weights).toBe(2 * 4 * 10_000);
  });

  it('refuses a tile that cannot fit, alone or beside what is loaded, and takes it once there is room', () => {
    const half = denseProgram(25_088, 12_000);
    const heap = backend();
    expect(() => checkWasmBudget(heap, denseProgram(25_088, 24_000), 2)).toThrowError(
      expect.objectContaining({ code: 'ENGINE_MEMORY' }) as Error,
    );
    checkWasmBudget(heap, half, 2);
    reserveWasm(heap, wasmTileBytes(half, 2).weights);
    expect(() => checkWasmBudget(heap, half, 2)).toThrowError(/does not fit the 1\d{3} MB/);
    reserveWasm(heap, -wasmTileBytes(half, 2).weights);
    checkWasmBudget(heap, half, 2);
  });

  it('takes address 0 for a full heap', () => {
    const at = (memoryOffset: number) =>
      ({ dataIdMap: { get: () => ({ memoryOffset }) } }) as unknown as KernelBackend;
    const tensor = { size: 4, shape: [2, 2], dataId: {} } as Tensor;
    expect(() => checkWasmAllocation(at(0), tensor)).toThrowError(/heap is full.*\[2, 2\]/);
    checkWasmAllocation(at(1024), tensor);
    checkWasmAllocation(at(0), { ...tensor, size: 0 } as Tensor);
  });

  it('is asked before a tile is loaded, and the engine works on', async () => {
    const engine = await createTfjsEngine({ backend: 'wasm' });
    const small = denseProgram(2, 1);
    // Sparse in the sense that nobody wrote to it: the operating system backs no page of it.
    const program = { ...small, steps: [], outputs: [], weights: denseProgram(25_088, 48_000).weights };
    const weights = [{ length: 25_088 * 48_000 } as Float32Array];
    await expect(engine.load(program, weights)).rejects.toMatchObject({ code: 'ENGINE_MEMORY' });
    const tile = await engine.load(small, [Float32Array.from([2, 3])]);
    expect([...(await tile.run([Float32Array.from([10, 100])])).outputs[0]!]).toEqual([320]);
    await engine.dispose();
  });
});

describe('a heap that fills inside a kernel of ours', () => {
  const conv: Graph = {
    name: 'conv',
    inputs: [{ id: 'x', shape: [4, 4, 3] }],
    nodes: [
      {
        id: 'y',
        op: {
          kind: 'conv',
          kernelSize: [3, 3],
          strides: [1, 1],
          dilations: [1, 1],
          padding: [[1, 1], [1, 1]],
          groups: 1,
          outChannels: 5,
        },
        inputs: ['x'],
        weights: { kernel: 'k' },
      },
    ],
    outputs: ['y'],
  }; // prettier-ignore
  const convProgram = compileTile(conv, {
    ops: [0, 1],
    outputs: [{ tensor: 'y', box: [[0, 4], [0, 4], [0, 5]] }],
  }); // prettier-ignore

  it.each([
    ['dense', denseProgram(6, 3), 18, 6, 1],
    ['conv, at its output', convProgram, 135, 48, 1],
    ['conv, at its table', convProgram, 135, 48, 2],
  ])(
    'is ENGINE_MEMORY in %s, holds nothing, and the engine works on',
    async (_, program, weightCount, inputCount, nth) => {
      const engine = await createTfjsEngine({ backend: 'wasm' });
      const numbers = (count: number): Float32Array => Float32Array.from({ length: count }, (_, i) => i % 7);
      const tile = await engine.load(program, [numbers(weightCount)]);
      const expected = (await tile.run([numbers(inputCount)])).outputs;
      const before = await engine.memory();

      const wasm = findBackend('wasm') as WasmBackend;
      const makeOutput = wasm.makeOutput.bind(wasm);
      let calls = 0;
      wasm.makeOutput = (shape, dtype) => {
        const made = makeOutput(shape, dtype);
        // What the allocator of a full heap answers.
        if (++calls === nth) (wasm.dataIdMap.get(made.dataId) as { memoryOffset: number }).memoryOffset = 0;
        return made;
      };
      try {
        await expect(tile.run([numbers(inputCount)])).rejects.toMatchObject({ code: 'ENGINE_MEMORY' });
      } finally {
        wasm.makeOutput = makeOutput;
      }
      expect(await engine.memory()).toEqual(before);
      expect((await tile.run([numbers(inputCount)])).outputs).toEqual(expected);
      await engine.dispose();
    },
  );
});

describe('toEngineError', () => {
  it.each([
    'Aborted(OOM). Build with -sASSERTIONS for more info.',
    'Array buffer allocation failed',
    'memory access out of bounds',
    'Unable to create WebGLTexture.',
    'Requested texture size [20000x20000] greater than WebGL maximum on this browser / GPU [8192x8192].',
  ])('knows that memory ran out: %s', (message) => {
    expect(toEngineError(new Error(message), 'tfjs-wasm', 'conv1')).toMatchObject({
      code: 'ENGINE_MEMORY',
      details: { node: 'conv1' },
    });
  });

  it('names engine and op of other failures, and keeps errors that have a code', () => {
    expect(toEngineError(new Error('bad shape'), 'tfjs-cpu', 'conv1')).toMatchObject({
      code: 'ENGINE_FAILED',
      message: 'tfjs-cpu failed at conv1: bad shape',
    });
    const coded = new PeerceptronError('ENGINE_MEMORY', 'full');
    expect(toEngineError(coded, 'tfjs-cpu', 'conv1')).toBe(coded);
  });
});
