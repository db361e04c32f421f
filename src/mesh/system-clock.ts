import type { Clock } from '../shared/clock.ts';

/** Longest delay that `setTimeout` takes; above it, it fires at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** The real clock, for composition roots. Its timers keep a Node process alive, as `setTimeout` does. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), MAX_DELAY_MS));
    return () => clearTimeout(timer);
  },
};
