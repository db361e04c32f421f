import type { LinkProfile } from '../planner/world.ts';
import type { LinkTrips, MeasuredLink } from './measure-link.ts';

/** Of a plan with so many times more links, or fewer, another one's round trips say little. */
const FEWER_LINKS = 2;

interface Among {
  /** Links that were busy at that time, this one included. */
  readonly count: number;
  readonly trips: LinkTrips;
}

/**
 * What was measured of links, by key: each by itself, and then among all links of a plan. Small messages take longer the more links are busy,
 * so round trips are those among a number of links.
 */
export class KnownLinks {
  readonly #alone = new Map<string, MeasuredLink>();
  readonly #among = new Map<string, Among>();

  get size(): number {
    return this.#alone.size;
  }

  has(key: string): boolean {
    return this.#alone.has(key);
  }

  add(key: string, profile: MeasuredLink): void {
    this.#alone.set(key, profile);
  }

  addAmong(key: string, among: Among): void {
    this.#among.set(key, among);
  }

  /** Measured among about as many links as `count`, or not at all. */
  isAsUsed(key: string, count: number): boolean {
    const measured = this.#among.get(key)?.count;
    return measured === undefined || aboutAsMany(measured, count);
  }

  /** All that are known are. */
  areAsUsed(count: number): boolean {
    return [...this.#among.keys()].every((key) => this.isAsUsed(key, count));
  }

  /** Round trips as they are among `count` links; by default as they were measured last. */
  at(count = Infinity): ReadonlyMap<string, LinkProfile> {
    return new Map(
      [...this.#alone].map(([key, alone]) => [key, amongMany(alone, this.#among.get(key), count)]),
    );
  }
}

export const aboutAsMany = (a: number, b: number): boolean => a < FEWER_LINKS * b && b < FEWER_LINKS * a;

/** Between what it takes alone and what it took among many, in proportion to the other links. */
function amongMany(alone: MeasuredLink, among: Among | undefined, count: number): LinkProfile {
  if (!among) return alone;
  const part = among.count > 1 ? Math.min(1, (count - 1) / (among.count - 1)) : 1;
  const between = (one: number, many: number): number => one + (many - one) * part;
  return {
    ...alone,
    roundTripMs: between(alone.roundTripMs, among.trips.roundTripMs),
    pieceMs: between(alone.pieceMs, among.trips.pieceMs),
  };
}
