import { closeSync, openSync, readSync } from 'node:fs';
import type { ThreadTime } from './shared-time.ts';

/** A timer fires up to so much later than it says. */
const TIMER_LATE_MS = 2;
const LONG_MS = 2 * TIMER_LATE_MS;

/** Of the thread that calls it. Where the system does not count a thread's processor time, it is the time that passes. */
export function threadTime(): ThreadTime {
  const word = new Int32Array(new SharedArrayBuffer(4));
  const now = (): number => performance.now();
  // Nobody ever wakes it: the thread sleeps to a fraction of a millisecond, as no timer does.
  const doze = (ms: number): void => void Atomics.wait(word, 0, 0, ms);
  const sleep = async (ms: number): Promise<void> => {
    const endMs = now() + ms;
    // Messages are looked after meanwhile.
    if (ms > LONG_MS) await new Promise((resolve) => setTimeout(resolve, ms - TIMER_LATE_MS));
    const leftMs = endMs - now();
    if (leftMs > 0) doze(leftMs);
  };
  return { now, sleep, processorMs: linuxProcessorTime() ?? now };
}

function linuxProcessorTime(): (() => number) | undefined {
  let file: number;
  try {
    file = openSync('/proc/thread-self/schedstat', 'r');
  } catch {
    return undefined;
  }
  const bytes = new Uint8Array(64);
  const text = new TextDecoder();
  const read = (): number => {
    const length = readSync(file, bytes, 0, bytes.length, 0);
    // Nanoseconds on a processor, nanoseconds of waiting for one, turns.
    return Number.parseInt(text.decode(bytes.subarray(0, length)), 10) / 1e6;
  };
  // Kernels that do not count have zeros.
  if (read() > 0) return read;
  closeSync(file);
  return undefined;
}
