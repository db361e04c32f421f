import { availableParallelism } from 'node:os';
import { startBackend } from '../headless/node-engine.ts';
import type { NetworkName } from '../src/models/presets.ts';
import { median, type Benchmark, type BenchmarkContext, type Row } from './benchmark.ts';
import { openBanded } from './engines/banded.ts';
import { inTurns, openWhole, ratio, SAME, withAll, type Opened } from './engines/in-turns.ts';
import { mixedMesh } from './engines/mixed-mesh.ts';
import { openNativeSession } from './engines/native-session.ts';
import { threadRows } from './engines/wasm-threads.ts';
import { soloNetwork } from './farm/baselines/solo-model.ts';
import type { Network } from './overhead/networks.ts';

/** Native over wasm, each on one core. */
const GOALS: Readonly<Record<NetworkName, number>> = { vgg16: 3.5, xception: 3, c3d: 3, alexnet: 1.7 };
const BANDS = 4;

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
    rows.push(...(await threadRows(context)));
    rows.push(...(await mixedMesh(context)));
    return rows;
  },
};
