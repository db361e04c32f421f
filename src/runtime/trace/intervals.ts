export interface Interval {
  readonly startMs: number;
  readonly endMs: number;
}

/** The time that the intervals cover together, as intervals without overlap, in order. */
export function union(intervals: Iterable<Interval>): Interval[] {
  const sorted = [...intervals].sort((a, b) => a.startMs - b.startMs);
  const merged: { startMs: number; endMs: number }[] = [];
  for (const { startMs, endMs } of sorted) {
    const last = merged.at(-1);
    if (last && startMs <= last.endMs) last.endMs = Math.max(last.endMs, endMs);
    else merged.push({ startMs, endMs });
  }
  return merged;
}

export const lengthMs = (intervals: Iterable<Interval>): number => {
  let sum = 0;
  for (const { startMs, endMs } of intervals) sum += endMs - startMs;
  return sum;
};

/** How much of the time that `intervals` cover lies within `within`; both without overlaps and in order. */
export function overlapMs(intervals: readonly Interval[], within: readonly Interval[]): number {
  let sum = 0;
  let first = 0;
  for (const { startMs, endMs } of intervals) {
    while (first < within.length && within[first]!.endMs <= startMs) first += 1;
    for (let index = first; index < within.length && within[index]!.startMs < endMs; index += 1) {
      sum += Math.min(endMs, within[index]!.endMs) - Math.max(startMs, within[index]!.startMs);
    }
  }
  return sum;
}
