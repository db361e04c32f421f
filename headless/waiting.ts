import type { Clock } from '../src/shared/clock.ts';

/** Resolves after `delayMs`, or at once when `stop` is aborted. */
export function pause(clock: Clock, delayMs: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (stop.aborted) return resolve();
    const settle = (): void => {
      cancel();
      stop.removeEventListener('abort', settle);
      resolve();
    };
    const cancel = clock.after(delayMs, settle);
    stop.addEventListener('abort', settle);
  });
}

/** Resolves when `signal` is aborted, or at once where it has been. */
export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
