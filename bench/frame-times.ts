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

/** Of frames that are done, in this order. */
export interface Done {
  readonly atMs: number;
  readonly result: Pick<FrameResult, 'plan' | 'lanes'>;
}

/** As `Measured`, of a pipeline that had to be filled before, and that ran empty afterwards. */
export interface MeasuredRate extends Measured {
  /** All that ran. */
  readonly ran: number;
}

/** Frames per second of the full pipeline. */
export async function measureRate(
  session: Session,
  inputs: readonly FrameInput[],
  count: number,
): Promise<MeasuredRate> {
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
 * Frames per second from a frame of a lane to another one of the same lane. Lanes that take turns are done one right after the other, and then none
 * for long: from any other frame on it is a matter of luck how many of these turns are counted whole.
 */
export function rateOf(done: readonly Done[]): number {
  const ends = new Map<number | undefined, { readonly first: number; last: number }>();
  for (const [index, { result }] of done.entries()) {
    const lane = turnOf(result);
    const known = ends.get(lane);
    if (known) known.last = index;
    else ends.set(lane, { first: index, last: index });
  }
  const spans = [...ends.values()].filter(({ first, last }) => last > first);
  // So few frames that each took another lane.
  if (spans.length === 0) spans.push({ first: 0, last: done.length - 1 });
  const frames = spans.reduce((sum, { first, last }) => sum + last - first, 0);
  const ms = spans.reduce((sum, { first, last }) => sum + done[last]!.atMs - done[first]!.atMs, 0);
  return (1000 * frames) / ms;
}

/** The lane of the segment that has the most of them. */
function turnOf({ plan, lanes }: Done['result']): number | undefined {
  const counts = plan.segments.map((segment) => segment.lanes.length);
  return lanes[counts.indexOf(Math.max(...counts))];
}
