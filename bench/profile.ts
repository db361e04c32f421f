import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { measureNodeDevice } from '../headless/device-profile.ts';
import { loadModelByName } from '../headless/model-files.ts';
import { startEngine } from '../headless/node-engine.ts';
import type { Engine, LoadedTile } from '../src/engine/engine.ts';
import { boxSize } from '../src/graph/box.ts';
import { foldBatchNorm } from '../src/graph/fold.ts';
import type { Graph } from '../src/graph/graph.ts';
import { NETWORKS } from '../src/models/presets.ts';
import { programWork, workMs } from '../src/planner/cost-model.ts';
import type { DeviceProfile } from '../src/planner/profile.ts';
import { repeatedRun } from '../src/runtime/repeated-run.ts';
import { toPeerceptronError } from '../src/shared/errors.ts';
import { seededRandom } from '../src/shared/random.ts';
import { median, type Benchmark, type BenchmarkContext, type Row } from './benchmark.ts';
import { openCpuGroups } from './cgroup.ts';
import { randomBuffer, tileCases, type TileCase } from './profile/cases.ts';

/** Of a core, as small devices are played. */
const PART_OF_CORE = 1 / 3;
/** Per tile, and no fewer than four runs; under a quota, which stops a thread for a dozen milliseconds at a time, more. */
const TILE_MS = 80;
const LIMITED_TILE_MS = 250;
/** Runs that wait for the engine: it has always one to go on with, and memory is not what is measured. */
const AHEAD = 3;
const REST_MS = 50;
const TRIPS = 5;
/** Layers of these take too long on a third of a core. */
const LARGE = ['c3d', 'xception'];

interface Compared {
  readonly tile: TileCase;
  readonly measuredMs: number;
  /** Of predicted over measured: 0 is right, 0.1 ten percent too much. */
  readonly error: number;
}

async function networks({ say }: BenchmarkContext): Promise<[name: string, graph: Graph][]> {
  const graphs = Object.entries(NETWORKS).map(([name, build]): [string, Graph] => [
    name,
    foldBatchNorm(build()).graph,
  ]);
  const folder = process.env['PEERCEPTRON_REALDATA'] ?? join(process.cwd(), '../shared/realdata');
  const mobilenet = join(folder, 'tfjs-layers-mobilenet-v1-025/mobilenet_model.json');
  if (existsSync(mobilenet)) {
    graphs.push(['mobilenet', (await loadModelByName(mobilenet, { weights: 'random' })).graph]);
  } else say(`without MobileNet: there is no ${mobilenet}`);
  return graphs;
}

async function compare(
  engine: Engine,
  profile: DeviceProfile,
  tile: TileCase,
  tileMs: number,
): Promise<Compared> {
  const { program } = tile;
  const random = seededRandom(1);
  const fanIn = (box: TileCase['program']['weights'][number]['box']): number =>
    Math.max(1, boxSize(box) / boxSize(box.slice(-1)));
  const loaded = await engine.load(
    program,
    program.weights.map(({ box }) => randomBuffer(random, box, 2 / Math.sqrt(fanIn(box)))),
  );
  try {
    const inputs = program.inputs.map(({ box }) => randomBuffer(random, box, 1));
    const measuredMs = await sustainedMs(loaded, inputs, tileMs);
    const predictedMs = profile.tileMs + workMs(programWork(program), profile);
    return { tile, measuredMs, error: predictedMs / measuredMs - 1 };
  } finally {
    await loaded.dispose();
  }
}

/** Of a run among many that follow upon each other, with the trip of one that is alone. */
async function sustainedMs(
  tile: LoadedTile,
  inputs: readonly Float32Array[],
  tileMs: number,
): Promise<number> {
  const run = repeatedRun(tile, inputs);
  const first = await run();
  const count = Math.min(250, Math.max(4, Math.ceil(tileMs / first)));
  const times: number[] = [];
  let posted = 0;
  const post = async (): Promise<void> => {
    while (posted++ < count) times.push(await run());
  };
  await Promise.all(Array.from({ length: AHEAD }, post));
  // In groups, so that what else the machine did for a moment is not in all of them.
  const groups = [0, 1, 2, 3].map((group) =>
    times.filter((_, index) => Math.floor((index * 4) / count) === group),
  );
  const computeMs = median(groups.map((group) => group.reduce((sum, ms) => sum + ms, 0) / group.length));
  if (computeMs > 20) return computeMs;
  await new Promise((resolve) => setTimeout(resolve, REST_MS));
  let tripMs = Infinity;
  for (let trip = 0; trip < TRIPS; trip++) {
    const since = performance.now();
    const inside = await run();
    tripMs = Math.min(tripMs, performance.now() - since - inside);
  }
  return computeMs + Math.max(0, tripMs);
}

function rowsOf(compared: readonly Compared[], what: string): Row[] {
  const errorOf = (list: readonly Compared[]): number =>
    median(list.map(({ error }) => Math.abs(error))) * 100;
  const parts = ['layer', 'piece'] as const;
  const models = compared.filter(({ tile }) => tile.part === 'model');
  return [
    { name: `${what}: error of ${compared.length} tiles, median`, value: errorOf(compared), unit: '%', goal: { atMost: 8 } },
    ...parts.flatMap((part): Row[] => {
      const list = compared.filter(({ tile }) => tile.part === part);
      if (list.length === 0) return [];
      return [{ name: `${what}: error of ${list.length} ${part}s, median`, value: errorOf(list), unit: '%', goal: null }];
    }),
    { name: `${what}: error of tiles above 2 ms, median`, value: errorOf(compared.filter(({ measuredMs }) => measuredMs > 2)), unit: '%', goal: null },
    ...models.map(({ tile, measuredMs, error }): Row => ({
      name: `${what}: ${tile.network} as one tile (${measuredMs.toFixed(measuredMs < 10 ? 1 : 0)} ms), error`,
      value: error * 100,
      unit: '%',
      goal: { atLeast: -10, atMost: 10 },
    })),
  ]; // prettier-ignore
}

async function measured(
  engine: Engine,
  tiles: readonly TileCase[],
  what: string,
  tileMs: number,
  { say, quick }: BenchmarkContext,
): Promise<Row[]> {
  const since = performance.now();
  const profile = await measureNodeDevice(engine);
  const profileMs = performance.now() - since;
  say(`${what}: profile ${JSON.stringify(profile)}`);
  const compared: Compared[] = [];
  let network = '';
  for (const tile of quick ? tiles.filter((_, index) => index % 10 === 0) : tiles) {
    if (tile.network !== network) say(`${what}: ${(network = tile.network)}`);
    const one = await compare(engine, profile, tile, tileMs);
    compared.push(one);
    if (Math.abs(one.error) > 0.25) {
      say(
        `  ${tile.part} ${tile.name}: ${one.measuredMs.toFixed(3)} ms, predicted ${(one.error * 100).toFixed(0)} % more`,
      );
    }
  }
  return [
    { name: `${what}: measuring the device`, value: profileMs / 1000, unit: 's', goal: { atMost: 1.5 } },
    ...rowsOf(compared, what),
  ];
}

export const profile: Benchmark = {
  summary: 'what a device measures of itself at join, against the tiles of five networks (a third of a core: needs root)',
  async run(context) {
    const tiles = (await networks(context)).flatMap(([name, graph]) => tileCases(name, graph));
    const whole = await startEngine('wasm');
    const rows: Row[] = [];
    try {
      rows.push(...(await measured(whole.engine, tiles, 'a core', TILE_MS, context)));
    } finally {
      await whole.engine.dispose();
    }
    try {
      const groups = openCpuGroups();
      const { engine } = await startEngine('wasm');
      try {
        groups.limit({ name: 'device', pid: process.pid, threadName: 'compute', cores: PART_OF_CORE, others: 'free' });
        const some = tiles.filter(({ network, part }) => part === 'model' || (part === 'layer' && !LARGE.includes(network)));
        rows.push(...(await measured(engine, some, 'a third of a core', LIMITED_TILE_MS, context)));
      } finally {
        groups.release();
        await engine.dispose();
      }
    } catch (thrown) {
      const { code, message } = toPeerceptronError(thrown);
      if (code !== 'USAGE') throw thrown;
      context.say(`without limits: ${message}`);
    }
    return rows;
  },
}; // prettier-ignore
