import type { Clock } from '../../src/shared/clock.ts';
import { toPeerceptronError, type ErrorCode, type PeerceptronError } from '../../src/shared/errors.ts';
import { pause } from '../waiting.ts';
import type { BackOff } from './back-off.ts';

/** What no waiting heals: a link that is none, a mistake in the call, a defect. */
const HOPELESS: readonly ErrorCode[] = ['ROOM_LINK_INVALID', 'USAGE', 'INTERNAL'];

export interface PatienceOptions<T> {
  readonly join: () => Promise<T>;
  /** Without one the first failure is the end. */
  readonly backOff?: BackOff | undefined;
  readonly clock: Clock;
  readonly onWaiting: (error: PeerceptronError, retryInMs: number) => void;
  /** Ends the waiting; a try that is under way is waited for no longer. */
  readonly stop: AbortSignal;
  /** Undoes a try that came through after `stop`. */
  readonly undo: (joined: T) => void;
}

/**
 * Joins as soon as that is possible: servers that are not there yet, networks that are down, rooms that are full and versions that do not fit
 * change in time. Undefined after `stop`.
 * @throws what waiting does not heal; everything where nobody waits
 */
export async function joinPatiently<T>(options: PatienceOptions<T>): Promise<T | undefined> {
  const { join, backOff, clock, onWaiting, stop, undo } = options;
  while (!stop.aborted) {
    const attempt = join();
    try {
      const joined = await unless(stop, attempt);
      if (joined !== STOPPED) {
        backOff?.reset();
        return joined;
      }
      attempt.then(undo, () => undefined);
    } catch (thrown) {
      const error = toPeerceptronError(thrown);
      if (!backOff || HOPELESS.includes(error.code)) throw error;
      const retryInMs = backOff.next();
      onWaiting(error, retryInMs);
      await pause(clock, retryInMs, stop);
    }
  }
  return undefined;
}

const STOPPED = Symbol('stopped');

async function unless<T>(stop: AbortSignal, work: Promise<T>): Promise<T | typeof STOPPED> {
  let listener: (() => void) | undefined;
  const stopped = new Promise<typeof STOPPED>((resolve) => {
    listener = () => resolve(STOPPED);
    stop.addEventListener('abort', listener);
  });
  try {
    return await Promise.race([work, stopped]);
  } finally {
    if (listener) stop.removeEventListener('abort', listener);
  }
}
