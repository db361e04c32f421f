import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PeerceptronError } from '../../../src/shared/errors.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { parseLayout, serializeLayout, type LayoutEntry } from '../../../src/weights/layout.ts';
import { sha256Hex } from '../../../src/weights/sha256.ts';
import { describeRuns, runs, seeds } from '../../support/fuzz.ts';

const hash = 'ab'.repeat(32);
const entry: LayoutEntry = { name: 'fc', shape: [4, 6], grid: [1, 2], sha256: hash + hash };
const text = (...tensors: LayoutEntry[]): string => serializeLayout({ headerBytes: 8, tensors });
const parse = (file: string, sha256?: string) =>
  parseLayout(new TextEncoder().encode(file), 'http://host/l', sha256);

async function refusal(file: string, sha256?: string): Promise<string> {
  const error = await parse(file, sha256).then(
    () => expect.fail('it should have been refused'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(PeerceptronError);
  expect((error as PeerceptronError).code).toBe('WEIGHTS_CORRUPT');
  return (error as PeerceptronError).message;
}

describe('layout files', () => {
  it('give every block its place, length and hash', async () => {
    const bias: LayoutEntry = { name: 'bias', shape: [70_000], grid: [1], sha256: 'cd'.repeat(32) + hash };
    const layout = await parse(text(entry, bias));
    expect(
      layout.blocks.map(({ tensor, offsetBytes, lengthBytes }) => [tensor, offsetBytes, lengthBytes]),
    ).toEqual([
      ['fc', 8, 48],
      ['fc', 56, 48],
      ['bias', 104, 262_144],
      ['bias', 262_248, 17_856],
    ]);
    expect(layout.blocks[2]!.sha256).toBe('cd'.repeat(32));
    expect([...layout.tensors.get('bias')!.panelBlocks]).toEqual([2, 4]);
    expect(layout.sizeBytes).toBe(280_104);
  });

  it('are trusted by their hash', async () => {
    const file = text(entry);
    const sha256 = await sha256Hex(new TextEncoder().encode(file));
    expect((await parse(file, sha256)).tensors.size).toBe(1);
    expect(await refusal(`${file} `, sha256)).toMatch(/http:\/\/host\/l.*SHA-256/);
  });

  it.each<[string, string, RegExp]>([
    ['no JSON', 'weights', /not JSON/],
    ['another version', text(entry).replace('"version": 1', '"version": 2'), /version/],
    ['other blocks', text(entry).replace('262144', '4'), /blockBytes/],
    ['fewer hashes than panels', text({ ...entry, sha256: hash }), /'fc' has fewer hashes than panels/],
    [
      'more hashes than blocks',
      text({ ...entry, sha256: hash.repeat(3) }),
      /'fc' has more hashes than blocks/,
    ],
    ['fewer hashes than blocks', text({ ...entry, shape: [400_000, 6] }), /'fc' has fewer hashes/],
    ['hashes of another kind', text({ ...entry, sha256: hash.toUpperCase().repeat(2) }), /no SHA-256/],
    ['half a hash', text({ ...entry, sha256: hash + hash.slice(1) }), /no SHA-256/],
    ['a grid of another rank', text({ ...entry, grid: [2] }), /another rank/],
    ['more panels than elements', text({ ...entry, grid: [1, 7] }), /more panels/],
    ['a grid of no parts', text({ ...entry, grid: [0, 2] }), /grid/],
    ['the same name twice', text(entry, entry), /two tensors are named 'fc'/],
    ['a negative extent', text({ ...entry, shape: [-4, 6] }), /shape/],
    ['a tensor larger than any file', text({ ...entry, shape: [2 ** 30, 2 ** 30] }), /larger than any file/],
    [
      'a billion panels',
      text({ ...entry, shape: [2 ** 20, 2 ** 20], grid: [2 ** 20, 2 ** 10] }),
      /fewer hashes than panels/,
    ],
  ])('with %s are refused', async (_what, file, message) => {
    expect(await refusal(file)).toMatch(message);
  });

  const parameters = runs(400);
  it(`garbled ones are refused or make sense, and never more than they could hold (${describeRuns(parameters)})`, async () => {
    const sound = text(entry, { ...entry, name: 'b' });
    await fc.assert(
      fc.asyncProperty(seeds(), async (seed) => {
        const random = seededRandom(seed);
        let file = sound;
        for (let change = 0; change <= random.integer(3); change++) {
          const at = random.integer(file.length);
          const insert = ['', '0', '9'.repeat(random.integer(12)), '"', ']', '-', 'e9', 'null'][
            random.integer(8)
          ]!;
          file = file.slice(0, at) + insert + file.slice(at + random.integer(4));
        }
        const layout = await parse(file).catch((error: unknown) => error);
        if (layout instanceof PeerceptronError) expect(layout.code).toBe('WEIGHTS_CORRUPT');
        else
          expect((layout as Awaited<ReturnType<typeof parse>>).blocks.length).toBeLessThan(sound.length / 64);
      }),
      parameters,
    );
  });
});
