import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { foldBatchNorm } from '../../../src/graph/fold.ts';
import { fullBox, type Box } from '../../../src/graph/box.ts';
import type { Graph } from '../../../src/graph/graph.ts';
import { PeerceptronError } from '../../../src/shared/errors.ts';
import { readStoredBox, type StoredTensor } from '../../../src/weights/box-reader.ts';
import { memoryBytes, type ByteSource } from '../../../src/weights/byte-source.ts';
import { derivedSource } from '../../../src/weights/derived-source.ts';
import { decodeElements, type ElementType } from '../../../src/weights/element-type.ts';
import { fileBytes } from '../../../src/weights/file-source.ts';
import { httpBytes, WholeFiles } from '../../../src/weights/http-source.ts';
import { joinedBytes } from '../../../src/weights/joined-source.ts';
import { memorySource } from '../../../src/weights/memory-source.ts';
import { viewed } from '../../../src/weights/stored-source.ts';
import { parseWeightsManifest } from '../../../src/weights/tfjs-manifest.ts';
import { serveBytes } from '../../support/byte-server.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

async function refusal(promise: Promise<unknown>): Promise<PeerceptronError> {
  const error = await promise.then(
    () => expect.fail('it should have been refused'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(PeerceptronError);
  return error as PeerceptronError;
}

/** A source of zeros that notes what is read of it: tensors larger than a test's memory can be asked for. */
function zeros(sizeBytes: number) {
  const reads: { offset: number; length: number }[] = [];
  let open = 0;
  let mostHeld = 0;
  const source: ByteSource = {
    name: 'zeros',
    size: async () => sizeBytes,
    read: async (offset, length) => {
      reads.push({ offset, length });
      open += length;
      mostHeld = Math.max(mostHeld, open);
      await Promise.resolve();
      open -= length;
      return new Uint8Array(Math.min(length, sizeBytes - offset));
    },
  };
  return {
    source,
    reads,
    total: () => reads.reduce((sum, read) => sum + read.length, 0),
    most: () => mostHeld,
  };
}

const stored = (bytes: ByteSource, shape: number[]): StoredTensor => ({
  name: 'w',
  shape,
  bytes,
  offsetBytes: 100,
  elementType: 'float32',
});

describe('reading boxes of stored tensors', () => {
  it('a contiguous slice is one read of its own bytes', async () => {
    const { source, reads } = zeros(500 * MIB);
    await readStoredBox(stored(source, [25_088, 4096]), [
      [100, 200],
      [0, 4096],
    ]);
    expect(reads).toEqual([{ offset: 100 + 100 * 4096 * 4, length: 100 * 4096 * 4 }]);
  });

  it('what lies close together is read together, what lies apart is not', async () => {
    const near = zeros(100 * MIB);
    const box: Box = [
      [0, 50],
      [0, 10],
    ];
    await readStoredBox(stored(near.source, [50, 1000]), box);
    expect(near.reads).toHaveLength(1);
    const far = zeros(100 * MIB);
    await readStoredBox(stored(far.source, [50, 20_000]), box);
    expect(far.reads).toHaveLength(50);
    expect(far.total()).toBe(50 * 10 * 4);
  });

  it('a slice of units of a large dense kernel takes bounded buffers, never the whole', async () => {
    const { source, reads, most } = zeros(420 * MIB);
    await readStoredBox(stored(source, [6_000, 4096]), [
      [0, 6_000],
      [512, 1024],
    ]);
    expect(Math.max(...reads.map(({ length }) => length))).toBeLessThanOrEqual(2 * MIB);
    expect(most()).toBeLessThanOrEqual(6 * MIB);
  });

  it('a large contiguous box is read piece by piece, each byte once', async () => {
    const { source, total, reads } = zeros(100 * MIB);
    await readStoredBox(stored(source, [5, 1_000_000]), fullBox([5, 1_000_000]));
    expect(total()).toBe(20_000_000);
    expect(reads).toHaveLength(10);
  });

  it('an error stops the reads that were under way', async () => {
    const failure = new PeerceptronError('WEIGHTS_UNAVAILABLE', 'gone');
    const signals: AbortSignal[] = [];
    const source: ByteSource = {
      name: 'failing',
      size: async () => 0,
      read: async (offset, _length, signal) => {
        signals.push(signal!);
        if (offset > 1000) throw failure;
        return new Promise((_resolve, reject) =>
          signal!.addEventListener('abort', () => reject(new Error('stopped'))),
        );
      },
    };
    const error = await refusal(readStoredBox(stored(source, [10, MIB]), fullBox([10, MIB])));
    expect(error).toMatchObject({ code: 'WEIGHTS_UNAVAILABLE', cause: failure });
    expect(error.message).toMatch(/'w': gone/);
    expect(signals.every((signal) => signal.aborted)).toBe(true);
  });

  it('refuses a view of another size', () => {
    const tensor = stored(memoryBytes('m', new Uint8Array(0)), [4, 6]);
    expect(viewed(tensor, 'v', [2, 2, 6]).shape).toEqual([2, 2, 6]);
    expect(() => viewed(tensor, 'v', [5, 5])).toThrow(/cannot be read as \[5, 5\]/);
  });
});

describe('element types', () => {
  it.each<[ElementType, number[], number[]]>([
    [
      'float16',
      [0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00, 0x00, 0x7c, 0xff, 0x7b],
      [1, -2, 2 ** -24, Infinity, 65504],
    ],
    ['bfloat16', [0x80, 0x3f, 0x20, 0xc1], [1, -10]],
    ['int64', [1, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255], [1, -1]],
    ['int32', [255, 255, 255, 255, 1, 1, 0, 0], [-1, 257]],
    ['int16', [255, 255, 1, 1], [-1, 257]],
    ['uint16', [255, 255, 1, 1], [65535, 257]],
    ['int8', [255, 127], [-1, 127]],
    ['uint8', [255, 127], [255, 127]],
    ['bool', [0, 1, 7], [0, 1, 1]],
    ['float64', [0, 0, 0, 0, 0, 0, 0xf8, 0x3f], [1.5]],
  ])('%s', (type, bytes, values) => {
    // One byte in front: nothing needs to be aligned.
    const target = new Float32Array(values.length + 1);
    decodeElements(type, Uint8Array.from([9, ...bytes]), 1, values.length, target, 1);
    expect([...target]).toEqual([0, ...values]);
  });

  it('quantised values are scaled and shifted, whole ones rounded', () => {
    const target = new Float32Array(2);
    const bytes = Uint8Array.from([0, 3]);
    decodeElements('uint8', bytes, 0, 2, target, 0, { scale: 0.5, min: -1, round: false });
    expect([...target]).toEqual([-1, 0.5]);
    decodeElements('uint8', bytes, 0, 2, target, 0, { scale: 0.5, min: -1, round: true });
    expect([...target]).toEqual([-1, 1]);
  });

  it('a manifest with types that are not numbers, or quantised in an unknown way, is refused', () => {
    const manifest = (weight: object) => [{ paths: ['w'], weights: [{ name: 'a', shape: [2], ...weight }] }];
    expect(() => parseWeightsManifest(manifest({ dtype: 'string' }))).toThrow(/'a' is of type string/);
    expect(() => parseWeightsManifest(manifest({ dtype: 'float8' }))).toThrow(/'float8' is not known/);
    const quantization = { dtype: 'uint8', scale: 1 };
    expect(() => parseWeightsManifest(manifest({ dtype: 'float32', quantization }))).toThrow(/quantised/);
    expect(() => parseWeightsManifest(manifest({ dtype: 'float32', shape: [-1] }))).toThrow(/manifest/);
  });
});

describe('joined sources', () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, i) => i);
  const parts = [30, 30, 30, 10].map((size, i) =>
    memoryBytes(`part ${i}`, bytes.subarray(i * 30, i * 30 + size)),
  );

  it('read across their borders', async () => {
    const joined = joinedBytes('joined', parts, 100);
    expect(await joined.size()).toBe(100);
    expect(await joined.read(25, 40)).toEqual(bytes.subarray(25, 65));
    expect(await joined.read(90, 100)).toEqual(bytes.subarray(90));
    expect(await joined.read(100, 5)).toHaveLength(0);
  });

  it('ask equal shards for two sizes, and unequal ones for all', async () => {
    const asked: string[] = [];
    const counted = parts.map((part) => ({
      ...part,
      size: () => {
        asked.push(part.name);
        return part.size();
      },
    }));
    await joinedBytes('joined', counted, 100).read(0, 100);
    expect(asked).toEqual(['part 0', 'part 3']);
    asked.length = 0;
    const unequal = [counted[3]!, ...counted.slice(0, 3)];
    const all = await joinedBytes('joined', unequal, 100).read(0, 100);
    expect(new Set(asked).size).toBe(4);
    expect([...all.subarray(0, 10)]).toEqual([...bytes.subarray(90)]);
  });

  it('ask again after a failure', async () => {
    let fails = true;
    const shaky = parts.map((part) => ({
      ...part,
      size: async () => {
        if (fails) throw new PeerceptronError('WEIGHTS_UNAVAILABLE', 'no network');
        return part.size();
      },
    }));
    const joined = joinedBytes('joined', shaky);
    expect((await refusal(joined.read(0, 10))).code).toBe('WEIGHTS_UNAVAILABLE');
    fails = false;
    expect(await joined.read(0, 10)).toHaveLength(10);
  });
});

describe('files', () => {
  it('tell what is wrong with them', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'peerceptron-files-'));
    try {
      const path = join(folder, 'file');
      await writeFile(path, new Uint8Array(10));
      expect(await fileBytes(path).read(8, 10)).toHaveLength(2);
      expect(await fileBytes(path).read(20, 10)).toHaveLength(0);
      const missing = await refusal(fileBytes(join(folder, 'gone')).read(0, 1));
      expect(missing.code).toBe('WEIGHTS_UNAVAILABLE');
      expect(missing.message).toMatch(/gone: there is no such file/);
      expect((await refusal(fileBytes(folder).read(0, 1))).message).toMatch(/it is a directory/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('files on servers', () => {
  const bytes = Uint8Array.from({ length: 5000 }, (_, i) => i % 251);

  it('are read by range, and only those bytes travel', async () => {
    const server = await serveBytes({ file: bytes });
    try {
      const source = httpBytes(`${server.url}/file`);
      expect(await source.read(1000, 50)).toEqual(bytes.subarray(1000, 1050));
      expect(await source.read(4990, 50)).toEqual(bytes.subarray(4990));
      expect(await source.read(6000, 50)).toHaveLength(0);
      expect(await source.size()).toBe(5000);
      expect(server.requests).toEqual(['GET bytes=1000-1049', 'GET bytes=4990-5039', 'GET bytes=6000-6049']);
    } finally {
      await server.close();
    }
  });

  it('small ones come whole, once, where Range is ignored; of large ones what lies before is read past', async () => {
    for (const hidesLength of [false, true]) {
      const server = await serveBytes({ file: bytes }, { ranges: false, hidesLength });
      try {
        const source = httpBytes(`${server.url}/file`);
        expect(await source.read(1000, 50)).toEqual(bytes.subarray(1000, 1050));
        expect(await source.read(0, 5)).toEqual(bytes.subarray(0, 5));
        expect(await source.read(4990, 50)).toEqual(bytes.subarray(4990));
        expect(server.requests).toEqual(['GET bytes=1000-1049']);
        expect(await source.size()).toBe(5000);
        server.requests.length = 0;
        const large = httpBytes(`${server.url}/file`, { wholeFiles: new WholeFiles(4000) });
        for (const offset of [1000, 3000]) {
          expect(await large.read(offset, 50)).toEqual(bytes.subarray(offset, offset + 50));
        }
        expect(server.requests).toHaveLength(2);
      } finally {
        await server.close();
      }
    }
  });

  it('whole files are kept up to a limit; what was used longest ago goes first', () => {
    const files = new WholeFiles(100);
    const [a, b, c] = [{}, {}, {}];
    const keep = (source: object, size: number): void => files.keep(source, [new Uint8Array(size)], size);
    keep(a, 40);
    keep(b, 50);
    expect(files.get(a)).toHaveLength(40);
    keep(c, 30);
    expect([a, b, c].map((source) => files.get(source)?.length)).toEqual([40, undefined, 30]);
    expect(files.takes(50)).toBe(true);
    expect(files.takes(51)).toBe(false);
  });

  it('that are not there, or whose server is not there, are named', async () => {
    const server = await serveBytes({});
    const url = `${server.url}/gone`;
    const gone = await refusal(httpBytes(url).read(0, 5));
    expect(gone).toMatchObject({ code: 'WEIGHTS_UNAVAILABLE', details: { url, status: 404 } });
    expect(gone.message).toContain(url);
    await server.close();
    const down = await refusal(httpBytes(url).read(0, 5));
    expect(down.code).toBe('WEIGHTS_UNAVAILABLE');
    expect(down.message).toMatch(/no answer/);
  });

  it('a server that sends another range, or more than was asked for, is not believed', async () => {
    const answer =
      (range: string, body: Uint8Array<ArrayBuffer>): typeof fetch =>
      async () =>
        new Response(body, { status: 206, headers: { 'content-range': range } });
    const shifted = httpBytes('http://host/f', { fetch: answer('bytes 0-4/100', new Uint8Array(5)) });
    expect((await refusal(shifted.read(10, 5))).code).toBe('WEIGHTS_CORRUPT');
    const more = httpBytes('http://host/f', { fetch: answer('bytes 10-99/100', new Uint8Array(90)) });
    expect((await refusal(more.read(10, 5))).code).toBe('WEIGHTS_CORRUPT');
  });

  it('an aborted read throws the reason of the signal', async () => {
    const abort = new AbortController();
    const waits: typeof fetch = (_url, init) =>
      new Promise((_resolve, reject) =>
        init!.signal!.addEventListener('abort', () => reject(init!.signal!.reason as Error)),
      );
    const read = httpBytes('http://host/f', { fetch: waits }).read(0, 5, abort.signal);
    const reason = new Error('not needed');
    abort.abort(reason);
    await expect(read).rejects.toBe(reason);
  });
});

describe('weights of folded graphs', () => {
  it('are computed box by box, and only they are listed', async () => {
    const graph: Graph = {
      name: 'folded',
      inputs: [{ id: 'x', shape: [4] }],
      nodes: [
        { id: 'dense', op: { kind: 'dense', units: 3 }, inputs: ['x'], weights: { kernel: 'kernel' } },
        {
          id: 'norm',
          op: { kind: 'batch-norm', epsilon: 0, scale: false, center: false },
          inputs: ['dense'],
          weights: { mean: 'mean', variance: 'variance' },
        },
      ],
      outputs: ['norm'],
    };
    const originals = memorySource([
      { name: 'kernel', shape: [4, 3], data: Float32Array.from({ length: 12 }, (_, i) => i) },
      { name: 'mean', shape: [3], data: Float32Array.of(2, 4, 8) },
      { name: 'variance', shape: [3], data: Float32Array.of(4, 16, 64) },
    ]);
    const folded = foldBatchNorm(graph);
    const source = derivedSource(originals, folded);
    const { kernel } = folded.graph.nodes[0]!.weights;
    const { bias } = folded.graph.nodes[1]!.weights;
    expect([...source.tensors.keys()]).toEqual([kernel, bias]);
    const box: Box = [
      [1, 3],
      [1, 3],
    ];
    expect([...(await source.read(kernel!, box))]).toEqual([4 / 4, 5 / 8, 7 / 4, 8 / 8]);
    expect([...(await source.read(bias!, [[0, 3]]))]).toEqual([-1, -1, -1]);
    expect((await refusal(source.read('kernel', fullBox([4, 3])))).code).toBe('WEIGHTS_MISSING');
    expect((await refusal(source.read(bias!, [[0, 4]]))).code).toBe('BOX_INVALID');
  });
});
