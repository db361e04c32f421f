import type { PeerId } from '../../shared/ids.ts';
import { bottleneckOf, type Bottleneck } from './bottleneck.ts';
import { criticalPath, type PathStage, type PathStep } from './critical-path.ts';
import { lengthMs, union, type Interval } from './intervals.ts';
import type { Trace, TraceSpan } from './trace.ts';
import {
  deviceUsage,
  linkUsage,
  share,
  tileUsage,
  type DeviceSummary,
  type FrameSummary,
  type LinkSummary,
  type TileSummary,
} from './usage.ts';

export interface TraceSummary {
  readonly frames: readonly FrameSummary[];
  /** Time with frames in flight. */
  readonly activeMs: number;
  readonly framesPerSecond: number;
  /** Frames in flight on average. */
  readonly concurrency: number;
  /** The requester first. */
  readonly devices: readonly DeviceSummary[];
  readonly links: readonly LinkSummary[];
  readonly tiles: readonly TileSummary[];
  readonly bottleneck: Bottleneck;
}

/** What a trace says about times, links and the bottleneck. `nameOf`: how devices are called in the sentence. */
export function summarizeTrace(trace: Trace, nameOf: (peer: PeerId) => string): TraceSummary {
  const byFrame = new Map<number, TraceSpan[]>();
  for (const span of trace.spans) {
    const list = byFrame.get(span.frame);
    if (list) list.push(span);
    else byFrame.set(span.frame, [span]);
  }
  const resultSegment = Math.max(-1, ...trace.tiles.map(({ segment }) => segment)) + 1;
  const frames: FrameSummary[] = [];
  const paths: PathStep[][] = [];
  const flights: Interval[] = [];
  for (const [frame, spans] of byFrame) {
    const whole = spans.find(({ stage }) => stage === 'frame');
    if (!whole) continue;
    const path = criticalPath(spans, resultSegment);
    const stagesMs: Partial<Record<PathStage, number>> = {};
    for (const { stage, startMs, endMs } of path) stagesMs[stage] = (stagesMs[stage] ?? 0) + endMs - startMs;
    const admitMs = lengthMs(spans.filter(({ stage }) => stage === 'admit'));
    frames.push({ frame, latencyMs: whole.endMs - whole.startMs, admitMs, stagesMs });
    paths.push(path);
    flights.push(whole);
  }
  frames.sort((a, b) => a.frame - b.frame);
  const active = union(flights);
  const activeMs = lengthMs(active);
  const devices = deviceUsage(trace, active);
  const tiles = tileUsage(trace);
  const links = linkUsage(trace, active);
  const framesPerSecond = activeMs > 0 ? (frames.length * 1000) / activeMs : 0;
  const concurrency = share(lengthMs(flights), activeMs);
  return {
    frames,
    activeMs,
    framesPerSecond,
    concurrency,
    devices,
    links,
    tiles,
    bottleneck: bottleneckOf({ frames, paths, concurrency, framesPerSecond, devices, links, tiles, nameOf }),
  };
}
