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

/** Of frames that are done, in this order. */
export interface Done {
  readonly atMs: number;
  readonly result: Pick<FrameResult, 'plan' | 'lanes'>;
}

/** Frames per second of the full pipeline. */
export async function measureRate(
  session: Session,
  inputs: readonly FrameInput[],
  count: number,
): Promise<Measured> {
  const done: (Done & { readonly result: FrameResult })[] = [];
  const fill = session.window;
  const feed = async (): Promise<void> => {
    while (done.length < fill + count) {
      const result = await session.run(inputs);
      done.push({ atMs: performance.now(), result });
    }
  };
  await Promise.all(Array.from({ length: session.window }, feed));
  const counted = done.slice(fill, fill + count);
  return { value: rateOf(counted), frames: counted.map(({ result }) => result), ran: done.length };
}

/**
 * Frames per second: of every lane from its first frame to its last, and of all lanes together. Lanes that take turns are done one right after
 * the other, and then none for long: of all frames at once it is a matter of luck how many of these turns are counted whole.
 */
export function rateOf(done: readonly Done[]): number {
  const lanes = new Map<number | undefined, number[]>();
  for (const { atMs, result } of done) {
    const lane = turnOf(result);
    const known = lanes.get(lane);
    if (known) known.push(atMs);
    else lanes.set(lane, [atMs]);
  }
  const turns = [...lanes.values()];
  // Of a lane with one frame nobody knows how often it has one.
  const apart = turns.every(({ length }) => length > 1) ? turns : [done.map(({ atMs }) => atMs)];
  return apart.reduce((sum, at) => sum + (1000 * (at.length - 1)) / (at.at(-1)! - at[0]!), 0);
}

/** The lane of the segment that has the most of them. */
function turnOf({ plan, lanes }: Done['result']): number | undefined {
  const counts = plan.segments.map((segment) => segment.lanes.length);
  return lanes[counts.indexOf(Math.max(...counts))];
}
