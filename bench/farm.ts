import { basename } from 'node:path';
import { Sequence } from '../src/engine/sequential.ts';
import type { NetworkName } from '../src/models/presets.ts';
import { PeerceptronError, toPeerceptronError } from '../src/shared/errors.ts';
import { median, type Benchmark, type BenchmarkContext, type Row } from './benchmark.ts';
import { withCleanUp, withPart } from './clean-up.ts';
import { startSoloDevice } from './farm/baselines/solo-device.ts';
import { keyOf, onlyKey, type Calibration } from './farm/cells.ts';
import { equalFarm, readFarm, type FarmDescription } from './farm/description.ts';
import { openFarm, type Farm } from './farm/devices.ts';
import { openPortableFarm } from './farm/portable-farm.ts';
import { measureFloor } from './farm/floor.ts';
import { FARM_SEED, isAlone, measureAlone, measureOnFarm, type CellWorld } from './farm/measure-cell.ts';
import { startRequester } from './farm/requester.ts';
import { RunStore } from './farm/run-store.ts';
import { DEVICE_BYTES, mixedSuite, quickSuite, wholeSuite, type Wanted } from './farm/suite.ts';
import { TimeLeft } from './farm/time-left.ts';
import { goalRows } from './farm/goal-rows.ts';
import { commitOf, machine } from './report.ts';

/** One frame of VGG16 on a Raspberry Pi 3 (arXiv:1901.02537): what one device of the farm is made to take. */
const PI3_VGG16_MS = 10_370;
/** Phases in which other users of a machine's core slow it down last for seconds. */
const CALIBRATION_FRAMES = 30;
const MEGABITS = 90;
/** A Pi has four; with a quota of one for all other threads a device of the farm could not carry what its link does. */
const OTHER_CORES = 3;
const MIXED = 'bench/farm/mixed.json';
const KEPT = '.cache/farm/run.json';
const REPORTED = 'docs/farm/run.json';

/** What one frame of VGG16 takes of this machine's processor undisturbed, over what a Pi 3 takes: so much of a core is a Pi 3. */
async function calibrated(
  say: BenchmarkContext['say'],
): Promise<Pick<Calibration, 'share' | 'vgg16Ms' | 'goalMs'>> {
  const device = startSoloDevice();
  try {
    await device.load({ runtime: 'engine', network: 'vgg16' });
    const times: number[] = [];
    for (let frame = 0; frame < CALIBRATION_FRAMES; frame++)
      times.push((await device.run(FARM_SEED)).processorMs);
    const share = Number((Math.min(...times) / PI3_VGG16_MS).toFixed(4));
    await device.setShare(share);
    const { latencyMs } = await device.run(FARM_SEED);
    say(
      `calibrated: VGG16 takes one device ${(latencyMs / 1000).toFixed(1)} s with ${(100 * share).toFixed(1)} % of a core, a Raspberry Pi 3 ${PI3_VGG16_MS / 1000} s`,
    );
    return { share, vgg16Ms: latencyMs, goalMs: PI3_VGG16_MS };
  } finally {
    await device.stop();
  }
}

async function rows(undo: (() => unknown)[], { quick, say, again }: BenchmarkContext): Promise<Row[]> {
  const commit = commitOf(process.cwd());
  const command = `npm run bench -- farm${quick ? ' --quick' : ''}`;
  // All cells of a run are of the same devices, whenever they are measured.
  let store = again
    ? RunStore.again(KEPT, REPORTED, { commit, machine: machine(), pattern: again })
    : RunStore.goingOn(KEPT, { commit, machine: machine(), command });
  const { share, vgg16Ms, goalMs } = store?.run.calibration ?? (await calibrated(say));
  const device = { share, otherCores: OTHER_CORES, memoryBytes: DEVICE_BYTES, megabitsPerSecond: MEGABITS };
  const mixed = await readFarm(MIXED);
  const all = quick ? quickSuite() : wholeSuite();
  const isAsked = (cell: Wanted): boolean => again?.test(keyOf(cell)) ?? true;
  const suite = all.filter(isAsked);
  const mixedCells = quick ? [] : mixedSuite(basename(MIXED), mixed.devices.length).filter(isAsked);
  if (suite.length + mixedCells.length === 0)
    throw new PeerceptronError('USAGE', `--again: no cell has '${again?.source}' in its name`);
  const answers = new Map<NetworkName, Promise<Float32Array>>();
  const answerOf = (network: NetworkName): Promise<Float32Array> => {
    if (!answers.has(network)) answers.set(network, unsplitAnswer(network));
    return answers.get(network)!;
  };
  const isMissing = (cell: Wanted): boolean => !store?.has(onlyKey(cell));
  if (suite.some(isMissing)) {
    await withPart(undo, async (own) => {
      const most = Math.max(...all.map(({ devices }) => devices));
      const world = await openWorld(own, equalFarm(most, device), say, answerOf);
      store ??= RunStore.anew(KEPT, {
        commit,
        machine: machine(),
        startedAt: new Date().toISOString(),
        command,
        calibration: {
          share,
          vgg16Ms,
          goalMs,
          hopMs: await floorOf(world.farm, quick, say),
          kind: world.kind,
        },
        cells: [],
      });
      // Links that are as quick as this machine are no links of 10 Mbit/s.
      const cells =
        world.kind === 'portable' ? suite.filter((cell) => cell.megabitsPerSecond === MEGABITS) : suite;
      await measureAllAlone(cells.filter(isMissing), store, say, { share, answerOf });
      await measureAll(
        cells.filter(({ method }) => !isAlone(method)),
        store,
        say,
        async (wanted) => measureOnFarm(await world.withRequester(), wanted, store!.run.cells),
      );
    });
  }
  if (mixedCells.some(isMissing)) {
    await withPart(undo, async (own) => {
      const world = await openWorld(own, mixed, say, answerOf);
      await measureAll(mixedCells, store!, say, async (wanted) =>
        measureOnFarm(await world.withRequester(), wanted),
      );
    });
  }
  const run = store!.finish(new Date().toISOString(), quick ? undefined : REPORTED);
  return goalRows(run);
}

/** What no plan can do better: messages there and back between devices that do nothing else. */
async function floorOf(
  farm: Farm,
  quick: boolean,
  say: BenchmarkContext['say'],
): Promise<Calibration['hopMs']> {
  await farm.limit();
  const hopMs = await measureFloor(farm, { trips: quick ? 20 : 100 });
  await farm.free();
  say(
    `the emulation's floor: ${hopMs.smallP50.toFixed(1)} ms there and back (p95 ${hopMs.smallP95.toFixed(1)}), ${hopMs.megabyteP50.toFixed(0)} ms for a megabyte`,
  );
  return hopMs;
}

/** Of these cells those of other runtimes, side by side: all of them together take about half of one processor. */
async function measureAllAlone(
  cells: readonly Wanted[],
  store: RunStore,
  say: BenchmarkContext['say'],
  { share, answerOf }: { readonly share: number; readonly answerOf: CellWorld['answerOf'] },
): Promise<void> {
  const turns = new Sequence();
  await Promise.all(
    cells.map(async (wanted) => {
      const { method, network } = wanted;
      if (!isAlone(method)) return;
      const answer = await turns.add(() => answerOf(network));
      const outcome = await measureAlone(method, wanted, { share, answer, turns });
      const key = onlyKey(wanted);
      store.add({ ...key, ...outcome });
      say(`${keyOf(key)}: ${told(outcome)}`);
    }),
  );
}

async function measureAll(
  cells: readonly Wanted[],
  store: RunStore,
  say: BenchmarkContext['say'],
  measure: (wanted: Wanted) => ReturnType<typeof measureOnFarm>,
): Promise<void> {
  const left = new TimeLeft(cells.map(({ network }) => network));
  for (const [index, wanted] of cells.entries()) {
    const key = onlyKey(wanted);
    const title = `[${index + 1}/${cells.length}] ${keyOf(key)}`;
    if (store.has(key)) {
      left.skip(wanted.network);
      say(`${title}: kept from before`);
      continue;
    }
    const since = performance.now();
    const outcome = await measure(wanted);
    // Of a plan that was measured before it has the other cell's key as well.
    store.add({ ...outcome, ...key });
    left.took(wanted.network, performance.now() - since);
    say(`${title}: ${told(outcome)}; ${left.sentence()}`);
  }
}

function told(outcome: Awaited<ReturnType<typeof measureOnFarm>>): string {
  if (outcome.state === 'refused') return `refused: ${outcome.why}`;
  const { latenciesMs, framesPerSecond, predicted, used } = outcome;
  const expected = predicted
    ? ` (expected ${predicted.latencyMs.toFixed(0)} ms, ${predicted.framesPerSecond.toPrecision(3)} frames/s)`
    : '';
  return `${median(latenciesMs).toFixed(0)} ms, ${framesPerSecond.toPrecision(3)} frames/s${expected} on ${used}`;
}

interface FarmWorld {
  readonly farm: CellWorld['farm'];
  readonly kind: Calibration['kind'];
  /** The requester's program is started when it is first needed: its device measures the floor before. */
  withRequester(): Promise<CellWorld>;
}

async function openWorld(
  undo: (() => unknown)[],
  description: FarmDescription,
  say: BenchmarkContext['say'],
  answerOf: CellWorld['answerOf'],
): Promise<FarmWorld> {
  say(`starting ${description.devices.length} devices in network namespaces`);
  const { farm, kind } = await openAnyFarm(undo, description, say);
  let opened: Promise<CellWorld> | undefined;
  const start = async (): Promise<CellWorld> => {
    await farm.free();
    const requester = await startRequester({
      command: farm.requesterCommand,
      environment: farm.requesterEnvironment,
    });
    undo.push(() => requester.stop());
    await farm.adoptRequester(requester.pid);
    const peers = await requester.ask({ type: 'gather', count: description.devices.length });
    return { farm, requester, idOf: new Map(peers.map(({ id, name }) => [name, id])), answerOf };
  };
  return { farm, kind, withRequester: () => (opened ??= start()) };
}

/** Of network namespaces; where this machine or this user cannot make them, one whose links are not limited. */
async function openAnyFarm(
  undo: (() => unknown)[],
  description: FarmDescription,
  say: BenchmarkContext['say'],
): Promise<Pick<FarmWorld, 'farm' | 'kind'>> {
  const options = { description, say };
  try {
    return { farm: await openFarm(undo, options), kind: 'namespaces' };
  } catch (thrown) {
    const { code, message } = toPeerceptronError(thrown);
    if (code !== 'USAGE') throw thrown;
    say(
      `${message}. A portable farm instead: only computing is held back, links are not, and figures are labelled so`,
    );
    return { farm: await openPortableFarm(undo, options), kind: 'portable' };
  }
}

/** By our engine, the whole network as one tile. */
async function unsplitAnswer(network: NetworkName): Promise<Float32Array> {
  const device = startSoloDevice();
  try {
    await device.load({ runtime: 'engine', network });
    return Float32Array.from((await device.run(FARM_SEED, { output: true })).output!);
  } finally {
    await device.stop();
  }
}

export const farm: Benchmark = {
  summary:
    'up to eleven emulated Raspberry Pis in network namespaces, four networks, beside other runtimes and layouts (needs root)',
  run: (context) => withCleanUp((undo) => rows(undo, context)),
};
