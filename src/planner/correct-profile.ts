import { median } from '../shared/median.ts';
import { workMs, type Work } from './cost-model.ts';
import type { WorkSample } from './fit-rates.ts';
import { withEngineTimes } from './engine-times.ts';
import { OP_CLASSES, type DeviceProfile, type OpClass } from './profile.ts';

/** How much slower a device is than its profile says, per op class; 1 where it is as fast. */
export interface Correction {
  readonly factors: Readonly<Record<OpClass, number>>;
  /** Latest observations of each kind of tile, as ratios of observed to profile; the oldest first. */
  readonly recent: ReadonlyMap<string, RecentTile>;
}

interface RecentTile {
  readonly work: Work;
  readonly ratios: readonly number[];
}

/** The middle of three: one frame that was disturbed changes nothing, two slow ones in a row do. */
const RECENT = 3;
/** Kinds of tiles that are remembered, the latest: those of a plan and its successor. */
const MOST_KINDS = 64;
/** Of the way to what was seen, per observation, while it is near to what was expected. */
const STEP = 0.25;
/** What is further off is no noise: the correction goes all the way at once. */
const SUDDEN = 1.3;
const LEAST = 1 / 64;
const MOST = 64;

export const noCorrection: Correction = {
  factors: Object.fromEntries(OP_CLASSES.map((name) => [name, 1])) as Record<OpClass, number>,
  recent: new Map(),
};

/**
 * Takes one observation in. What is far from expected says that the device as such is slower, or faster: all classes that the tile uses
 * move. What is near moves each class by the part that it has of the tile's time: a rate that was measured wrong is corrected
 * where it shows. The classes that
 * no tile uses follow the others: a processor that is slower is slower at everything.
 * @param profile as the device measured it, uncorrected.
 */
export function observeTile(
  correction: Correction,
  profile: DeviceProfile,
  { work, computeMs }: WorkSample,
): Correction {
  const leastMs = workMs(work, profile);
  if (!(computeMs > 0) || !Number.isFinite(computeMs) || !(leastMs > 0)) return correction;
  // What is reported may have the way to the engine's thread in it, or not: between the two all is as expected.
  const expectedMs = Math.min(Math.max(computeMs, leastMs), leastMs + profile.tileMs);
  const key = work.join(' ');
  const known = correction.recent.get(key);
  const ratio = Math.min(MOST, Math.max(LEAST, computeMs / expectedMs));
  const ratios = [...(known?.ratios ?? []), ratio].slice(-RECENT);
  const recent = new Map(correction.recent);
  // The latest last: the oldest kinds are forgotten first.
  recent.delete(key);
  recent.set(key, { work, ratios });
  if (recent.size > MOST_KINDS) recent.delete(recent.keys().next().value!);

  const shares = classShares(work, profile);
  const current = OP_CLASSES.reduce((sum, name) => sum + shares[name] * correction.factors[name], 0);
  const seen = median(ratios);
  const change = seen / current;
  const isSudden = change > SUDDEN || change < 1 / SUDDEN;
  const reach = isSudden ? 1 : STEP;
  // From a single observation nothing sudden follows.
  const step = ratios.length === 1 && correction.recent.size > 0 ? Math.min(reach, STEP) : reach;
  const target = change ** step;
  const factors = { ...correction.factors };
  const used = OP_CLASSES.filter((name) => shares[name] > 0);
  const heaviest = Math.max(...used.map((name) => shares[name]));
  for (const name of used) {
    // A processor that is throttled is so in everything that it does.
    const weight = isSudden ? 1 : shares[name] / heaviest;
    factors[name] = clamp(factors[name] * target ** weight);
  }
  const seenClasses = new Set<OpClass>();
  for (const tile of recent.values()) {
    const its = classShares(tile.work, profile);
    for (const name of OP_CLASSES) if (its[name] >= 0.05) seenClasses.add(name);
  }
  const typical = median([...seenClasses].map((name) => factors[name]));
  for (const name of OP_CLASSES) {
    if (!seenClasses.has(name) && seenClasses.size > 0) factors[name] = clamp(typical);
  }
  return { factors, recent };
}

/** The profile as the observations would have it. */
export function correctedProfile(profile: DeviceProfile, { factors }: Correction): DeviceProfile {
  const overall = median(Object.values(factors));
  return withEngineTimes(profile, (ms, name) => ms * (name ? factors[name] : overall));
}

/** Rounds in which the classes of a few tiles come to terms. */
const ROUNDS = 40;

/**
 * The profile as tiles would have it whose times are averages already, as a session keeps them. Without any it is the
 * profile as it is.
 */
export function profileByTiles(profile: DeviceProfile, tiles: readonly WorkSample[]): DeviceProfile {
  let correction = noCorrection;
  for (let round = 0; round < ROUNDS; round++) {
    for (const tile of tiles) correction = observeTile(correction, profile, tile);
  }
  return correctedProfile(profile, correction);
}

const clamp = (factor: number): number => Math.min(MOST, Math.max(LEAST, factor));

/** What part of a tile's time each class is expected to take; what belongs to no class is dealt in proportion. */
function classShares(work: Work, { rates }: DeviceProfile): Record<OpClass, number> {
  const times = OP_CLASSES.map((name, index) => {
    const { stepMs, msPerMac, msPerByte } = rates[name];
    const at = index * 3;
    return work[at]! * stepMs + work[at + 1]! * msPerMac + work[at + 2]! * msPerByte;
  });
  const sum = times.reduce((total, ms) => total + ms, 0);
  const even = 1 / OP_CLASSES.length;
  return Object.fromEntries(
    OP_CLASSES.map((name, index) => [name, sum > 0 ? times[index]! / sum : even]),
  ) as Record<OpClass, number>;
}
