import type { Engine } from '../engine/engine.ts';
import { boxSize, fullBox, type Box, type Shape } from '../graph/box.ts';
import type { Graph, OpNode } from '../graph/graph.ts';
import type { Op } from '../graph/op.ts';
import { tensorShapes } from '../graph/shapes.ts';
import { compileTile, type TileProgram } from '../graph/tile-program.ts';
import { programWork } from '../planner/cost-model.ts';
import {
  expectedMsOf,
  fitRates,
  type EngineRates,
  type TileTimes,
  type WorkSample,
} from '../planner/fit-rates.ts';
import type { Clock } from '../shared/clock.ts';
import { lowerQuartile } from '../shared/median.ts';
import { seededRandom, type Random } from '../shared/random.ts';
import { repeatedRun } from './repeated-run.ts';

export interface MeasureEngineOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  /** No experiment is begun later than this; what was not measured follows from the rest. */
  readonly budgetMs?: number;
}

const DEFAULT_BUDGET_MS = 1250;
/**
 * A run that is to be timed: as long as clocks need it, and so short that most are over before a scheduler takes the processor
 * away, which under a quota it may do after each millisecond.
 */
const RUN_MS = 0.4;
const LEAST_RUNS = 8;
const MOST_RUNS = 40;
/** Of runs that are too long to be repeated often. */
const FEW_RUNS = 4;
/**
 * Posted at a time: a device where both threads have to wait for their turn takes few trips more. All of them where their inputs take no
 * room.
 */
const AT_ONCE = 4;
const SMALL_BYTES = 512 * 1024;
const MOST_REPEATS = 100;
/** Loading a tile, which runs it once, beside the runs that are timed: about as long as so many of them. */
const LOADING_RUNS = 8;
/** A run as long as that has stood still already, as often as it had to; and it is not repeated. */
const STALLED_MS = 25;
/**
 * How much of the processor the engine gets in the long run is told by so much work without a pause, in runs that are long beside
 * what comes between them. Quotas are looked after every few milliseconds only: a thread runs on for some of them, and stands still for
 * some more. At first it may live on what it has saved.
 */
const SUSTAINED_MS = 35;
const SUSTAINED_RUN_MS = 7;
/** What everything else is measured by takes some more runs than others. */
const SUSTAINED_BASE_RUNS = 30;
const SAVED_RUNS = 1;
/** Where there is a quota, the work goes on for about so long, to see enough of its stops. */
const COUNTED_MS = 450;
const MOST_SUSTAINED_RUNS = 100;
/** Less is what messages and other programs take. */
const LEAST_SLOWDOWN = 1.25;
/** Between the pieces of a frame an engine waits about so long, and finds little of its own in the caches afterwards. */
const PAUSE_MS = 15;
const RESTED_RUNS = 8;

/** A chain of ops, each after the one before it; `repeated` as often as it takes to last. */
interface Experiment {
  readonly input: Shape;
  readonly ops: readonly Op[];
  readonly repeated: boolean;
  /** Runs with pauses in between, not one behind the other: for what waits for memory. */
  readonly rested?: boolean;
  /** Under a quota, where a run of more than a millisecond or two is hardly seen without a stop. */
  readonly shorter?: Experiment;
}

const convolution = (size: number, outChannels: number, groups = 1): Op => ({
  kind: 'conv',
  kernelSize: [size, size],
  strides: [1, 1],
  dilations: [1, 1],
  padding: [
    [size >> 1, size >> 1],
    [size >> 1, size >> 1],
  ],
  groups,
  outChannels,
});
const depthwise = (channels: number): Op => convolution(3, channels, channels);
const dense = (units: number): Op => ({ kind: 'dense', units });
const pool = (size: number): Op => ({
  kind: 'max-pool',
  poolSize: [size, size],
  strides: [1, 1],
  padding: [
    [0, size - 1],
    [0, size - 1],
  ],
});
const relu: Op = { kind: 'activation', function: 'relu' };
const sigmoid: Op = { kind: 'activation', function: 'sigmoid' };
const norm: Op = { kind: 'batch-norm', epsilon: 1e-3, scale: true, center: true };
const chain = (input: Shape, ...ops: Op[]): Experiment => ({ input, ops, repeated: true });
const once = (input: Shape, ...ops: Op[]): Experiment => ({ input, ops, repeated: false });

/** The chain that is measured in the long run too, when its own time and that of a tile without work are known. */
const SUSTAINED = chain([14, 14, 64], convolution(3, 64));
const SUSTAINED_AFTER = 2;

/**
 * In the order of their worth, for time may run out. Of each class a case where every step's own time counts, and cases
 * of the sizes that layers of networks have, small tensors that stay in caches and large ones that do not.
 */
const EXPERIMENTS: readonly Experiment[] = [
  // How fast about this device is: the others are made as long as they have to be by what is known then.
  SUSTAINED,
  once([8], relu),
  chain([14, 14, 128], convolution(3, 128)),
  chain([14, 14, 256], convolution(1, 256)),
  // 32 MB: more than caches hold of it when other programs had their turn.
  { ...once([2048], dense(4096)), rested: true, shorter: chain([1024], dense(1024)) },
  { ...once([112, 112, 64], depthwise(64)), shorter: once([56, 56, 64], depthwise(64)) },
  once([112, 112, 64], relu),
  once([112, 112, 64], pool(2)),
  chain([28, 28, 64], convolution(3, 64)),
  chain([56, 56, 16], convolution(1, 32), convolution(1, 16)),
  chain([28, 28, 64], depthwise(64)),
  chain([64, 64, 3], convolution(3, 24), convolution(3, 3)),
  chain([56, 56, 32], relu),
  chain([28, 28, 64], pool(3)),
  chain([4, 4, 16], convolution(3, 16)),
  chain([4, 4, 16], convolution(1, 16)),
  chain([4, 4, 16], depthwise(16)),
  chain([32], dense(32)),
  chain([8], relu),
  chain([4, 4, 8], pool(2)),
  chain([32, 32, 16], sigmoid),
  chain([28, 28, 64], norm),
];

/**
 * Runs tiles of every class and finds the rates that explain their times best. Works on any engine, in a worker or
 * not; on one that is held to a part of a processor it sees that part.
 */
export async function measureEngine({
  engine,
  clock,
  budgetMs = DEFAULT_BUDGET_MS,
}: MeasureEngineOptions): Promise<EngineRates> {
  const samples: WorkSample[] = [];
  const again: (() => Promise<number>)[] = [];
  const startedAt = clock.now();
  let slowdown = 1;
  for (const [index, experiment] of EXPERIMENTS.entries()) {
    // One sample is better than none, on whatever device.
    if (index > 0 && clock.now() - startedAt >= budgetMs) break;
    if (index === SUSTAINED_AFTER) {
      const { base, times } = await sustained(engine, samples);
      samples[0] = base;
      slowdown = times;
    }
    const wanted = slowdown > 1 ? (experiment.shorter ?? experiment) : experiment;
    const leftMs = budgetMs - (clock.now() - startedAt);
    const shareMs = leftMs / (EXPERIMENTS.length - index) / slowdown;
    const runMs = Math.max(0, Math.min(RUN_MS, shareMs / (LEAST_RUNS + LOADING_RUNS)));
    const program = programOf(wanted, repeatsOf(wanted, samples, runMs));
    const measure = (): Promise<number> =>
      withTile(engine, program, async (run) =>
        wanted.rested
          ? lowerQuartile(await restedRuns(run, clock))
          : undisturbedMs(run, program, LEAST_RUNS * runMs, samples),
      );
    samples.push({ work: programWork(program), computeMs: await measure() });
    again.push(measure);
  }
  if (slowdown === 1) {
    // Whatever else the machine did for a moment, it does not do now.
    for (const [index, measure] of again.entries()) {
      if (clock.now() - startedAt >= budgetMs) break;
      const { work, computeMs } = samples[index]!;
      samples[index] = { work, computeMs: Math.min(computeMs, await measure()) };
    }
  }
  const tile = await tileTimes(engine, clock, samples[1]?.computeMs ?? 0);
  const inTheLongRun = samples.map(({ work, computeMs }) => ({
    work,
    computeMs: computeMs > STALLED_MS ? computeMs : computeMs * slowdown,
  }));
  return fitRates(inTheLongRun, tile);
}

/** Runs a loaded tile once, on inputs of its own; milliseconds inside the engine. */
type Run = () => Promise<number>;

async function withTile<T>(engine: Engine, program: TileProgram, use: (run: Run) => Promise<T>): Promise<T> {
  const random = seededRandom(1901);
  const buffers = (boxes: readonly { readonly box: Box }[]): Float32Array[] =>
    boxes.map(({ box }) => values(random, boxSize(box)));
  const tile = await engine.load(program, buffers(program.weights));
  try {
    return await use(repeatedRun(tile, buffers(program.inputs)));
  } finally {
    // Before whatever is loaded next, without a trip of its own.
    void tile.dispose();
  }
}

/** Milliseconds inside the engine, each after a pause. */
async function restedRuns(run: Run, clock: Clock): Promise<number[]> {
  const times: number[] = [];
  await run();
  for (let count = 0; count < RESTED_RUNS; count++) {
    await pause(clock, PAUSE_MS);
    times.push(await run());
  }
  return times;
}

const pause = (clock: Clock, ms: number): Promise<void> => new Promise((resolve) => clock.after(ms, resolve));

/** What a tile takes after a pause beside its work: one without work takes `noneMs` inside the engine when it runs again and again. */
async function tileTimes(engine: Engine, clock: Clock, noneMs: number): Promise<TileTimes> {
  return withTile(engine, programOf(once([8], relu), 1), async (run) => {
    const trips: number[] = [];
    const inside = await restedRuns(async () => {
      const since = clock.now();
      const ms = await run();
      trips.push(Math.max(0, clock.now() - since - ms));
      return ms;
    }, clock);
    // The first run is not among the times inside either.
    return { tripMs: lowerQuartile(trips.slice(1)), wakeMs: Math.max(0, lowerQuartile(inside) - noneMs) };
  });
}

/**
 * The first experiment once more, when its code has been compiled for speed, and how many times longer it takes in the long run
 * than a run takes that nothing holds up.
 */
async function sustained(
  engine: Engine,
  samples: readonly WorkSample[],
): Promise<{ readonly base: WorkSample; readonly times: number }> {
  const noneMs = samples[1]!.computeMs;
  const stepOf = (oneMs: number): number => Math.max(oneMs - noneMs, oneMs / 2);
  const roughMs = stepOf(samples[0]!.computeMs);
  const repeats = Math.min(MOST_REPEATS, Math.max(1, Math.round(SUSTAINED_RUN_MS / roughMs)));
  const one = programOf(SUSTAINED, 1);
  return withTile(engine, programOf(SUSTAINED, repeats), async (run) => {
    // All at once: the engine must not fall idle between two of them, even if this thread is held up.
    const runFor = (ms: number, runMs: number): Promise<number[]> => {
      const count = Math.min(MOST_SUSTAINED_RUNS, Math.max(SAVED_RUNS + 1, Math.round(ms / runMs)));
      return Promise.all(Array.from({ length: count }, run));
    };
    const times = (await runFor(SUSTAINED_MS, repeats * roughMs)).slice(SAVED_RUNS);
    const oneMs = await withTile(engine, one, (again) =>
      undisturbedMs(again, one, SUSTAINED_BASE_RUNS * RUN_MS, samples),
    );
    const base = { work: programWork(one), computeMs: oneMs };
    const runMs = repeats * stepOf(oneMs);
    const first = slowdownOf(times, runMs);
    if (first < LEAST_SLOWDOWN) return { base, times: 1 };
    const spentMs = times.reduce((sum, ms) => sum + ms, 0);
    // A quota is there all the time; what other programs took for a moment is not.
    const more = await runFor((COUNTED_MS - spentMs) / first, runMs);
    const slowdown = slowdownOf(more, runMs);
    return { base, times: slowdown < LEAST_SLOWDOWN ? 1 : slowdown };
  });
}

const slowdownOf = (times: readonly number[], runMs: number): number =>
  times.reduce((sum, ms) => sum + ms, 0) / times.length / runMs;

/** As far as what was measured so far tells; nothing is repeated on a device of which nothing is known. */
function repeatsOf(experiment: Experiment, samples: readonly WorkSample[], runMs: number): number {
  if (!experiment.repeated || samples.length === 0) return 1;
  const expectedMs = expectedMsOf(programWork(programOf(experiment, 1)), samples);
  return Math.min(MOST_REPEATS, Math.max(1, Math.round(runMs / expectedMs)));
}

function programOf({ input, ops }: Experiment, repeats: number): TileProgram {
  const nodes: OpNode[] = Array.from({ length: repeats * ops.length }, (_, index) => ({
    id: `y${index}`,
    op: ops[index % ops.length]!,
    inputs: [index === 0 ? 'x' : `y${index - 1}`],
    // Repetitions have the same weights, which an engine holds once.
    weights: weightsOf(ops[index % ops.length]!, index % ops.length),
  }));
  const output = nodes.at(-1)!.id;
  const graph: Graph = { name: 'profile', inputs: [{ id: 'x', shape: input }], nodes, outputs: [output] };
  const box = fullBox(tensorShapes(graph).get(output)!);
  return compileTile(graph, { ops: [0, nodes.length], outputs: [{ tensor: output, box }] });
}

function weightsOf({ kind }: Op, index: number): Record<string, string> {
  if (kind === 'conv' || kind === 'dense') return { kernel: `kernel${index}` };
  if (kind !== 'batch-norm') return {};
  return Object.fromEntries(['mean', 'variance', 'gamma', 'beta'].map((role) => [role, `${role}${index}`]));
}

/**
 * All positive, and so large that no chain dies away: numbers near the smallest are slow on many processors, infinity is
 * not.
 */
function values(random: Random, length: number): Float32Array {
  const result = new Float32Array(length);
  // A large buffer is copies of its beginning: making up numbers would take longer than the measurement.
  const period = Math.min(length, 997);
  for (let i = 0; i < period; i++) result[i] = 0.2 + random.next() * 0.1;
  for (let done = period; done < length; done *= 2) result.copyWithin(done, 0, Math.min(done, length - done));
  return result;
}

/** Of a run that nothing held up, from several that take about `totalMs` together. */
async function undisturbedMs(
  run: Run,
  program: TileProgram,
  totalMs: number,
  samples: readonly WorkSample[],
): Promise<number> {
  const expectedMs = samples.length > 0 ? expectedMsOf(programWork(program), samples) : await run();
  if (expectedMs > Math.max(STALLED_MS, totalMs)) return run();
  const wanted = Math.ceil(totalMs / Math.max(expectedMs, 0.01));
  const count = Math.min(MOST_RUNS, Math.max(expectedMs > totalMs ? FEW_RUNS : LEAST_RUNS, wanted));
  const inputBytes = program.inputs.reduce((sum, { box }) => sum + 4 * boxSize(box), 0);
  const times: number[] = [];
  let posted = 0;
  const post = async (): Promise<void> => {
    while (posted++ < count) times.push(await run());
  };
  await Promise.all(Array.from({ length: inputBytes * count < SMALL_BYTES ? count : AT_ONCE }, post));
  return lowerQuartile(times);
}
