import type { Engine, LoadedTile } from '../engine/engine.ts';
import { boxSize, fullBox, type Shape } from '../graph/box.ts';
import type { Graph, OpNode } from '../graph/graph.ts';
import type { Op } from '../graph/op.ts';
import { tensorShapes } from '../graph/shapes.ts';
import { compileTile, type TileProgram } from '../graph/tile-program.ts';
import { programWork, type Work } from '../planner/cost-model.ts';
import { fitRates, type EngineRates } from '../planner/fit-rates.ts';
import type { Clock } from '../shared/clock.ts';
import { seededRandom, type Random } from '../shared/random.ts';

export interface MeasureEngineOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  /** No sample is begun later than this; what was not measured follows from the rest. */
  readonly budgetMs?: number;
}

const DEFAULT_BUDGET_MS = 1200;
/** Runs that the engine's thread has before it at a time: between two of them it must not fall idle. */
const AHEAD = 3;
const MAX_RUNS = 400;
/** A group of runs that took so much longer than most was disturbed. */
const DISTURBED = 1.5;
const GROUPS = 6;

/** A chain of ops, each after the one before it. */
interface Experiment {
  readonly input: Shape;
  readonly ops: readonly Op[];
}

const convolution = (size: number, outChannels: number, stride = 1, groups = 1): Op => ({
  kind: 'conv',
  kernelSize: [size, size],
  strides: [stride, stride],
  dilations: [1, 1],
  padding: [
    [size >> 1, size >> 1],
    [size >> 1, size >> 1],
  ],
  groups,
  outChannels,
});
const depthwise = (channels: number, stride = 1): Op => convolution(3, channels, stride, channels);
const dense = (units: number): Op => ({ kind: 'dense', units });
const pool = (size: number): Op => ({
  kind: 'max-pool',
  poolSize: [size, size],
  strides: [2, 2],
  padding: [
    [0, size - 2],
    [0, size - 2],
  ],
});
const smoothing: Op = {
  kind: 'max-pool',
  poolSize: [3, 3],
  strides: [1, 1],
  padding: [
    [1, 1],
    [1, 1],
  ],
};
const relu: Op = { kind: 'activation', function: 'relu' };
const sigmoid: Op = { kind: 'activation', function: 'sigmoid' };
const norm: Op = { kind: 'batch-norm', epsilon: 1e-3, scale: true, center: true };
const repeat = (op: Op, count: number): Op[] => Array<Op>(count).fill(op);

/**
 * In the order of their worth, for time may run out. Of each class a case where every step's own time counts, and cases
 * of the sizes that layers of networks have, small tensors that stay in caches and large ones that do not.
 */
const EXPERIMENTS: readonly Experiment[] = [
  { input: [14, 14, 128], ops: [convolution(3, 128)] },
  { input: [8], ops: [relu] },
  { input: [14, 14, 256], ops: [convolution(1, 256), convolution(1, 128)] },
  { input: [2048], ops: [dense(4096)] },
  { input: [28, 28, 64], ops: [depthwise(64), depthwise(64)] },
  { input: [28, 28, 64], ops: repeat(smoothing, 3) },
  { input: [56, 56, 32], ops: repeat(relu, 4) },
  { input: [112, 112, 16], ops: [relu] },
  { input: [64, 64, 3], ops: [convolution(3, 32)] },
  { input: [4, 4, 16], ops: repeat(convolution(3, 16), 48) },
  { input: [4, 4, 16], ops: repeat(convolution(1, 16), 64) },
  { input: [4, 4, 16], ops: repeat(depthwise(16), 64) },
  { input: [32], ops: repeat(dense(32), 96) },
  { input: [8], ops: repeat(relu, 128) },
  { input: [28, 28, 64], ops: [convolution(3, 64)] },
  { input: [56, 56, 16], ops: [convolution(1, 32), convolution(1, 16)] },
  { input: [512], ops: [dense(512), dense(512)] },
  { input: [112, 112, 16], ops: [depthwise(16)] },
  { input: [28, 28, 128], ops: [pool(3)] },
  { input: [112, 112, 16], ops: [pool(2)] },
  { input: [32, 32, 16], ops: repeat(sigmoid, 2) },
  { input: [8, 8, 8], ops: [pool(2), pool(2), pool(2)] },
  { input: [28, 28, 64], ops: repeat(norm, 2) },
  { input: [7, 7, 512], ops: [{ kind: 'global-pool', mode: 'avg', keepDims: false }] },
];

export interface TileTimes {
  /** Of a run, inside the engine; the mean of runs that follow upon each other. */
  readonly computeMs: number;
  /** From one of these runs to the next. */
  readonly gapMs: number;
  /** There and back to the engine's thread, of a run that is alone. */
  readonly tripMs: number;
}

/**
 * Of a run among many, in the long run. A thread that has used up its part of a processor stands still, and may do so
 * between two runs as well as in one: what a gap is longer than the shortest gaps belongs to the run.
 */
export const sustainedMs = ({ computeMs, gapMs }: TileTimes, leastGapMs: number): number =>
  computeMs + Math.max(0, gapMs - leastGapMs);

/**
 * Runs small tiles of every class and finds the rates that explain their times best. Works on any engine, in a worker or
 * not; on one that is held to a part of a processor it sees that part, because its samples follow upon each other without a
 * pause and last longer than a scheduler's period.
 */
export async function measureEngine({
  engine,
  clock,
  budgetMs = DEFAULT_BUDGET_MS,
}: MeasureEngineOptions): Promise<EngineRates> {
  const random = seededRandom(1901);
  const timed: { readonly work: Work; readonly times: TileTimes }[] = [];
  const startedAt = clock.now();
  for (const [index, experiment] of EXPERIMENTS.entries()) {
    const leftMs = budgetMs - (clock.now() - startedAt);
    // One sample is better than none, on whatever device.
    if (leftMs <= 0 && index > 0) break;
    const program = programOf(experiment);
    const tile = await engine.load(program, program.weights.map(({ box }) => values(random, boxSize(box)))); // prettier-ignore
    try {
      const inputs = program.inputs.map(({ box }) => values(random, boxSize(box)));
      const shareMs = (budgetMs - (clock.now() - startedAt)) / (EXPERIMENTS.length - index);
      timed.push({ work: programWork(program), times: await timeTile(tile, inputs, clock, shareMs) });
    } finally {
      await tile.dispose();
    }
  }
  const leastOf = (read: (times: TileTimes) => number): number =>
    timed.reduce((least, { times }) => Math.min(least, read(times)), Infinity);
  const gapMs = leastOf((times) => times.gapMs);
  const samples = timed.map(({ work, times }) => ({ work, computeMs: sustainedMs(times, gapMs) }));
  return fitRates(
    samples,
    leastOf(({ tripMs }) => tripMs),
  );
}

function programOf({ input, ops }: Experiment): TileProgram {
  const nodes: OpNode[] = ops.map((op, index) => ({
    id: `y${index}`,
    op,
    inputs: [index === 0 ? 'x' : `y${index - 1}`],
    weights: weightsOf(op, index),
  }));
  const output = `y${ops.length - 1}`;
  const graph: Graph = { name: 'profile', inputs: [{ id: 'x', shape: input }], nodes, outputs: [output] };
  const box = fullBox(tensorShapes(graph).get(output)!);
  return compileTile(graph, { ops: [0, ops.length], outputs: [{ tensor: output, box }] });
}

function weightsOf({ kind }: Op, index: number): Record<string, string> {
  if (kind === 'conv' || kind === 'dense') return { kernel: `kernel${index}` };
  if (kind !== 'batch-norm') return {};
  return Object.fromEntries(['mean', 'variance', 'gamma', 'beta'].map((role) => [role, `${role}${index}`]));
}

/** Of the size of real weights: nothing so small that processors slow down. All positive, for square roots. */
function values(random: Random, length: number): Float32Array {
  const result = new Float32Array(length);
  // A large buffer is copies of its beginning: making up numbers would take longer than the measurement.
  const period = Math.min(length, 997);
  for (let i = 0; i < period; i++) result[i] = 0.01 + random.next() * 0.05;
  for (let done = period; done < length; done *= 2) result.copyWithin(done, 0, Math.min(done, length - done));
  return result;
}

export async function timeTile(
  tile: LoadedTile,
  inputs: readonly Float32Array[],
  clock: Clock,
  shareMs: number,
): Promise<TileTimes> {
  const run = async (): Promise<number> => (await tile.run(inputs.map((input) => input.slice()))).computeMs;
  const startedAt = clock.now();
  let first = await run();
  let tripMs = clock.now() - startedAt - first;
  // Behind a load an engine may still tidy up, which the first run waits for. Where a run takes long that is nothing to it.
  if (first < shareMs / 8) {
    const since = clock.now();
    first = await run();
    tripMs = clock.now() - since - first;
  }
  const times: number[] = [];
  const streamedAt = clock.now();
  let posted = 0;
  const isOver = (): boolean => posted >= MAX_RUNS || (posted > 0 && clock.now() - startedAt >= shareMs);
  const post = async (): Promise<void> => {
    while (!isOver()) {
      posted += 1;
      times.push(await run());
    }
  };
  await Promise.all(Array.from({ length: AHEAD }, post));
  const computedMs = times.reduce((sum, ms) => sum + ms, 0);
  return {
    computeMs: undisturbedMean(times.length > 0 ? times : [first]),
    gapMs: Math.max(0, clock.now() - streamedAt - computedMs) / Math.max(1, times.length),
    tripMs: Math.max(0, tripMs),
  };
}

/** The mean, without groups of runs in which the machine did something else for long. */
export function undisturbedMean(times: readonly number[]): number {
  const mean = (list: readonly number[]): number => list.reduce((sum, ms) => sum + ms, 0) / list.length;
  if (times.length < GROUPS) return [...times].sort((a, b) => a - b)[(times.length - 1) >> 1]!;
  const groups = Array.from({ length: GROUPS }, (_, group) =>
    mean(
      times.slice(
        Math.floor((group * times.length) / GROUPS),
        Math.floor(((group + 1) * times.length) / GROUPS),
      ),
    ),
  );
  const typical = [...groups].sort((a, b) => a - b)[(GROUPS - 1) >> 1]!;
  return mean(groups.filter((ms) => ms <= typical * DISTURBED));
}
