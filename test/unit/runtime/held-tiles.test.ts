import { describe, expect, it } from 'vitest';
import { createReferenceEngine } from '../../../src/engine/reference.ts';
import { boxSize, formatBox, fullBox, type Box } from '../../../src/graph/box.ts';
import { cropRegion } from '../../../src/graph/region-copy.ts';
import type { TileProgram } from '../../../src/graph/tile-program.ts';
import { HeldTiles } from '../../../src/runtime/held-tiles.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { randomBox } from '../../support/random-ops.ts';

const shape = [6, 8];
const tensor = Float32Array.from({ length: 48 }, (_, index) => index + 1);
const slice = (box: Box): Float32Array => cropRegion(tensor, fullBox(shape), box);
const programOf = (box: Box): TileProgram => ({
  inputs: [],
  weights: [{ name: 'w', box }],
  steps: [],
  outputs: [],
});

async function open(boxes: readonly Box[]) {
  const engine = createReferenceEngine();
  const tiles = new HeldTiles();
  const loaded = await Promise.all(
    boxes.map(async (box) => {
      const tile = await engine.load(programOf(box), [slice(box)]);
      tiles.add(tile, programOf(box));
      return tile;
    }),
  );
  const fetched: Box[] = [];
  let reused = 0;
  const fetch = async (_name: string, box: Box): Promise<Float32Array> => {
    fetched.push(box);
    return slice(box);
  };
  const read = tiles.reader(loaded, fetch, (sizeBytes) => (reused += sizeBytes));
  return { engine, tiles, loaded, fetched, read, reused: () => reused };
}

describe('weights of tiles that are held', () => {
  it('[EP3] are used again where the slice is equal', async () => {
    const world = await open([[[0, 3], [0, 8]]]); // prettier-ignore
    expect(await world.read('w', [[0, 3], [0, 8]])).toEqual(slice([[0, 3], [0, 8]])); // prettier-ignore
    expect(world.fetched).toEqual([]);
    expect(world.reused()).toBe(96);
  });

  it('[EP3] are used again in part, and only the rest is fetched', async () => {
    const world = await open([[[0, 3], [0, 8]]]); // prettier-ignore
    expect(await world.read('w', [[1, 5], [0, 8]])).toEqual(slice([[1, 5], [0, 8]])); // prettier-ignore
    expect(world.fetched.map(formatBox)).toEqual(['[3:5, 0:8]']);
  });

  it('[EP3] give every slice as it is, whatever is held of it', async () => {
    for (let seed = 0; seed < 200; seed += 1) {
      const random = seededRandom(seed);
      const boxes = Array.from({ length: 1 + random.integer(3) }, () => randomBox(random, shape, 0.05));
      const world = await open(boxes);
      const wanted = randomBox(random, shape, 0.05);
      expect(await world.read('w', wanted), `seed ${seed}`).toEqual(slice(wanted));
      const fetched = world.fetched.reduce((sum, box) => sum + boxSize(box), 0);
      expect(fetched * 4 + world.reused(), `seed ${seed}`).toBe(boxSize(wanted) * 4);
    }
  });

  it('are fetched where their tile has been disposed', async () => {
    const world = await open([[[0, 3], [0, 8]]]); // prettier-ignore
    await world.tiles.release(world.loaded[0]!);
    expect(await world.read('w', [[0, 3], [0, 8]])).toEqual(slice([[0, 3], [0, 8]])); // prettier-ignore
    expect(world.fetched).toHaveLength(1);
  });
});

describe('a tile that several epochs have', () => {
  it('[EP3] is disposed with the last of them', async () => {
    const box: Box = [[0, 3], [0, 8]]; // prettier-ignore
    const { engine, tiles, loaded } = await open([box]);
    expect(tiles.share(programOf([[0, 2], [0, 8]]), loaded)).toBeUndefined(); // prettier-ignore
    const shared = tiles.share(programOf(box), loaded)!;
    expect(shared).toBe(loaded[0]);
    await tiles.release(shared);
    expect((await engine.memory()).tensors).toBe(1);
    await tiles.release(shared);
    expect((await engine.memory()).tensors).toBe(0);
    expect(tiles.share(programOf(box), loaded)).toBeUndefined();
  });
});
