import { seededRandom } from '../shared/random.ts';
import { median } from '../shared/median.ts';
import type { PresetName } from './device-presets.ts';
import { presetDevice, sped, withRate, type DevicesSpec, type DeviceSpec } from './devices-file.ts';

export interface Spread {
  readonly low: number;
  readonly high: number;
}

/** From which devices are drawn: presets in turn, each changed by what is drawn for it. */
export interface Population {
  readonly presets: readonly PresetName[];
  /** Factor on the preset's speed. */
  readonly speed?: Spread;
  readonly rateMbit?: Spread;
  /** One way. */
  readonly delayMs?: Spread;
  readonly memoryBytes?: Spread;
  /** Share of packets. */
  readonly loss?: Spread;
  /** Who sends the input; like the first preset, unchanged, when absent. It does not compute. */
  readonly requester?: PresetName;
}

/**
 * The first `count` devices of draw number `draw`. Draws are nested: the same draw with more devices has the ones before
 * and others after them. Factors, rates, delays and sizes are uniform in their logarithm (half of them below the
 * geometric middle), losses uniform.
 */
export function drawDevices(
  population: Population,
  count: number,
  { seed, draw }: { readonly seed: number; readonly draw: number },
): DevicesSpec {
  const random = seededRandom(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(draw + 1, 0x85ebca6b));
  const { presets } = population;
  const devices = Array.from({ length: count }, (_, index): DeviceSpec => {
    const preset = presets[index % presets.length]!;
    // Every device takes the same numbers from the sequence, asked for or not: a range more leaves the others as they were.
    const [speed, rate, delay, memory, loss] = Array.from({ length: 5 }, () => random.next());
    return drawn(presetDevice(preset), `${preset}-${index + 1}`, {
      speed: logUniform(population.speed, speed!),
      rateMbit: logUniform(population.rateMbit, rate!),
      delayMs: logUniform(population.delayMs, delay!),
      memoryBytes: logUniform(population.memoryBytes, memory!),
      loss: population.loss && population.loss.low + loss! * (population.loss.high - population.loss.low),
    });
  });
  const requester = { ...presetDevice(population.requester ?? presets[0]!), name: 'requester' };
  return { devices, requester, links: [] };
}

interface Draw {
  readonly speed: number | undefined;
  readonly rateMbit: number | undefined;
  readonly delayMs: number | undefined;
  readonly memoryBytes: number | undefined;
  readonly loss: number | undefined;
}

function drawn(base: DeviceSpec, name: string, draw: Draw): DeviceSpec {
  const { speed = 1, rateMbit = base.rateMbit, delayMs = base.delayMs, loss = 0 } = draw;
  return {
    ...base,
    name,
    profile: withRate(sped(base.profile, speed), rateMbit),
    rateMbit,
    delayMs,
    loss,
    memoryBytes: Math.floor(draw.memoryBytes ?? base.memoryBytes),
  };
}

function logUniform(spread: Spread | undefined, at: number): number | undefined {
  if (!spread) return undefined;
  const { low, high } = spread;
  // There is no logarithm of no delay at all.
  return low > 0 ? low * (high / low) ** at : high * at;
}

/** What the best plan for the first `devices` of a draw is expected to do; `refused` where none fits. */
export type ScalingSample = { readonly devices: number; readonly draw: number } & (
  | {
      readonly latencyMs: number;
      readonly framesPerSecond: number;
      /** Over the best single device of the draw. */
      readonly gain?: number;
      /** Devices that have something to do. */
      readonly used: number;
      /** The search was ended by its time budget. */
      readonly isCut: boolean;
    }
  | { readonly refused: string }
);

export type ScalingMetric = 'latencyMs' | 'framesPerSecond';

/** One number of devices: median and extremes over the draws that could be planned. */
export interface ScalingPoint {
  readonly devices: number;
  readonly draws: number;
  /** Draws for which there is no plan, and why in the first of them. */
  readonly refused: number;
  readonly reason?: string;
  readonly latencyMs?: Extremes;
  readonly framesPerSecond?: Extremes;
  readonly gain?: Extremes;
  readonly used?: number;
  /** Gain per device that is there. */
  readonly efficiency?: number;
  /** Draws whose search was ended by its time budget: there may be better plans. */
  readonly cut: number;
}

export interface Extremes {
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

const extremes = (values: readonly number[]): Extremes => ({
  low: Math.min(...values),
  median: median(values),
  high: Math.max(...values),
});

/** The samples of all draws by number of devices, fewest first. */
export function scalingCurve(samples: readonly ScalingSample[]): ScalingPoint[] {
  const counts = [...new Set(samples.map(({ devices }) => devices))].sort((a, b) => a - b);
  return counts.map((devices) => {
    const all = samples.filter((sample) => sample.devices === devices);
    const planned = all.flatMap((sample) => ('refused' in sample ? [] : [sample]));
    const reasons = all.flatMap((sample) => ('refused' in sample ? [sample.refused] : []));
    const base = {
      devices,
      draws: all.length,
      refused: reasons.length,
      ...(reasons[0] === undefined ? {} : { reason: reasons[0] }),
      cut: planned.filter(({ isCut }) => isCut).length,
    };
    if (planned.length === 0) return base;
    const gains = planned.flatMap(({ gain }) => gain ?? []);
    return {
      ...base,
      latencyMs: extremes(planned.map(({ latencyMs }) => latencyMs)),
      framesPerSecond: extremes(planned.map(({ framesPerSecond }) => framesPerSecond)),
      used: median(planned.map(({ used }) => used)),
      ...(gains.length === 0 ? {} : { gain: extremes(gains), efficiency: median(gains) / devices }),
    };
  });
}

/** What a doubling of the devices must gain to be worth it, unless somebody says otherwise. */
export const WORTHWHILE = 0.25;

export type Knee =
  /** Every larger number that was looked at gains less than `worthwhile` per doubling from here on. */
  | { readonly kind: 'at'; readonly devices: number }
  /** The largest number still gained that much: the knee lies beyond it. */
  | { readonly kind: 'beyond'; readonly devices: number }
  /** Fewer than two numbers of devices could be planned for. */
  | { readonly kind: 'unknown' };

/**
 * The knee of a scaling curve: the smallest number of devices from which no larger one gains `worthwhile` (a share) or
 * more per doubling, by the medians. What is gained from `n` to `m` devices counts as `(better)^(1 / log2(m / n)) − 1`
 * per doubling, so that numbers need not double.
 */
export function findKnee(
  points: readonly ScalingPoint[],
  metric: ScalingMetric,
  worthwhile: number = WORTHWHILE,
): Knee {
  const known = points.flatMap((point) => {
    const value = point[metric]?.median;
    return value === undefined
      ? []
      : [{ devices: point.devices, speed: metric === 'latencyMs' ? 1 / value : value }];
  });
  const last = known.at(-1);
  if (!last || known.length < 2) return { kind: 'unknown' };
  const knee = known.find(({ devices, speed }, index) =>
    known
      .slice(index + 1)
      .every((later) => (later.speed / speed) ** (1 / Math.log2(later.devices / devices)) - 1 < worthwhile),
  )!;
  return knee.devices === last.devices
    ? { kind: 'beyond', devices: last.devices }
    : { kind: 'at', devices: knee.devices };
}
