import { criticalPath, type PathStep } from '../../runtime/trace/critical-path.ts';
import { lengthMs, union } from '../../runtime/trace/intervals.ts';
import type { Trace, TracedTile, TraceSpan } from '../../runtime/trace/trace.ts';
import type { PeerId } from '../../shared/ids.ts';

/** What a device does for a frame, as people see it. */
export const STAGES = ['wait', 'receive', 'compute', 'encode', 'send'] as const;
export type Stage = (typeof STAGES)[number];

/** `assemble` ends what `receive` began; `queue` is waiting, too: for the engine. */
const stageOf: Readonly<Partial<Record<TraceSpan['stage'], Stage>>> = {
  wait: 'wait',
  queue: 'wait',
  receive: 'receive',
  assemble: 'receive',
  compute: 'compute',
  encode: 'encode',
  send: 'send',
};

export interface Bar {
  readonly stage: Stage;
  /** Milliseconds since the frame was admitted. */
  readonly startMs: number;
  readonly endMs: number;
  /** Of a tile: the ops that it computes. */
  readonly tile?: TracedTile;
  /** Of a piece: where it comes from or goes to, and its bytes. */
  readonly other?: PeerId;
  readonly sizeBytes?: number;
}

export interface WaterfallRow {
  readonly peer: PeerId;
  readonly bars: readonly Bar[];
  /** While at least one bar of the stage is there. */
  readonly totalMs: Readonly<Record<Stage, number>>;
}

export interface Waterfall {
  readonly frame: number;
  readonly latencyMs: number;
  /** What the chart has to show: clock errors can put bars a little before or behind the frame. */
  readonly fromMs: number;
  readonly toMs: number;
  /** The requester first, then in the order of the plan; devices without a span have no row. */
  readonly rows: readonly WaterfallRow[];
  /** What the result waited for, without gaps, since the frame was admitted. */
  readonly path: readonly PathStep[];
}

/** Frames with a result, in order: those that can be shown. */
export function finishedFrames({ spans }: Trace): number[] {
  return spans
    .filter(({ stage }) => stage === 'frame')
    .map(({ frame }) => frame)
    .sort((a, b) => a - b);
}

/** One frame of a trace; undefined where it has no result. */
export function waterfallOf(trace: Trace, frame: number): Waterfall | undefined {
  const spans = trace.spans.filter((span) => span.frame === frame);
  const whole = spans.find(({ stage }) => stage === 'frame');
  if (!whole) return undefined;
  const origin = whole.startMs;
  const barsOf = new Map<PeerId, Bar[]>();
  for (const span of spans) {
    const stage = stageOf[span.stage];
    if (!stage) continue;
    const bars = barsOf.get(span.device) ?? [];
    barsOf.set(span.device, bars);
    bars.push({
      stage,
      startMs: span.startMs - origin,
      endMs: span.endMs - origin,
      ...about(span, trace.tiles),
    });
  }
  // The requester may be a device of its own plan.
  const peers = new Set([trace.requester, ...trace.devices.map(({ peer }) => peer)]);
  const rows = [...peers].flatMap((peer) => {
    const bars = barsOf.get(peer);
    return bars ? [{ peer, bars, totalMs: totals(bars) }] : [];
  });
  const resultSegment = Math.max(-1, ...trace.tiles.map(({ segment }) => segment)) + 1;
  const latencyMs = whole.endMs - origin;
  const all = rows.flatMap(({ bars }) => bars);
  return {
    frame,
    latencyMs,
    fromMs: all.reduce((least, { startMs }) => Math.min(least, startMs), 0),
    toMs: all.reduce((most, { endMs }) => Math.max(most, endMs), latencyMs),
    rows,
    path: criticalPath(spans, resultSegment).map((step) => ({
      ...step,
      startMs: step.startMs - origin,
      endMs: step.endMs - origin,
    })),
  };
}

function about(span: TraceSpan, tiles: readonly TracedTile[]): Pick<Bar, 'tile' | 'other' | 'sizeBytes'> {
  if ('piece' in span) {
    const other = span.device === span.from ? span.to : span.from;
    return { other, ...(span.sizeBytes > 0 ? { sizeBytes: span.sizeBytes } : {}) };
  }
  if (!('lane' in span)) return {};
  const tile = tiles.find(
    ({ segment, lane, tile: index }) => segment === span.segment && lane === span.lane && index === span.tile,
  );
  return tile ? { tile } : {};
}

function totals(bars: readonly Bar[]): Record<Stage, number> {
  const total = (stage: Stage): number => lengthMs(union(bars.filter((bar) => bar.stage === stage)));
  return {
    wait: total('wait'),
    receive: total('receive'),
    compute: total('compute'),
    encode: total('encode'),
    send: total('send'),
  };
}

/** What takes most of one frame: the stage and device with the longest time on its critical path, and its part of the latency. */
export function slowestStep({
  path,
  latencyMs,
}: Waterfall): { readonly step: PathStep; readonly ms: number; readonly part: number } | undefined {
  const sums = new Map<string, { readonly step: PathStep; ms: number }>();
  for (const step of path) {
    const key = `${step.stage} ${step.device} ${step.from ?? ''}`;
    const sum = sums.get(key) ?? { step, ms: 0 };
    sum.ms += step.endMs - step.startMs;
    sums.set(key, sum);
  }
  let slowest: { readonly step: PathStep; ms: number } | undefined;
  for (const sum of sums.values()) if (!slowest || sum.ms > slowest.ms) slowest = sum;
  return slowest && { ...slowest, part: latencyMs > 0 ? slowest.ms / latencyMs : 0 };
}
