import { spawn } from 'node:child_process';
import { open, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import send from 'send';
import { writeModel } from '../../headless/import-model.ts';
import { openLocalRoom } from '../../headless/local-room.ts';
import { startPeerProcesses, type PeerProcess } from '../../headless/peer-processes.ts';
import { loadModel } from '../../src/import/load-model.ts';
import { fullBox, shapeSize } from '../../src/graph/box.ts';
import type { Graph } from '../../src/graph/graph.ts';
import { weightShapes } from '../../src/graph/shapes.ts';
import { planBuilder } from '../../src/planner/plan-builder.ts';
import type { PlanFile } from '../../src/planner/plan-file.ts';
import { bands, channels, whole } from '../../src/planner/splits.ts';
import { safetensorsHeader } from '../../src/weights/safetensors.ts';
import type { WeightSource } from '../../src/weights/weight-source.ts';
import type { BenchmarkContext, Row } from '../benchmark.ts';

/** The built program, as people start it; the benchmark itself is compiled elsewhere. */
const CLI = resolve('dist/node/cli.js');
const PEERS = 4;
/** Pictures so small that AlexNet's first dense layer has a ninth of its weights. */
const QUICK_SHAPE = [95, 95, 3];
const SHARD_BYTES = 4 * 1024 * 1024;
const ROWS_AT_ONCE_BYTES = 16 * 1024 * 1024;

interface Origin {
  readonly url: string;
  /** Of bodies, handed to sockets. */
  sentBytes(): number;
  close(): Promise<void>;
}

async function countingOrigin(dir: string): Promise<Origin> {
  let sent = 0;
  const server = createServer((request, response) => {
    const counted =
      (pass: (...args: never[]) => unknown) =>
      (...args: unknown[]): unknown => {
        if (args[0] instanceof Uint8Array || typeof args[0] === 'string') sent += Buffer.byteLength(args[0]);
        return pass(...(args as never[]));
      };
    response.write = counted(response.write.bind(response)) as typeof response.write;
    send(request, request.url ?? '/', { root: dir }).pipe(response);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sentBytes: () => sent,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

/** The bytes of all weights, row-major, tensor after tensor. */
async function* rowMajor(graph: Graph, source: WeightSource): AsyncGenerator<Uint8Array> {
  for (const [name, shape] of weightShapes(graph)) {
    const rows = shape[0]!;
    const step = Math.max(1, Math.floor(ROWS_AT_ONCE_BYTES / ((4 * shapeSize(shape)) / rows)));
    for (let from = 0; from < rows; from += step) {
      const values = await source.read(name, fullBox(shape).with(0, [from, Math.min(rows, from + step)]));
      yield new Uint8Array(values.buffer);
    }
  }
}

/** The same weights three times: as a Keras-order safetensors file, as TensorFlow.js shards, in our own layout. */
async function writeLayouts(graph: Graph, source: WeightSource, dir: string): Promise<void> {
  const tensors = [...weightShapes(graph)].map(([name, shape]) => ({ name, shape: [...shape] }));
  const file = await open(join(dir, 'keras.safetensors'), 'w');
  await file.write(safetensorsHeader(tensors));
  await mkdir(join(dir, 'tfjs'));
  const paths: string[] = [];
  let pending = Buffer.alloc(0);
  const shard = async (bytes: Uint8Array): Promise<void> => {
    paths.push(`shard${paths.length + 1}.bin`);
    await writeFile(join(dir, 'tfjs', paths.at(-1)!), bytes);
  };
  for await (const bytes of rowMajor(graph, source)) {
    await file.write(bytes);
    pending = Buffer.concat([pending, bytes]);
    for (; pending.length >= SHARD_BYTES; pending = pending.subarray(SHARD_BYTES)) {
      await shard(pending.subarray(0, SHARD_BYTES));
    }
  }
  if (pending.length > 0) await shard(pending);
  await file.close();
  const weights = tensors.map(({ name, shape }) => ({ name, shape, dtype: 'float32' }));
  await writeFile(join(dir, 'tfjs', 'manifest.json'), JSON.stringify([{ paths, weights }]));
  await writeModel(
    { graph, original: graph, weights: source, location: graph.name, format: 'preset' },
    { dir: join(dir, 'own') },
  );
}

const everyone = Array.from({ length: PEERS }, (_, index) => index);

/** Row bands of the convolutions: all peers hold all of their weights. */
const sharing = (graph: Graph, last: 'pool2' | 'pool5'): PlanFile =>
  planBuilder(graph)
    .segment({ through: last, split: bands({ axis: 'height', peers: everyone }) })
    .layers({ through: 'fc8/bias', split: channels({ peers: everyone }) })
    .segment({ split: whole(0) })
    .file();

/** Output channels and units throughout: each holds a quarter. */
const quarters = (graph: Graph): PlanFile =>
  planBuilder(graph)
    .layers({ through: 'fc8/bias', split: channels({ peers: everyone }) })
    .segment({ split: whole(0) })
    .file();

interface Loaded {
  readonly weightSources: Readonly<
    Record<'cacheBytes' | 'peerBytes' | 'originBytes' | 'requesterBytes', number>
  >;
}

/** The program as a person starts it; resolves to what it prints with `--json`. */
function infer(args: readonly string[]): Promise<Loaded> {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, [CLI, 'infer', ...args, '--random-input', '--json'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('error', failed).once('close', (code) => {
      if (code === 0) done(JSON.parse(stdout) as Loaded);
      else failed(new Error(`infer ended with code ${code}: ${stderr}`));
    });
  });
}

/** Four peers, each with a cache of its own as on a machine of its own, and a requester beside them. */
async function inRoom<T>(
  { cacheDir, origin }: { readonly cacheDir: string | undefined; readonly origin: Origin },
  use: (roomUrl: string) => Promise<T>,
): Promise<T> {
  const room = await openLocalRoom({ port: 0, host: '127.0.0.1', room: 'bench' });
  let peers: PeerProcess[] = [];
  try {
    peers = await startPeerProcesses({
      program: CLI,
      url: room.urlAt('127.0.0.1'),
      count: PEERS,
      engine: 'wasm',
      cache: (name) => ({ cache: cacheDir === undefined ? false : join(cacheDir, name) }),
      allowOrigins: [origin.url],
    });
    return await use(room.urlAt('127.0.0.1'));
  } finally {
    await Promise.all(peers.map((peer) => peer.stop()));
    await room.server.close();
  }
}

/** What a room of four asks of the server that holds the weights, over the file. */
export async function roomRows({ quick, say }: BenchmarkContext): Promise<Row[]> {
  const dir = await mkdtemp(join(tmpdir(), 'peerceptron-bench-room-'));
  let origin: Origin | undefined;
  try {
    const network = 'alexnet';
    const nothing = (): never => {
      throw new Error('a preset with random weights opens nothing');
    };
    const model = await loadModel(network, { open: nothing, ...(quick ? { inputShape: QUICK_SHAPE } : {}) });
    const { graph } = model;
    const fileBytes = [...weightShapes(graph).values()].reduce((sum, shape) => sum + 4 * shapeSize(shape), 0);
    say(`writing ${Math.round(fileBytes / 1e6)} MB of weights in three layouts`);
    await writeLayouts(graph, model.weights, dir);
    const server = (origin = await countingOrigin(dir));
    const plans = {
      'row bands share slices': sharing(graph, quick ? 'pool2' : 'pool5'),
      'each holds a quarter': quarters(graph),
    };
    const rows: Row[] = [];
    let runs = 0;

    const measure = async (
      name: string,
      modelArgs: readonly string[],
      planName: keyof typeof plans,
      cached: boolean,
      again = false,
    ): Promise<void> => {
      const plan = join(dir, `plan-${runs}.json`);
      await writeFile(plan, JSON.stringify(plans[planName]));
      const cacheDir = cached ? join(dir, `cache-${runs}`) : undefined;
      runs += 1;
      const cacheArgs = cacheDir === undefined ? ['--no-cache'] : ['--cache', join(cacheDir, 'requester')];
      const once = (): Promise<Loaded> =>
        inRoom({ cacheDir, origin: server }, (url) =>
          infer([...modelArgs, '--room', url, '--peers', String(PEERS), '--plan', plan, ...cacheArgs]),
        );
      const before = server.sentBytes();
      const first = await once();
      const ratio = (server.sentBytes() - before) / fileBytes;
      say(`${name}, ${planName}: ${ratio.toFixed(4)} × the file; ${JSON.stringify(first.weightSources)}`);
      rows.push({ name: `${name}, ${planName}: asked of the origin, over the file`, value: ratio, unit: '×', goal: { atMost: 1.05 } }); // prettier-ignore
      if (!again) return;
      const start = server.sentBytes();
      await once();
      const second = server.sentBytes() - start;
      rows.push({ name: `${name}, ${planName}: asked of the origin at the second start`, value: second, unit: 'B', goal: { atMost: 0 } }); // prettier-ignore
    };

    const size = quick ? ['--input-shape', QUICK_SHAPE.join('x')] : [];
    const keras = ['--model', network, ...size, '--weights', `${server.url}/keras.safetensors`];
    const tfjs = ['--model', network, ...size, '--weights', `${server.url}/tfjs/manifest.json`];
    const own = ['--model', `${server.url}/own/graph.json`];
    await measure('tfjs shards, no cache', tfjs, 'each holds a quarter', false);
    await measure('our layout', own, 'row bands share slices', true, true);
    if (quick) return rows;
    await measure('tfjs shards, no cache', tfjs, 'row bands share slices', false);
    await measure('Keras order, no cache', keras, 'each holds a quarter', false);
    await measure('Keras order, no cache', keras, 'row bands share slices', false);
    await measure('Keras order', keras, 'each holds a quarter', true, true);
    await measure('our layout', own, 'each holds a quarter', true, true);
    await measure('our layout, no cache', own, 'row bands share slices', false);
    return rows;
  } finally {
    await origin?.close();
    await rm(dir, { recursive: true, force: true });
  }
}
