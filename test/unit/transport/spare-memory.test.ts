import { describe, expect, it } from 'vitest';
import { FRAME_BYTES, SMALL_FRAME_BYTES } from '../../../src/protocol/chunk.ts';
import { SpareMemory } from '../../../src/transport/spare-memory.ts';
import { Unacknowledged } from '../../../src/transport/unacknowledged.ts';

describe('spare memory', () => {
  it('is used again for chunks, and only for those', () => {
    const spare = new SpareMemory();
    for (const messageBytes of [FRAME_BYTES, FRAME_BYTES - 1, SMALL_FRAME_BYTES, SMALL_FRAME_BYTES / 2]) {
      const memory = spare.take(SpareMemory.sizeFor(messageBytes));
      expect(memory.byteLength).toBeGreaterThanOrEqual(messageBytes);
      spare.give(memory);
      expect(spare.take(SpareMemory.sizeFor(messageBytes))).toBe(memory);
    }
    const short = spare.take(SpareMemory.sizeFor(100));
    expect(short.byteLength).toBe(100);
    spare.give(short);
    expect(spare.take(100)).not.toBe(short);
  });

  it('is lent by one link after another acknowledged it, and never twice at a time', () => {
    const spare = new SpareMemory();
    const [first, second] = [new Unacknowledged(spare), new Unacknowledged(spare)];
    const sent = first.keep(first.lend(FRAME_BYTES));
    expect(second.lend(FRAME_BYTES).buffer).not.toBe(sent.buffer);
    first.release(1);
    const [again, other] = [first.lend(FRAME_BYTES), second.lend(FRAME_BYTES)];
    expect([again.buffer, other.buffer].filter((buffer) => buffer === sent.buffer)).toHaveLength(1);
  });

  it('is at most 2 MiB, however much was sent over however many links', () => {
    const spare = new SpareMemory();
    const links = Array.from({ length: 8 }, () => new Unacknowledged(spare));
    const used = new Set<ArrayBufferLike>();
    for (const link of links)
      for (let count = 0; count < 8; count++) used.add(link.keep(link.lend(FRAME_BYTES)).buffer);
    for (const link of links) link.release(8);
    let keptBytes = 0;
    for (let memory = spare.take(FRAME_BYTES); used.has(memory); memory = spare.take(FRAME_BYTES))
      keptBytes += memory.byteLength;
    expect(used.size * FRAME_BYTES).toBe(8 * 2 ** 20);
    expect(keptBytes).toBe(2 * 2 ** 20);
  });
});
