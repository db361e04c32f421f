import type { FrameInput } from '../src/runtime/frame-input.ts';
import type { FrameResult } from '../src/runtime/frames-in-flight.ts';
import type { Session } from '../src/runtime/session.ts';
import { median } from './benchmark.ts';

/** A figure, and the frames that it is of. */
export interface Measured {
  readonly value: number;
  readonly frames: readonly FrameResult[];
  /** All that ran, with those that filled a pipeline before, and those with which it ran empty. */
  readonly ran: number;
}

/** Median latency of frames that are alone in the mesh. */
export async function measureLatency(
  session: Session,
  inputs: readonly FrameInput[],
  count: number,
): Promise<Measured> {
  const frames: FrameResult[] = [];
  for (let frame = 0; frame < count; frame++) frames.push(await session.run(inputs));
  return { value: median(frames.map(({ latencyMs }) => latencyMs)), frames, ran: count };
}

/** Frames per second of the full pipeline. */
export async function measureRate(
  session: Session,
  inputs: readonly FrameInput[],
  count: number,
): Promise<Measured> {
  const done: { readonly result: FrameResult; readonly tookMs: number }[] = [];
  const inFlight = session.window;
  const feed = async (): Promise<void> => {
    while (done.length < inFlight + count) {
      const sinceMs = performance.now();
      const result = await session.run(inputs);
      done.push({ result, tookMs: performance.now() - sinceMs });
    }
  };
  await Promise.all(Array.from({ length: inFlight }, feed));
  const counted = done.slice(inFlight, inFlight + count);
  const tookMs = counted.map((frame) => frame.tookMs);
  return {
    value: rateOf(tookMs, inFlight),
    frames: counted.map(({ result }) => result),
    ran: done.length,
  };
}

/**
 * Frames per second where as many as `inFlight` are under way at all times, each for so long: J. D. C. Little, A proof for the queuing formula
 * L = λW, 1961. Between completions one would count bursts: of frames that are done two at a time, and then none for long, it is a matter of luck
 * how many of these gaps are among those that count.
 */
export function rateOf(tookMs: readonly number[], inFlight: number): number {
  const meanMs = tookMs.reduce((sum, ms) => sum + ms, 0) / tookMs.length;
  return (1000 * inFlight) / meanMs;
}
