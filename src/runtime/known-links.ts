import type { LinkProfile } from '../planner/world.ts';
import type { MeasuredLink } from './measure-link.ts';

/** Of a plan with so many times more links, or fewer, another one's round trips say little. */
const FEWER_LINKS = 2;

interface Among {
  /** Links that were busy at that time, this one included. */
  readonly count: number;
  /** Those that begin or end at the busier one of its ends. */
  readonly atEnds: number;
  readonly roundTripMs: number;
}

/** A question and its answer, on each of the links at an end, while one goes there and back. */
const MESSAGES_PER_LINK = 2;

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

/**
 * With what a round trip among others takes beyond that of one alone and what its ends do for all of the others, which is what pieces cost them:
 * in proportion to the other links.
 */
function amongMany(alone: MeasuredLink, among: Among | undefined, count: number): LinkProfile {
  if (!among) return alone;
  const part = among.count > 1 ? Math.min(1, (count - 1) / (among.count - 1)) : 1;
  const atEndsMs = MESSAGES_PER_LINK * (among.atEnds - 1) * alone.pieceMs;
  const sharedMs = Math.max(0, among.roundTripMs - alone.roundTripMs - atEndsMs);
  return { ...alone, roundTripMs: alone.roundTripMs + part * sharedMs };
}
