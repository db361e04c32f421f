/** One figure of a benchmark. */
export interface Row {
  readonly name: string;
  readonly value: number;
  /** As printed behind the value: `×`, `GMAC/s`, `ms`, `MB`, … */
  readonly unit: string;
  /** What the value should reach, in the same unit; null for a figure that only informs. */
  readonly goal: Goal | null;
}

export interface Goal {
  readonly atLeast?: number;
  readonly atMost?: number;
}

export interface BenchmarkContext {
  /** Fewer repetitions and smaller sizes: a check that the benchmark runs, not a figure to quote. */
  readonly quick: boolean;
  /** Of a benchmark that keeps what it has measured: which of that to measure anew, by name; all else stays. */
  readonly again?: RegExp | undefined;
  /** Progress for the person who waits; never on stdout. */
  readonly say: (line: string) => void;
}

export interface Benchmark {
  /** One line that says what is measured. */
  readonly summary: string;
  run(context: BenchmarkContext): Promise<readonly Row[]>;
}

export const isMet = ({ value, goal }: Row): boolean | null =>
  goal && value >= (goal.atLeast ?? -Infinity) && value <= (goal.atMost ?? Infinity);

/** Wall-clock milliseconds of `count` runs; the first run, which warms up, is not among them. */
export async function timings(count: number, run: () => unknown, warmUp = true): Promise<number[]> {
  if (warmUp) await run();
  const timesMs: number[] = [];
  for (let i = 0; i < count; i++) {
    const startMs = performance.now();
    await run();
    timesMs.push(performance.now() - startMs);
  }
  return timesMs;
}

/** The middle of the values; of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The smallest of the values that so many percent of them do not exceed. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)]!;
}
