import { availableParallelism } from 'node:os';
import { startBackend, type NodeBackend } from '../headless/node-engine.ts';
import { shapeSize } from '../src/graph/box.ts';
import type { NetworkName } from '../src/models/presets.ts';
import { loadWholeModel } from '../src/runtime/whole-model.ts';
import { seededRandom } from '../src/shared/random.ts';
import { median, type Benchmark, type BenchmarkContext, type Goal, type Row } from './benchmark.ts';
import { openBanded } from './engines/banded.ts';
import { mixedMesh } from './engines/mixed-mesh.ts';
import { openNativeSession } from './engines/native-session.ts';
import { soloNetwork, type SoloModel } from './farm/baselines/solo-model.ts';
import type { Network } from './overhead/networks.ts';
import { relativeDifference } from './relative-difference.ts';

/** Native over wasm, each on one core. */
const GOALS: Readonly<Record<NetworkName, number>> = { vgg16: 3.5, xception: 3, c3d: 3, alexnet: 1.7 };
/** Sums of thousands of products in different orders, relative to the largest output. */
const SAME: Goal = { atMost: 1e-4 };
const BANDS = 4;

type Opened = SoloModel & { close(): Promise<void> };

/** A network as one tile on an engine in a thread of its own, as peers have it. */
async function openWhole(network: Network, backend: NodeBackend, threads: number): Promise<Opened> {
  const engine = await startBackend(backend, { threads });
  const model = await loadWholeModel(engine, network.graph, network.weights);
  return {
    predict: async (input) => (await model.run([input])).outputs[0]!,
    close: async () => {
      await model.dispose();
      await engine.dispose();
    },
  };
}

async function openBands(network: Network, threads: number): Promise<Opened> {
  const engine = await startBackend('native', { threads });
  const banded = await openBanded(network, engine, BANDS);
  return {
    predict: (input) => banded.predict(input),
    close: async () => {
      await banded.close();
      await engine.dispose();
    },
  };
}

interface Timed {
  readonly timesMs: readonly (readonly number[])[];
  /** Between the first one's output and that of any other. */
  readonly difference: number;
}

/** All in turns, so that whatever else the machine does slows everybody; the first round warms up. */
async function inTurns(network: Network, models: readonly Opened[], rounds: number): Promise<Timed> {
  const random = seededRandom(7);
  const shape = network.graph.inputs[0]!.shape;
  const input = Float32Array.from({ length: shapeSize(shape) }, () => random.next() * 2 - 1);
  const timesMs = models.map((): number[] => []);
  const outputs: Float32Array[] = [];
  for (let round = 0; round <= rounds; round++) {
    for (const [index, model] of models.entries()) {
      const startMs = performance.now();
      const output = await model.predict(input);
      if (round > 0) timesMs[index]!.push(performance.now() - startMs);
      outputs[index] = output;
    }
  }
  const difference = Math.max(0, ...outputs.slice(1).map((other) => relativeDifference(other, outputs[0]!)));
  return { timesMs, difference };
}

/** The median of the ratios of neighbours: what slows the machine for a while slows both. */
const ratio = (over: readonly number[], under: readonly number[]): number =>
  median(over.map((ms, round) => ms / under[round]!));

/** Closes what was opened, whatever happens meanwhile. */
async function withAll<T>(
  opening: readonly (() => Promise<Opened>)[],
  use: (models: readonly Opened[]) => Promise<T>,
): Promise<T> {
  const models: Opened[] = [];
  try {
    for (const open of opening) models.push(await open());
    return await use(models);
  } finally {
    for (const model of models) await model.close();
  }
}

async function againstWasm(name: NetworkName, { quick, say }: BenchmarkContext): Promise<Row[]> {
  say(`${name}: native and wasm, one core each`);
  const network = soloNetwork({ network: name });
  const opening = (['native', 'wasm'] as const).map((backend) => () => openWhole(network, backend, 1));
  const { timesMs, difference } = await withAll(opening, (models) => inTurns(network, models, quick ? 2 : 9));
  const [native, wasm] = timesMs as [readonly number[], readonly number[]];
  return [
    { name: `${name}: wasm over native, one core`, value: ratio(wasm, native), unit: '×', goal: { atLeast: GOALS[name] } },
    { name: `${name}: native`, value: median(native), unit: 'ms', goal: null },
    { name: `${name}: wasm`, value: median(wasm), unit: 'ms', goal: null },
    { name: `${name}: largest relative difference`, value: difference, unit: '', goal: SAME },
  ]; // prettier-ignore
}

async function againstSession(threads: number, { quick, say }: BenchmarkContext): Promise<Row[]> {
  say(`vgg16: one session, one tile, and ${BANDS} bands between pools, ${threads} threads`);
  const network = soloNetwork({ network: 'vgg16' });
  const opening = [
    () => openNativeSession(network, threads),
    () => openWhole(network, 'native', threads),
    () => openBands(network, threads),
  ];
  const { timesMs, difference } = await withAll(opening, (models) =>
    inTurns(network, models, quick ? 2 : 15),
  );
  const [session, tile, banded] = timesMs as [readonly number[], readonly number[], readonly number[]];
  const on = `on ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
  return [
    { name: `vgg16, ${BANDS} bands between pools, over one session, ${on}`, value: ratio(banded, session), unit: '×', goal: { atMost: 1.25 } },
    { name: `vgg16, one tile over one session, ${on}`, value: ratio(tile, session), unit: '×', goal: { atMost: 1.03 } },
    { name: `vgg16, one session, ${on}`, value: median(session), unit: 'ms', goal: null },
    { name: `vgg16, ${on}: largest relative difference`, value: difference, unit: '', goal: SAME },
  ]; // prettier-ignore
}

export const engines: Benchmark = {
  summary:
    'the native engine: against our wasm engine, in bands and tiles against one session of ONNX Runtime, and beside a browser in one mesh',
  async run(context) {
    const rows: Row[] = [];
    for (const name of ['vgg16', 'xception', 'c3d', 'alexnet'] as const) {
      rows.push(...(await againstWasm(name, context)));
    }
    for (const threads of new Set([1, availableParallelism()])) {
      rows.push(...(await againstSession(threads, context)));
    }
    rows.push(...(await mixedMesh(context)));
    context.say('left out: wasm with two workers over one, for it computes with one');
    return rows;
  },
};
