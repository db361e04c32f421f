/**
 * A Raspberry Pi 3's power, in watts: idle, on average while it serves a network on one core, and with all four cores busy. As published
 * for the Pis of arXiv:1901.02537 (docs/planning.md, "Presets").
 */
export const PI3_WATTS = { idle: 1.3, average: 3, peak: 6.5 } as const;

/** Shares of the time, 0 to 1. */
export interface BusyShares {
  /** In which the compute thread works. */
  readonly compute: number;
  /** In which the three cores that the compute thread leaves work: 1 when all of them do, ⅓ when one thread always does. */
  readonly other: number;
}

/**
 * What a device takes, in watts: from idle to average by what the compute thread works, and from there to the peak by what the other
 * threads do. The two add up, so that it does not matter which of them works when.
 */
export function wattsOf({ compute, other }: BusyShares): number {
  const { idle, average, peak } = PI3_WATTS;
  return idle + part(compute) * (average - idle) + part(other) * (peak - average);
}

/**
 * Busy shares of a device from the processor time that its threads took on this machine during `wallMs`, where one core of the device
 * is `share` of a core of this machine.
 */
export function busyShares(used: {
  readonly computeMs: number;
  readonly otherMs: number;
  readonly wallMs: number;
  readonly share: number;
}): BusyShares {
  const coreMs = used.wallMs * used.share;
  return { compute: part(used.computeMs / coreMs), other: part(used.otherMs / coreMs / OTHER_CORES) };
}

/** Joules that all devices together take per frame; those that wait count as well. */
export const joulesPerFrame = (devices: readonly BusyShares[], framesPerSecond: number): number =>
  devices.reduce((watts, device) => watts + wattsOf(device), 0) / framesPerSecond;

const OTHER_CORES = 3;

const part = (share: number): number => Math.min(1, Math.max(0, share));
