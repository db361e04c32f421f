import { describe, expect, it } from 'vitest';
import { fullBox } from '../../../src/graph/box.ts';
import { PeerceptronError } from '../../../src/shared/errors.ts';
import { memoryBytes } from '../../../src/weights/byte-source.ts';
import { fileBytes } from '../../../src/weights/file-source.ts';
import { readSafetensors, safetensorsSource, writeSafetensors } from '../../../src/weights/safetensors.ts';
import { hasRealdata, realdata, realdataNote } from '../../support/realdata.ts';

function fileOf(header: unknown, dataBytes = 0, claimed?: number): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(claimed ?? json.length), true);
  bytes.set(json, 8);
  return bytes;
}

const entry = (start: number, end: number, shape = [(end - start) / 4], dtype = 'F32') => ({
  dtype,
  shape,
  data_offsets: [start, end],
});

describe('safetensors', () => {
  it('what is written is read back, metadata included, with data at a multiple of eight bytes', async () => {
    const tensors = [
      { name: 'a/kernel', shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
      { name: 'ü', shape: [], data: Float32Array.of(7) },
      { name: 'empty', shape: [0, 4], data: new Float32Array(0) },
    ];
    const bytes = memoryBytes('written', writeSafetensors(tensors, { model: 'test' }));
    const read = await readSafetensors(bytes);
    expect(read.metadata).toEqual({ model: 'test' });
    expect(read.tensors[0]!.offsetBytes % 8).toBe(0);
    const source = await safetensorsSource(bytes);
    for (const { name, shape, data } of tensors) {
      expect(await source.read(name, fullBox(shape))).toEqual(data);
    }
  });

  it('refuses to write what would not fit', () => {
    const data = new Float32Array(3);
    expect(() => writeSafetensors([{ name: 'a', shape: [4], data }])).toThrow(/3 elements/);
    const twice = [1, 2].map(() => ({ name: 'a', shape: [3], data }));
    expect(() => writeSafetensors(twice)).toThrow(/two weight tensors are named 'a'/);
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['nothing', new Uint8Array(0), /has 0 bytes/],
    ['a header longer than the format allows', fileOf({}, 0, 100_000_001), /the limit is 100000000/],
    ['a header longer than the file', fileOf({}, 0, 1000), /does not fit/],
    ['a header of 2⁶³ bytes', fileOf({}, 0, 2 ** 62), /the limit is/],
    ['a header that is not JSON', fileOf('{"a":'), /not JSON/],
    ['a header that is not UTF-8', Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe), /not JSON/],
    ['a list', fileOf([]), /JSON object|not JSON/],
    ['a tensor without offsets', fileOf({ a: { dtype: 'F32', shape: [1] } }, 4), /tensor 'a'/],
    ['negative offsets', fileOf({ a: entry(-4, 0, [1]) }, 4), /tensor 'a'/],
    ['a tensor beyond the end', fileOf({ a: entry(0, 8) }, 4), /'a' lies at bytes 0–8 of 4/],
    ['a tensor that ends before it begins', fileOf({ a: entry(4, 0, [1]) }, 8), /'a' lies at/],
    ["a size that is not the shape's", fileOf({ a: entry(0, 8, [3]) }, 8), /takes 12 bytes, it has 8/],
    ['an unknown element type', fileOf({ a: entry(0, 4, [1], 'F4') }, 4), /'F4' is not known/],
    [
      'an element type named like a property of every object',
      fileOf({ a: entry(0, 4, [1], 'toString') }, 4),
      /not known/,
    ],
    ['tensors that overlap', fileOf({ a: entry(0, 8), b: entry(4, 12) }, 12), /'a' and 'b' overlap/],
    ['fractional extents', fileOf({ a: entry(0, 4, [0.5, 2]) }, 4), /tensor 'a'/],
  ])('refuses %s', async (_what, bytes, message) => {
    const error = await readSafetensors(memoryBytes('hostile', bytes)).then(
      () => expect.fail('it should have been refused'),
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(PeerceptronError);
    expect((error as PeerceptronError).code).toBe('WEIGHTS_CORRUPT');
    expect((error as PeerceptronError).message).toMatch(message);
  });

  it.skipIf(!hasRealdata)(`reads a file that another tool wrote${realdataNote}`, async () => {
    const { tensors } = await readSafetensors(fileBytes(realdata('safetensors/mnist.safetensors')));
    expect(tensors.length).toBeGreaterThan(0);
    const source = await safetensorsSource(fileBytes(realdata('safetensors/mnist.safetensors')));
    for (const { name, shape, elementType } of tensors) {
      expect(elementType).toBe('uint8');
      const first = await source.read(name, [[0, 1], ...fullBox(shape.slice(1))]);
      expect(first.every((value) => Number.isInteger(value) && value >= 0 && value <= 255)).toBe(true);
    }
  });
});
