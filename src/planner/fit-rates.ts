import { median } from '../shared/median.ts';
import { WORK_LENGTH, type Work } from './cost-model.ts';
import { nonNegativeLeastSquares } from './least-squares.ts';
import { OP_CLASSES, type ClassRate, type DeviceProfile, type OpClass } from './profile.ts';

export type EngineRates = Pick<DeviceProfile, 'rates' | 'tileMs' | 'tripMs' | 'tileMsPerByte'>;

/** This work, in one tile, took so long inside the engine. */
export interface WorkSample {
  readonly work: Work;
  readonly computeMs: number;
}

/** What a tile takes beside its ops, milliseconds. */
export interface TileTimes {
  /** To the engine's thread and back. */
  readonly tripMs: number;
  /** Inside the engine, after a pause: what it has to find again. */
  readonly wakeMs: number;
}

/** Relative to the samples: enough to decide what they leave open, too little to matter where they do not. */
const PRIOR_WEIGHT = 0.05;
/** Of what is expected: of several rates that explain the same times none is taken for all. */
const LEAST_PART = 0.1;
/** Errors above it count by their size, not by its square. */
const TOLERANCE = 0.1;
const ROUNDS = 4;

/** Rates of one processor core in WebAssembly. Others are faster or slower, but their rates stand to each other somewhat like that. */
const TYPICAL: Readonly<Record<OpClass, ClassRate>> = {
  conv: { stepMs: 0.004, msPerMac: 5e-8, msPerByte: 5e-8 },
  pointwise: { stepMs: 0.003, msPerMac: 5e-8, msPerByte: 3e-8 },
  depthwise: { stepMs: 0.008, msPerMac: 2e-7, msPerByte: 5e-8 },
  dense: { stepMs: 0.003, msPerMac: 2e-8, msPerByte: 5e-8 },
  pool: { stepMs: 0.01, msPerMac: 5e-8, msPerByte: 5e-8 },
  elementwise: { stepMs: 0.003, msPerMac: 2e-6, msPerByte: 5e-8 },
};
const TYPICAL_TILE = { ms: 0.02, msPerByte: 1e-7 };

/** Rates with the time of a tile at the end, as `rowOf` has the work. */
const typicalRates = Float64Array.of(
  ...OP_CLASSES.flatMap((name) => [TYPICAL[name].stepMs, TYPICAL[name].msPerMac, TYPICAL[name].msPerByte]),
  TYPICAL_TILE.msPerByte,
  TYPICAL_TILE.ms,
);

const rowOf = (work: Work): Float64Array => Float64Array.of(...work, 1);

interface Timed {
  readonly row: Float64Array;
  readonly computeMs: number;
}

const timedOf = (samples: readonly WorkSample[]): Timed[] =>
  samples
    .filter(({ computeMs }) => computeMs > 0)
    .map(({ work, computeMs }) => ({ row: rowOf(work), computeMs }));

/** About how long this work will take, by the few samples that there are. */
export const expectedMsOf = (work: Work, samples: readonly WorkSample[]): number =>
  dot(rowOf(work), scaledToSamples(typicalRates, timedOf(samples)));

/**
 * The rates that come nearest to all samples, each counted by its relative error, and none of them negative. Samples
 * that fit to none of the others count less: the machine was doing something else.
 */
export function fitRates(samples: readonly WorkSample[], { tripMs, wakeMs }: TileTimes): EngineRates {
  const timed = timedOf(samples);
  const expected = scaledToSamples(typicalRates, timed);
  const least = expected.map((rate) => rate * LEAST_PART);
  let trust = timed.map(() => 1);
  let found = expected;
  for (let round = 0; round < ROUNDS; round++) {
    const rows: Float64Array[] = [];
    const goals: number[] = [];
    for (const [index, { row, computeMs }] of timed.entries()) {
      const weight = Math.sqrt(trust[index]!);
      const scaled = row.map((value) => (value / computeMs) * weight);
      rows.push(scaled);
      // What is looked for is how much more than the least each rate is: nothing takes no time.
      goals.push(weight - dot(scaled, least));
    }
    for (const [index, rate] of expected.entries()) {
      const row = new Float64Array(WORK_LENGTH + 1);
      row[index] = PRIOR_WEIGHT / rate;
      rows.push(row);
      goals.push(PRIOR_WEIGHT * (1 - LEAST_PART));
    }
    const rates = nonNegativeLeastSquares(rows, goals).map((more, index) => more + least[index]!);
    found = rates;
    trust = timed.map(({ row, computeMs }) =>
      Math.min(1, TOLERANCE / Math.abs(dot(row, rates) / computeMs - 1)),
    );
  }
  return {
    rates: Object.fromEntries(
      OP_CLASSES.map((name, index) => [
        name,
        { stepMs: found[index * 3]!, msPerMac: found[index * 3 + 1]!, msPerByte: found[index * 3 + 2]! },
      ]),
    ) as Record<OpClass, ClassRate>,
    tileMsPerByte: found[WORK_LENGTH - 1]!,
    tileMs: found[WORK_LENGTH]! + wakeMs + tripMs,
    tripMs,
  };
}

/**
 * The typical rates, each class as much slower as the samples are that it makes up. Classes that no sample is about are
 * as much slower as most.
 */
function scaledToSamples(typical: Float64Array, samples: readonly Timed[]): Float64Array {
  const ratios = samples.map(({ row, computeMs }) => computeMs / dot(row, typical));
  const most = median(ratios);
  const overall = Number.isFinite(most) ? most : 1;
  const scaled = typical.map((rate) => rate * overall);
  for (let at = 0; at < OP_CLASSES.length * 3; at += 3) {
    const own = ratios.filter((_, index) => {
      const { row } = samples[index]!;
      return dot(row.subarray(at, at + 3), typical.subarray(at, at + 3)) > dot(row, typical) / 2;
    });
    if (own.length === 0) continue;
    const slowness = median(own);
    for (let i = at; i < at + 3; i++) scaled[i] = typical[i]! * slowness;
  }
  return scaled;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
