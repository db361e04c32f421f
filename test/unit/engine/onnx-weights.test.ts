import { describe, expect, it } from 'vitest';
import { convKernel, denseKernel, kernelAsItCame } from '../../../src/engine/onnx-weights.ts';

const count = (length: number): Float32Array => Float32Array.from({ length }, (_, index) => index);

describe('convKernel', () => {
  it('puts output channels first and places last', () => {
    // Two places, two inputs, three outputs.
    const order = { taps: 1, places: 2, inChannels: 2, outChannels: 3 };
    expect([...convKernel(count(12), order)]).toEqual([0, 6, 3, 9, 1, 7, 4, 10, 2, 8, 5, 11]);
  });

  it('lays taps side by side in the channels', () => {
    const order = { taps: 2, places: 1, inChannels: 2, outChannels: 2 };
    expect([...convKernel(count(8), order)]).toEqual([0, 2, 4, 6, 1, 3, 5, 7]);
  });

  it('gives back what came', () => {
    const order = { taps: 3, places: 4, inChannels: 5, outChannels: 7 };
    const values = count(3 * 4 * 5 * 7);
    expect(kernelAsItCame(convKernel(values, order), order)).toEqual(values);
  });
});

describe('denseKernel', () => {
  it('puts the rows of a channel together', () => {
    // Two places, two channels, one unit.
    expect([...denseKernel(count(4), 2, 2, 1)]).toEqual([0, 2, 1, 3]);
  });

  it('leaves alone what has one place or one channel', () => {
    const values = count(6);
    expect(denseKernel(values, 1, 3, 2)).toBe(values);
    expect(denseKernel(values, 3, 1, 2)).toBe(values);
  });
});
