import type { FrameInput } from '../src/runtime/frame-input.ts';
import type { FrameResult } from '../src/runtime/frames-in-flight.ts';
import type { Session } from '../src/runtime/session.ts';
import { median } from './benchmark.ts';

/** A figure, and the frames that it is of. */
export interface Measured {
  readonly value: number;
  readonly frames: readonly FrameResult[];
}

/** Median latency of frames that are alone in the mesh. */
export async function measureLatency(
  session: Session,
  inputs: readonly FrameInput[],
  count: number,
): Promise<Measured> {
  const frames: FrameResult[] = [];
  for (let frame = 0; frame < count; frame++) frames.push(await session.run(inputs));
  return { value: median(frames.map(({ latencyMs }) => latencyMs)), frames };
}

/**
 * Frames per second of the full pipeline: the slope of the line through the times at which frames were done, of which lanes that
 * take turns make several at a time.
 */
export async function measureRate(
  session: Session,
  inputs: readonly FrameInput[],
  count: number,
): Promise<Measured> {
  const frames: FrameResult[] = [];
  const doneAtMs: number[] = [];
  const fill = session.window;
  const feed = async (): Promise<void> => {
    while (doneAtMs.length < fill + count) {
      const result = await session.run(inputs);
      doneAtMs.push(performance.now());
      if (doneAtMs.length <= fill + count) frames.push(result);
    }
  };
  await Promise.all(Array.from({ length: session.window }, feed));
  return { value: 1000 * slope(doneAtMs.slice(fill, fill + count)), frames: frames.slice(fill) };
}

/** Of the line through the points (times[i], i) with the least squares. */
function slope(times: readonly number[]): number {
  const meanTime = times.reduce((sum, ms) => sum + ms, 0) / times.length;
  const meanIndex = (times.length - 1) / 2;
  let covariance = 0;
  let variance = 0;
  for (const [index, ms] of times.entries()) {
    covariance += (ms - meanTime) * (index - meanIndex);
    variance += (ms - meanTime) ** 2;
  }
  return covariance / variance;
}
