import type { Engine, LoadedTile } from '../engine/engine.ts';
import { boxSize, fullBox, type Shape } from '../graph/box.ts';
import type { Graph, OpNode } from '../graph/graph.ts';
import type { Op } from '../graph/op.ts';
import { tensorShapes } from '../graph/shapes.ts';
import { compileTile, type TileProgram } from '../graph/tile-program.ts';
import { programWork } from '../planner/cost-model.ts';
import { expectedMsOf, fitRates, type EngineRates, type WorkSample } from '../planner/fit-rates.ts';
import type { Clock } from '../shared/clock.ts';
import { seededRandom, type Random } from '../shared/random.ts';

export interface MeasureEngineOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  /** No experiment is begun later than this; what was not measured follows from the rest. */
  readonly budgetMs?: number;
}

const DEFAULT_BUDGET_MS = 1250;
/** A run that is to be timed: long enough for clocks, short enough to be over before a scheduler takes the processor away. */
const RUN_MS = 3;
const LEAST_RUNS = 5;
const MOST_RUNS = 40;
const MOST_REPEATS = 100;
/** Of the runs of a tile counts the one that this part of them was faster than: nothing held it up. */
const UNDISTURBED = 0.1;
/** Loading a tile, which runs it once, beside the runs that are timed: about as long as so many of them. */
const LOADING_RUNS = 3;
/**
 * How much of the processor the engine gets in the long run is told by work without a pause. Quotas are looked after every few
 * milliseconds only: a thread runs on for some of them, and stands still for some more. The first part of the time it may
 * live on what it has saved.
 */
const SUSTAINED_MS = 260;
const SAVED_MS = 40;
/** A run as long as that has stood still already, as often as it had to. */
const STALLED_MS = 20;
/** Less is what messages and other programs take. */
const LEAST_SLOWDOWN = 1.25;
/** Runs that the engine has before it at a time: it must not fall idle between two of them, even if this thread is held up. */
const AHEAD = 16;

/** The chain that is measured in the long run, as soon as it is known how long it has to be. */
const SUSTAINED_AFTER = 2;

/** A chain of ops, each after the one before it; `repeated` as often as it takes to last. */
interface Experiment {
  readonly input: Shape;
  readonly ops: readonly Op[];
  readonly repeated: boolean;
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

/**
 * In the order of their worth, for time may run out. Of each class a case where every step's own time counts, and cases
 * of the sizes that layers of networks have, small tensors that stay in caches and large ones that do not.
 */
const EXPERIMENTS: readonly Experiment[] = [
  // How fast about this device is: the others are made as long as they have to be by what is known then.
  once([14, 14, 128], convolution(3, 128)),
  chain([14, 14, 128], convolution(3, 128)),
  once([8], relu),
  chain([14, 14, 256], convolution(1, 256)),
  // 16 MB each way: more than most caches hold.
  chain([1024], dense(4096), dense(1024)),
  chain([28, 28, 64], depthwise(64)),
  chain([28, 28, 64], pool(3)),
  chain([56, 56, 32], relu),
  once([112, 112, 32], relu),
  chain([64, 64, 3], convolution(3, 24), convolution(3, 3)),
  chain([4, 4, 16], convolution(3, 16)),
  chain([4, 4, 16], convolution(1, 16)),
  chain([4, 4, 16], depthwise(16)),
  chain([32], dense(32)),
  chain([8], relu),
  chain([4, 4, 8], pool(2)),
  chain([28, 28, 64], convolution(3, 64)),
  chain([56, 56, 16], convolution(1, 32), convolution(1, 16)),
  chain([56, 56, 64], depthwise(64)),
  chain([32, 32, 16], sigmoid),
  chain([56, 56, 32], pool(2)),
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
  const random = seededRandom(1901);
  const samples: WorkSample[] = [];
  const startedAt = clock.now();
  let leastTripMs = Infinity;
  let slowdown = 1;
  for (const [index, experiment] of EXPERIMENTS.entries()) {
    const leftMs = budgetMs - (clock.now() - startedAt);
    // One sample is better than none, on whatever device.
    if (leftMs <= 0 && index > 0) break;
    if (index === SUSTAINED_AFTER) slowdown = await sustainedSlowdown(engine, clock, samples);
    const shareMs = leftMs / (EXPERIMENTS.length - index);
    const runMs = Math.min(RUN_MS, shareMs / (LEAST_RUNS + LOADING_RUNS));
    const program = programOf(experiment, repeatsOf(experiment, samples, runMs));
    const tile = await engine.load(
      program,
      program.weights.map(({ box }) => values(random, boxSize(box))),
    );
    try {
      const inputs = program.inputs.map(({ box }) => values(random, boxSize(box)));
      const { computeMs, tripMs } = await timeTile(tile, inputs, clock, LEAST_RUNS * runMs);
      samples.push({ work: programWork(program), computeMs });
      leastTripMs = Math.min(leastTripMs, tripMs);
    } finally {
      await tile.dispose();
    }
  }
  return fitRates(
    samples.map(({ work, computeMs }) => ({
      work,
      computeMs: computeMs > STALLED_MS ? computeMs : computeMs * slowdown,
    })),
    leastTripMs,
  );
}

/** How many times longer work takes in the long run than a run takes that nothing holds up. */
async function sustainedSlowdown(
  engine: Engine,
  clock: Clock,
  samples: readonly WorkSample[],
): Promise<number> {
  const experiment = EXPERIMENTS[SUSTAINED_AFTER - 1]!;
  const random = seededRandom(1902);
  const program = programOf(experiment, repeatsOf(experiment, samples, RUN_MS));
  const tile = await engine.load(
    program,
    program.weights.map(({ box }) => values(random, boxSize(box))),
  );
  try {
    const inputs = program.inputs.map(({ box }) => values(random, boxSize(box)));
    const startedAt = clock.now();
    const runs: number[] = [];
    const post = async (): Promise<void> => {
      while (clock.now() - startedAt < SUSTAINED_MS) {
        const { computeMs } = await tile.run(inputs.map((input) => input.slice()));
        runs.push(computeMs);
      }
    };
    await Promise.all(Array.from({ length: AHEAD }, post));
    // By the engine's own times: this thread may be held up as well, and learn of many runs at once.
    let savedMs = 0;
    const counted = runs.filter((computeMs) => (savedMs += computeMs) > SAVED_MS);
    if (counted.length < LEAST_RUNS) return 1;
    const slowdown = counted.reduce((sum, ms) => sum + ms, 0) / counted.length / undisturbed(runs);
    return slowdown < LEAST_SLOWDOWN ? 1 : slowdown;
  } finally {
    await tile.dispose();
  }
}

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

interface TileTimes {
  /** Of a run that nothing held up, inside the engine. */
  readonly computeMs: number;
  /** There and back to the engine's thread. */
  readonly tripMs: number;
}

/**
 * Runs a tile for about `totalMs`. First alone, for the trip; then several times at once, which takes one trip more, on a device
 * where this thread has to wait for its turn.
 */
async function timeTile(
  tile: LoadedTile,
  inputs: readonly Float32Array[],
  clock: Clock,
  totalMs: number,
): Promise<TileTimes> {
  const run = async (): Promise<number> => (await tile.run(inputs.map((input) => input.slice()))).computeMs;
  const since = clock.now();
  const first = await run();
  const tripMs = Math.max(0, clock.now() - since - first);
  // On a device where a single run takes so long, it has to do.
  const count = Math.min(MOST_RUNS, Math.max(LEAST_RUNS - 1, Math.ceil(totalMs / Math.max(first, 0.01))));
  if (first > totalMs) return { computeMs: first, tripMs };
  const times = await Promise.all(Array.from({ length: count }, run));
  return { computeMs: undisturbed([first, ...times]), tripMs };
}

const undisturbed = (times: readonly number[]): number =>
  [...times].sort((a, b) => a - b)[Math.floor((times.length - 1) * UNDISTURBED)]!;
