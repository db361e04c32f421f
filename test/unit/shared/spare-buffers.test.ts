import { describe, expect, it } from 'vitest';
import { SpareBuffers } from '../../../src/shared/spare-buffers.ts';

const LENGTH = 64 * 1024;

describe('spare buffers', () => {
  it('are used again for the same length only, each once', () => {
    const spare = new SpareBuffers(2 ** 22);
    const first = spare.take(LENGTH);
    expect(first).toHaveLength(LENGTH);
    spare.give([first, first]);
    expect(spare.bytes).toBe(4 * LENGTH);
    expect(spare.take(LENGTH - 1).buffer).not.toBe(first.buffer);
    expect(spare.take(LENGTH).buffer).toBe(first.buffer);
    expect(spare.take(LENGTH).buffer).not.toBe(first.buffer);
    expect(spare.bytes).toBe(0);
  });

  it('are neither parts of buffers, nor short, nor gone to another thread', () => {
    const spare = new SpareBuffers(2 ** 22);
    const gone = new Float32Array(LENGTH);
    structuredClone(gone, { transfer: [gone.buffer] });
    spare.give([new Float32Array(2 * LENGTH).subarray(LENGTH), new Float32Array(8), gone]);
    expect(spare.bytes).toBe(0);
  });

  it('are no more than was allowed, and are given away at once', () => {
    const spare = new SpareBuffers(3 * 4 * LENGTH);
    const given = Array.from({ length: 5 }, () => new Float32Array(LENGTH));
    spare.give(given);
    expect(spare.bytes).toBe(3 * 4 * LENGTH);
    expect(new Set(spare.takeAll())).toEqual(new Set(given.slice(0, 3).map(({ buffer }) => buffer)));
    expect(spare.bytes).toBe(0);
    spare.give(given.slice(0, 1));
    spare.clear();
    expect(spare.take(LENGTH).buffer).not.toBe(given[0]!.buffer);
  });
});
