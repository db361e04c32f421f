/** One question and its answer, in milliseconds of the two clocks. */
export interface ClockSample {
  /** This device's clock when the question left and when the answer came. */
  readonly sentMs: number;
  readonly receivedMs: number;
  /** The other device's clock when it answered. */
  readonly remoteMs: number;
}

/** Samples of one span of time compete for the shortest round trip; a new span follows the drift of the clocks. */
const BUCKET_MS = 10_000;
/** Two clocks part by no more than this: what NTP slews a clock by at most (500 ppm). */
const MAX_DRIFT = 5e-4;

interface Knot {
  readonly localMs: number;
  readonly remoteMs: number;
  readonly errorMs: number;
}

/**
 * Maps another device's clock to this one's, as NTP does: the answer was given somewhere between question and arrival, so
 * the middle is wrong by half the round trip at most. Of every ten seconds the sample with the shortest round trip
 * counts; between them the offset is interpolated, which covers drift and keeps order. An answer that waited while a connection was
 * rebuilt may be the only one of its ten seconds, and says less than its neighbours do: it does not count.
 */
export class ClockOffset {
  readonly #best = new Map<number, Knot>();
  #knots: readonly Knot[] | undefined;

  add({ sentMs, receivedMs, remoteMs }: ClockSample): void {
    const errorMs = Math.max(0, receivedMs - sentMs) / 2;
    const localMs = sentMs + errorMs;
    const bucket = Math.floor(localMs / BUCKET_MS);
    const known = this.#best.get(bucket);
    if (known && known.errorMs <= errorMs) return;
    this.#best.set(bucket, { localMs, remoteMs, errorMs });
    this.#knots = undefined;
  }

  /** Whether anything is known of the other clock. */
  get known(): boolean {
    return this.#best.size > 0;
  }

  /** What the other clock shows more than this one, at the latest estimate. */
  get offsetMs(): number {
    const last = this.#sorted().at(-1);
    return last ? last.remoteMs - last.localMs : 0;
  }

  /** Bound of the error of `toLocal`: half the round trip of the worst sample in use. Infinite without a sample. */
  get errorMs(): number {
    const knots = this.#sorted();
    return knots.length === 0 ? Infinity : Math.max(...knots.map(({ errorMs }) => errorMs));
  }

  /** This device's time at which the other clock showed `remoteMs`; strictly increasing. */
  toLocal(remoteMs: number): number {
    const knots = this.#sorted();
    const after = knots.findIndex((knot) => knot.remoteMs >= remoteMs);
    const next = after < 0 ? knots.at(-1) : knots[after];
    const previous = after > 0 ? knots[after - 1] : undefined;
    if (!next) throw new RangeError('a clock without samples cannot be mapped');
    if (!previous) return next.localMs + (remoteMs - next.remoteMs);
    const share = (remoteMs - previous.remoteMs) / (next.remoteMs - previous.remoteMs);
    return previous.localMs + share * (next.localMs - previous.localMs);
  }

  /** In order of time; a sample at which the other clock ran backwards is left out. */
  #sorted(): readonly Knot[] {
    if (this.#knots) return this.#knots;
    const kept: Knot[] = [];
    for (const knot of precise([...this.#best.values()].sort((a, b) => a.localMs - b.localMs))) {
      if (knot.remoteMs > (kept.at(-1)?.remoteMs ?? -Infinity)) kept.push(knot);
    }
    return (this.#knots = kept);
  }
}

/** Those of which no other one, drift included, knows better. In order of time. */
function precise(knots: readonly Knot[]): readonly Knot[] {
  const boundMs = knots.map(({ errorMs }) => errorMs);
  const spread = (from: number, to: number): void => {
    const driftMs = Math.abs(knots[to]!.localMs - knots[from]!.localMs) * MAX_DRIFT;
    boundMs[to] = Math.min(boundMs[to]!, boundMs[from]! + driftMs);
  };
  for (let index = 1; index < knots.length; index += 1) spread(index - 1, index);
  for (let index = knots.length - 1; index > 0; index -= 1) spread(index, index - 1);
  return knots.filter(({ errorMs }, index) => errorMs === boundMs[index]);
}
