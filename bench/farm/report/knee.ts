/** What a device more must add to the speed-up to be worth it: half of what the first one does. */
export const WORTHWHILE = 0.5;

export interface SpeedUpPoint {
  readonly devices: number;
  readonly gain: number;
}

export type FarmKnee =
  /** From `devices` to `next`, a device adds `perDevice` to the speed-up: the first step that adds less than is worthwhile. */
  | { readonly kind: 'at'; readonly devices: number; readonly next: number; readonly perDevice: number }
  /** No such step up to here. */
  | { readonly kind: 'beyond'; readonly devices: number }
  /** Fewer than two numbers of devices were measured. */
  | { readonly kind: 'unknown' };

/** Where a curve stops being worth it; its points in any order. */
export function farmKnee(points: readonly SpeedUpPoint[], worthwhile: number = WORTHWHILE): FarmKnee {
  const sorted = points.toSorted((a, b) => a.devices - b.devices);
  const last = sorted.at(-1);
  if (!last || sorted.length < 2) return { kind: 'unknown' };
  for (const [index, point] of sorted.slice(1).entries()) {
    const before = sorted[index]!;
    const perDevice = (point.gain - before.gain) / (point.devices - before.devices);
    if (perDevice < worthwhile) {
      return { kind: 'at', devices: before.devices, next: point.devices, perDevice };
    }
  }
  return { kind: 'beyond', devices: last.devices };
}
