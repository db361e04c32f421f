import { describe, expect, it } from 'vitest';
import { boxSize, type Box } from '../../../src/graph/box.ts';
import { cropRegion } from '../../../src/graph/region-copy.ts';
import type { Piece } from '../../../src/planner/compiled-plan.ts';
import { BoxAssembly } from '../../../src/runtime/assembly.ts';
import { SpareBuffers } from '../../../src/shared/spare-buffers.ts';
import { f32ToBytes } from '../../../src/protocol/codec.ts';

const piece = (region: Box, combine: Piece['combine']): Piece => ({
  segment: 0,
  tile: 0,
  region,
  combine,
  codec: 'f32',
});
const counting = (box: Box): Float32Array => Float32Array.from({ length: boxSize(box) }, (_, i) => i + 1);

/** In chunks of five bytes, where the place takes chunks. */
function receive(assembly: BoxAssembly, index: number, values: Float32Array): void {
  const place = assembly.place(index, 'f32');
  const bytes = f32ToBytes(values);
  if ('buffer' in place) place.buffer.set(bytes);
  else for (let at = 0; at < bytes.length; at += 5) place.write(bytes.subarray(at, at + 5), at);
  assembly.arrived(index);
}

describe('BoxAssembly', () => {
  it('copies bands and columns into place, in any order of arrival', () => {
    const box: Box = [
      [2, 6],
      [0, 3],
    ];
    const whole = counting(box);
    const regions: Box[] = [
      [
        [2, 3],
        [0, 3],
      ],
      [
        [3, 6],
        [0, 1],
      ],
      [
        [3, 6],
        [1, 3],
      ],
    ];
    for (const order of [
      [0, 1, 2],
      [2, 0, 1],
    ]) {
      const assembly = new BoxAssembly(
        box,
        regions.map((region) => piece(region, 'copy')),
      );
      for (const index of order) {
        expect(assembly.complete).toBe(false);
        receive(assembly, index, cropRegion(whole, box, regions[index]!));
      }
      expect(assembly.complete).toBe(true);
      expect([...assembly.buffer]).toEqual([...whole]);
    }
  });

  it('adds partial sums in list order, so that the result does not depend on who is faster', () => {
    const box: Box = [[0, 1]];
    // In float32, (1e8 + 1) − 1e8 = 0, and (1e8 − 1e8) + 1 = 1.
    const values = [1e8, 1, -1e8];
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
    ]) {
      const assembly = new BoxAssembly(
        box,
        values.map(() => piece(box, 'add')),
      );
      for (const index of order) {
        receive(assembly, index, Float32Array.of(values[index]!));
      }
      expect([...assembly.buffer]).toEqual([0]);
    }
  });

  it('gives the same in memory that was used before', () => {
    const box: Box = [
      [0, 128],
      [0, 128],
    ];
    const whole = counting(box);
    const halves: Box[] = [
      [
        [0, 128],
        [0, 50],
      ],
      [
        [0, 128],
        [50, 128],
      ],
    ];
    const spare = new SpareBuffers(2 ** 20);
    spare.give([new Float32Array(boxSize(box)).fill(7), new Float32Array(boxSize(box)).fill(7)]);
    const copied = new BoxAssembly(
      box,
      halves.map((region) => piece(region, 'copy')),
      spare,
    );
    const summed = new BoxAssembly(box, [piece(box, 'add'), piece(halves[1]!, 'add')], spare);
    expect(spare.bytes).toBe(0);
    for (const [index, region] of halves.entries()) receive(copied, index, cropRegion(whole, box, region));
    expect(copied.buffer).toEqual(whole);
    receive(summed, 0, whole);
    receive(summed, 1, cropRegion(whole, box, halves[1]!));
    expect(summed.buffer).toEqual(whole.map((value, index) => (index % 128 < 50 ? value : 2 * value)));
  });

  it('refuses a piece that comes twice', () => {
    const box: Box = [[0, 2]];
    const assembly = new BoxAssembly(box, [piece(box, 'copy')]);
    assembly.place(0, 'f32');
    expect(() => assembly.place(0, 'f32')).toThrowError(expect.objectContaining({ code: 'PROTOCOL_ORDER' }));
    assembly.arrived(0);
    expect(() => assembly.place(0, 'f32')).toThrowError(expect.objectContaining({ code: 'PROTOCOL_ORDER' }));
  });

  it('takes pieces from buffers on this device, and receives bands without a copy', () => {
    const box: Box = [
      [0, 4],
      [0, 3],
    ];
    const whole = counting(box);
    const band: Box = [
      [1, 4],
      [0, 3],
    ];
    const top: Box = [
      [0, 1],
      [0, 3],
    ];
    const assembly = new BoxAssembly(box, [piece(top, 'copy'), piece(band, 'copy')]);
    assembly.copy(0, whole, box);
    const place = assembly.place(1, 'f32');
    expect('buffer' in place && place.buffer.buffer).toBe(assembly.buffer.buffer);
    assembly.arrived(1);
    expect([...assembly.buffer]).toEqual([1, 2, 3, ...new Array<number>(9).fill(0)]);
    const partial = new BoxAssembly(top, [piece(top, 'add'), piece(top, 'add')]);
    partial.copy(1, whole, box);
    receive(partial, 0, Float32Array.of(10, 20, 30));
    expect([...partial.buffer]).toEqual([11, 22, 33]);
  });
});
