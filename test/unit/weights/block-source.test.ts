import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  boxSize,
  formatBox,
  fullBox,
  shapeSize,
  splitRange,
  type Box,
  type Shape,
} from '../../../src/graph/box.ts';
import { PeerceptronError } from '../../../src/shared/errors.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { originBlocks } from '../../../src/weights/block-reader.ts';
import { blockSource, neededBlocks } from '../../../src/weights/block-source.ts';
import { memoryBytes, type ByteSource } from '../../../src/weights/byte-source.ts';
import {
  blockLengths,
  parseLayout,
  serializeLayout,
  type WeightsLayout,
} from '../../../src/weights/layout.ts';
import { memorySource, type MemoryTensor } from '../../../src/weights/memory-source.ts';
import { panelGrid } from '../../../src/weights/panel-grid.ts';
import { readSafetensors } from '../../../src/weights/safetensors.ts';
import { describeRuns, runs, seeds } from '../../support/fuzz.ts';
import { laidOut } from '../../support/laid-out.ts';
import { normals } from '../../support/random.ts';
import { randomBoxIn, randomGrid, randomShape } from '../../support/random-boxes.ts';

const textBytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function refusal(promise: Promise<unknown>): Promise<PeerceptronError> {
  const error = await promise.then(
    () => expect.fail('it should have been refused'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(PeerceptronError);
  return error as PeerceptronError;
}

/** Geometry alone: as many hashes as there are blocks, none of them right. */
function hollowLayout(shape: Shape): Promise<WeightsLayout> {
  const grid = panelGrid(shape);
  const sha256 = [...blockLengths(shape, grid)].map(() => '0'.repeat(64)).join('');
  return parseLayout(
    textBytes(serializeLayout({ headerBytes: 0, tensors: [{ name: 'w', shape, grid, sha256 }] })),
    'layout',
  );
}

const bytesOver = (layout: WeightsLayout, box: Box): number => {
  const tensor = layout.tensors.get('w')!;
  let read = 0;
  for (const { block } of neededBlocks(layout, tensor, box)) read += block.lengthBytes;
  return read / (boxSize(box) * 4);
};

describe('weights in our own layout', () => {
  const parameters = runs(150);
  it(`any box of any tensor in any panels is what a plain source gives (${describeRuns(parameters)})`, async () => {
    await fc.assert(
      fc.asyncProperty(seeds(), async (seed) => {
        const random = seededRandom(seed);
        const tensors = Array.from({ length: 3 }, (_, index): MemoryTensor => {
          const shape = randomShape(random);
          return { name: `t${index}`, shape, data: normals(random, shapeSize(shape)) };
        });
        const plain = memorySource(tensors);
        const grids = new Map(tensors.map(({ name, shape }) => [name, randomGrid(shape, random)]));
        const { bytes, layout } = await laidOut(plain, grids);
        expect(layout.sizeBytes).toBe(bytes.length);
        // Pieces of any length: blocks lie across them.
        const piece = 1 + random.integer(5000);
        const source = blockSource(layout, originBlocks([inPieces(memoryBytes('file', bytes), piece)]));
        for (const { name, shape } of tensors) {
          const box = randomBoxIn(shape, random);
          expect(await source.read(name, box), `${name} ${formatBox(box)}`).toEqual(
            await plain.read(name, box),
          );
        }
      }),
      parameters,
    );
  });

  it('blocks are read once each, in the order of the file, and cover what is asked', async () => {
    const shape = [40, 9, 700];
    const plain = memorySource([{ name: 'w', shape, data: normals(seededRandom(5), shapeSize(shape)) }]);
    const { layout } = await laidOut(plain, new Map([['w', [1, 2, 3]]]));
    const tensor = layout.tensors.get('w')!;
    const random = seededRandom(6);
    for (let round = 0; round < 50; round++) {
      const needed = [...neededBlocks(layout, tensor, randomBoxIn(shape, random))].map(
        ({ block }) => block.index,
      );
      expect(needed).toEqual([...new Set(needed)].sort((a, b) => a - b));
    }
    expect([...neededBlocks(layout, tensor, fullBox(shape))]).toHaveLength(layout.blocks.length);
  });

  it('the file is a sound safetensors file; what is in one panel keeps its shape', async () => {
    const random = seededRandom(7);
    const shapes: [string, number[]][] = [
      ['bias', [10]],
      ['kernel', [300, 1000]],
    ];
    const tensors = shapes.map(([name, shape]) => ({ name, shape, data: normals(random, shapeSize(shape)) }));
    const { bytes } = await laidOut(memorySource(tensors));
    const read = await readSafetensors(memoryBytes('file', bytes));
    expect(read.metadata).toEqual({ format: 'peerceptron' });
    expect(read.tensors.map(({ name, shape }) => [name, shape])).toEqual([
      ['bias', [10]],
      ['kernel', [300_000]],
    ]);
  });
});

describe('bytes read for a slice, whole blocks included', () => {
  const quarters = (extent: number) => splitRange(extent, [1, 1, 1, 1]);
  const shape = [7, 7, 512, 4096];

  it("a quarter of VGG16's fc1: by units and by channels nothing more, by rows nothing more", async () => {
    const layout = await hollowLayout(shape);
    for (const range of quarters(4096)) expect(bytesOver(layout, fullBox(shape).with(3, range))).toBe(1);
    for (const range of quarters(512)) expect(bytesOver(layout, fullBox(shape).with(2, range))).toBe(1);
    for (const range of quarters(7)) expect(bytesOver(layout, fullBox(shape).with(0, range))).toBe(1);
  });

  it('the same, flattened to [25088, 4096]', async () => {
    const layout = await hollowLayout([25_088, 4096]);
    for (const range of quarters(25_088)) {
      expect(bytesOver(layout, [range, [0, 4096]])).toBeLessThanOrEqual(1.05);
    }
    for (const range of quarters(4096)) expect(bytesOver(layout, [[0, 25_088], range])).toBe(1);
  });

  it('uneven shares cost at most a panel at each end', async () => {
    const layout = await hollowLayout(shape);
    const random = seededRandom(8);
    for (let round = 0; round < 20; round++) {
      const start = random.integer(3000);
      const end = start + 500 + random.integer(500);
      const panel = 4096 / 24 + 1;
      const bound = (end - start + 2 * panel) / (end - start);
      expect(bytesOver(layout, fullBox(shape).with(3, [start, end]))).toBeLessThanOrEqual(bound);
    }
  });
});

describe('damaged copies', () => {
  const shape = [64, 4096];
  const data = normals(seededRandom(9), shapeSize(shape));
  const plain = memorySource([
    { name: 'bias', shape: [8], data: data.subarray(0, 8) },
    { name: 'fc/kernel', shape, data },
  ]);
  const grids = new Map([['fc/kernel', [1, 4]]]);
  const damaged = (bytes: Uint8Array, at: number): Uint8Array => {
    const copy = bytes.slice();
    copy[at]! ^= 1;
    return copy;
  };

  it('a wrong bit is found, and tensor, block and source are named; what is sound can still be read', async () => {
    const { bytes, layout } = await laidOut(plain, grids);
    const block = layout.blocks[3]!;
    const bad = memoryBytes('http://host/w', damaged(bytes, block.offsetBytes + 100));
    const read = () => blockSource(layout, originBlocks([bad]));
    const error = await refusal(read().read('fc/kernel', fullBox(shape)));
    expect(error.code).toBe('WEIGHTS_CORRUPT');
    expect(error.message).toMatch(/^weight tensor 'fc\/kernel', block 3 .*http:\/\/host\/w/);
    expect(error.details).toMatchObject({ tensor: 'fc/kernel', block: 3, source: 'http://host/w' });
    const sound: Box = [
      [0, 64],
      [0, 1024],
    ];
    expect(await read().read('fc/kernel', sound)).toEqual(await plain.read('fc/kernel', sound));
  });

  it('the next copy goes on where one failed, and the failed one is not asked again', async () => {
    const { bytes, layout } = await laidOut(plain, grids);
    const first = counted(memoryBytes('first', damaged(bytes, layout.blocks[2]!.offsetBytes)));
    const short = counted(memoryBytes('short', bytes.subarray(0, layout.blocks[3]!.offsetBytes + 7)));
    const gone: ByteSource = {
      name: 'gone',
      size: () => Promise.reject(new PeerceptronError('WEIGHTS_UNAVAILABLE', 'cannot read gone')),
      read: () => Promise.reject(new PeerceptronError('WEIGHTS_UNAVAILABLE', 'cannot read gone')),
    };
    const whole = counted(memoryBytes('whole', bytes));
    const aside: string[] = [];
    const reader = originBlocks([first, short, gone, whole], {
      onSetAside: (source, { code }) => aside.push(`${source} ${code}`),
    });
    const source = blockSource(layout, reader);
    expect(await source.read('fc/kernel', fullBox(shape))).toEqual(data);
    expect(aside).toEqual(['first WEIGHTS_CORRUPT', 'short WEIGHTS_CORRUPT', 'gone WEIGHTS_UNAVAILABLE']);
    expect(whole.offsets[0]).toBe(layout.blocks[3]!.offsetBytes);
    first.offsets.length = 0;
    await source.read('bias', [[0, 8]]);
    expect(first.offsets).toEqual([]);
    expect(aside).toHaveLength(3);
  });

  it('when no copy is left, the error lists them all with their reasons', async () => {
    const { bytes, layout } = await laidOut(plain, grids);
    const reader = originBlocks([
      memoryBytes('one', damaged(bytes, layout.blocks[1]!.offsetBytes)),
      memoryBytes('two', bytes.subarray(0, 300)),
    ]);
    const error = await refusal(blockSource(layout, reader).read('fc/kernel', fullBox(shape)));
    expect(error.code).toBe('WEIGHTS_CORRUPT');
    expect(error.message).toMatch(/'fc\/kernel'.*none of 2 copies/);
    expect(error.message).toMatch(/- one: WEIGHTS_CORRUPT.*damaged/);
    expect(error.message).toMatch(/- two: WEIGHTS_CORRUPT.*not copied whole/);
    expect(error.details['sources']).toEqual(['one', 'two']);
  });

  it('a copy that was only out of reach is asked again', async () => {
    const { bytes, layout } = await laidOut(plain, grids);
    const sound = memoryBytes('w', bytes);
    let down = true;
    const shaky: ByteSource = {
      ...sound,
      read: async (...asked) => {
        if (down) throw new PeerceptronError('WEIGHTS_UNAVAILABLE', 'down');
        return sound.read(...asked);
      },
    };
    const source = blockSource(layout, originBlocks([shaky]));
    expect((await refusal(source.read('bias', [[0, 8]]))).message).toMatch(/'bias'.*down/);
    down = false;
    expect(await source.read('bias', [[0, 8]])).toEqual(data.slice(0, 8));
  });

  const parameters = runs(60);
  it(`whatever is damaged is refused, or was not asked for (${describeRuns(parameters)})`, async () => {
    const { bytes, layout } = await laidOut(plain, grids);
    await fc.assert(
      fc.asyncProperty(seeds(), async (seed) => {
        const random = seededRandom(seed);
        const at = random.integer(bytes.length);
        const bad = random.integer(2) === 0 ? damaged(bytes, at) : bytes.subarray(0, at);
        const box = randomBoxIn(shape, random);
        const read = blockSource(layout, originBlocks([memoryBytes('bad', bad)])).read('fc/kernel', box);
        const result = await read.catch((error: unknown) => error);
        if (result instanceof PeerceptronError) expect(result.code).toBe('WEIGHTS_CORRUPT');
        else expect(result).toEqual(await plain.read('fc/kernel', box));
      }),
      parameters,
    );
  });
});

function inPieces(source: ByteSource, pieceBytes: number): ByteSource {
  return {
    ...source,
    async *stream(offset, length, signal) {
      for (let at = 0; at < length; at += pieceBytes) {
        const piece = await source.read(offset + at, Math.min(pieceBytes, length - at), signal);
        // Whoever keeps a chunk for longer than it may sees other bytes in it.
        const lent = piece.slice();
        yield lent;
        lent.fill(0xaa);
      }
    },
  };
}

function counted(source: ByteSource): ByteSource & { readonly offsets: number[] } {
  const offsets: number[] = [];
  return {
    ...source,
    offsets,
    read: (offset, length, signal) => {
      offsets.push(offset);
      return source.read(offset, length, signal);
    },
  };
}
