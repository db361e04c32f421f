import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeModel } from '../headless/import-model.ts';
import { boxSize, fullBox, splitRange, type Box, type Shape } from '../src/graph/box.ts';
import type { Graph } from '../src/graph/graph.ts';
import type { LoadedModel } from '../src/import/load-model.ts';
import { seededSource, seededTensors } from '../src/weights/seeded-source.ts';
import type { WeightSource } from '../src/weights/weight-source.ts';
import type { Benchmark, BenchmarkContext, Row } from './benchmark.ts';
import { roomRows } from './weights/room.ts';
import {
  checksumOf,
  countingServer,
  loadSlice,
  type CountingServer,
  type LoadedSlice,
  type SliceRequest,
} from './weights/slice-loader.ts';

const KERNEL = 'fc1/kernel';
/** VGG16's first dense layer: 25,088 inputs, 4,096 units, 411 MB. */
const SHAPE: Shape = [7, 7, 512, 4096];
const FC1: Graph = {
  name: 'fc1',
  inputs: [{ id: 'pool5', shape: SHAPE.slice(0, 3) }],
  nodes: [{ id: 'fc1', op: { kind: 'dense', units: 4096 }, inputs: ['pool5'], weights: { kernel: KERNEL } }],
  outputs: ['fc1'],
};

const PEERS = 4;
const SHARD_BYTES = 4 * 1024 * 1024;

const quarters = (axis: number): Box[] =>
  splitRange(SHAPE[axis]!, new Array<number>(PEERS).fill(1)).map((range) => fullBox(SHAPE).with(axis, range));

/** The same weights as a TensorFlow.js converter writes them: row-major, in shards of 4 MiB. */
async function writeShards(source: WeightSource, dir: string): Promise<void> {
  await mkdir(dir);
  const rows = SHAPE[2]!;
  const paths: string[] = [];
  let pending = new Uint8Array(0);
  const flush = async (bytes: Uint8Array): Promise<void> => {
    paths.push(`group1-shard${paths.length + 1}.bin`);
    await writeFile(join(dir, paths.at(-1)!), bytes);
  };
  for (let y = 0; y < SHAPE[0]!; y++) {
    for (let x = 0; x < SHAPE[1]!; x++) {
      const values = await source.read(KERNEL, [
        [y, y + 1],
        [x, x + 1],
        [0, rows],
        [0, SHAPE[3]!],
      ]);
      pending = Buffer.concat([pending, new Uint8Array(values.buffer)]);
      for (; pending.length >= SHARD_BYTES; pending = pending.subarray(SHARD_BYTES)) {
        await flush(pending.subarray(0, SHARD_BYTES));
      }
    }
  }
  if (pending.length > 0) await flush(pending);
  const weights = [{ name: KERNEL, shape: [rows * SHAPE[0]! * SHAPE[1]!, SHAPE[3]], dtype: 'float32' }];
  await writeFile(join(dir, 'manifest.json'), JSON.stringify([{ paths, weights }]));
}

interface Measured extends Omit<LoadedSlice, 'checksum'> {
  /** Bytes of bodies that the server sent to the process, of all files, over the bytes of the slice. */
  readonly bytesRatio: number;
}

/** One process per slice, one after another; the worst of each figure. */
async function measured(
  server: CountingServer,
  source: WeightSource,
  request: Omit<SliceRequest, 'box' | 'tensor' | 'shape'>,
  boxes: readonly Box[],
  say: BenchmarkContext['say'],
): Promise<Measured> {
  const all: Measured[] = [];
  for (const [index, box] of boxes.entries()) {
    const before = server.sentBytes();
    const loaded = await loadSlice({ ...request, tensor: KERNEL, shape: SHAPE, box });
    if (loaded.checksum !== checksumOf(await source.read(KERNEL, box)))
      throw new Error('the slice has other elements');
    const bytesRatio = (server.sentBytes() - before) / (boxSize(box) * 4);
    say(
      `slice ${index + 1} of ${boxes.length}: ${bytesRatio.toFixed(4)} × its bytes, ${(loaded.overSliceBytes / 1e6).toFixed(1)} MB over it, ${loaded.elapsedMs.toFixed(0)} ms`,
    );
    all.push({ ...loaded, bytesRatio });
  }
  const most = (pick: (one: Measured) => number): number => Math.max(...all.map(pick));
  return {
    elapsedMs: most((one) => one.elapsedMs),
    overSliceBytes: most((one) => one.overSliceBytes),
    bytesRatio: most((one) => one.bytesRatio),
  };
}

/** A quarter of fc1 in a process of its own, from our own layout and from TensorFlow.js shards, over HTTP on loopback. */
async function sliceRows({ quick, say }: BenchmarkContext): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'peerceptron-bench-weights-'));
  const weights = seededSource(seededTensors(FC1), 1);
  let server: CountingServer | undefined;
  try {
    say(`writing ${(boxSize(fullBox(SHAPE)) * 4) / 1e6} MB of weights, twice`);
    const model: LoadedModel = { graph: FC1, original: FC1, weights, location: 'fc1', format: 'preset' };
    const startMs = performance.now();
    const { weightsBytes } = await writeModel(model, { dir: join(folder, 'own') });
    const importRate = weightsBytes / 1e3 / (performance.now() - startMs);
    await writeShards(weights, join(folder, 'tfjs'));
    server = await countingServer(folder);
    const own = { url: `${server.url}/own/graph.json`, layout: 'own' } as const;
    const tfjs = { url: `${server.url}/tfjs/manifest.json`, layout: 'tfjs' } as const;
    const some = (boxes: readonly Box[]): readonly Box[] => (quick ? boxes.slice(1, 2) : boxes);
    const splits = [
      ['units', 3],
      ['input channels', 2],
      ['input rows', 0],
    ] as const;
    const rows: Row[] = [];
    for (const [name, axis] of splits) {
      say(`our layout, ${name}`);
      const { bytesRatio, overSliceBytes } = await measured(server, weights, own, some(quarters(axis)), say);
      rows.push(
        { name: `our layout, quarter by ${name}: bytes read over the slice`, value: bytesRatio, unit: '×', goal: { atMost: 1.05 } }, // prettier-ignore
        { name: `our layout, quarter by ${name}: memory over the slice while loading`, value: overSliceBytes / 1e6, unit: 'MB', goal: { atMost: 32 } }, // prettier-ignore
      );
    }
    for (const [name, axis] of splits) {
      say(`TensorFlow.js shards, ${name}`);
      const { bytesRatio, overSliceBytes } = await measured(
        server,
        weights,
        tfjs,
        quarters(axis).slice(1, 2),
        say,
      );
      rows.push(
        { name: `tfjs shards, quarter by ${name}: bytes read over the slice`, value: bytesRatio, unit: '×', goal: null }, // prettier-ignore
        { name: `tfjs shards, quarter by ${name}: memory over the slice while loading`, value: overSliceBytes / 1e6, unit: 'MB', goal: { atMost: 32 } }, // prettier-ignore
      );
    }
    rows.push({ name: 'import into our layout', value: importRate, unit: 'MB/s', goal: null });
    return rows;
  } finally {
    await server?.close();
    await rm(folder, { recursive: true, force: true });
  }
}

export const weights: Benchmark = {
  summary: 'weights over HTTP: what a peer reads and takes for its slice, what a room asks of the origin',
  async run(context) {
    return [...(await sliceRows(context)), ...(await roomRows(context))];
  },
};
