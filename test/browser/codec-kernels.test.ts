import { codecLoops, installCodecLoops, plainLoops } from '../../src/protocol/codec/loops.ts';
import { installCodecKernels } from '../../src/runtime/codec-kernels.ts';
import { seededRandom } from '../../src/shared/random.ts';

describe('codec kernels in a browser', () => {
  afterEach(() => installCodecLoops(plainLoops));

  it('start, and give the bits of the plain loops', async () => {
    if (!(await installCodecKernels())) throw new Error('they do not start');
    const random = seededRandom(37);
    const bits = Uint32Array.from({ length: 100_003 }, () => (random.next() * 2 ** 32) >>> 0);
    const [expected, actual] = [plainLoops, codecLoops()].map((loops) => {
      const halves = new Uint16Array(bits.length);
      loops.encodeF16(bits, 0, bits.length, halves, 0);
      const back = new Uint32Array(bits.length);
      loops.decodeF16(new Uint8Array(halves.buffer), 0, bits.length, back, 0);
      return [...halves, ...back];
    }) as [number[], number[]];
    const differs = expected.findIndex((number, i) => number !== actual[i]);
    if (codecLoops() === plainLoops || differs >= 0) throw new Error(`number ${differs} differs`);
  });
});
