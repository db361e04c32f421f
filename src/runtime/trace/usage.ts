import type { PeerId } from '../../shared/ids.ts';
import type { PathStage } from './critical-path.ts';
import { lengthMs, overlapMs, union, type Interval } from './intervals.ts';
import type { PieceSpan, Trace, TracedTile, TraceSpan } from './trace.ts';

export interface FrameSummary {
  readonly frame: number;
  readonly latencyMs: number;
  /** Before the frame was admitted; not part of the latency. */
  readonly admitMs: number;
  /** Where the latency went, along the critical path; adds up to it. */
  readonly stagesMs: Readonly<Partial<Record<PathStage, number>>>;
}

export interface DeviceSummary {
  readonly peer: PeerId;
  /** In the engine, over all frames. */
  readonly computeMs: number;
  /** Share of the time with frames in flight during which the engine computed; 0–1. */
  readonly busy: number;
  /** While at least one piece was on its way in or out. */
  readonly receiveMs: number;
  readonly sendMs: number;
  /** Copying pieces into place and cutting them out, on the thread that owns the connections. */
  readonly handlingMs: number;
  /** 0–1, of the time with frames in flight. */
  readonly handlingBusy: number;
  /** With frames in flight and the engine idle. */
  readonly waitMs: number;
  /** Tiles that were complete and waited for the engine, summed. */
  readonly queueMs: number;
}

export interface LinkSummary {
  readonly from: PeerId;
  readonly to: PeerId;
  readonly pieces: number;
  readonly sizeBytes: number;
  /** While at least one piece was between its sending and its last byte. */
  readonly busyMs: number;
  /** 0–1, of the time with frames in flight. */
  readonly busy: number;
  /** Bytes per second while busy. */
  readonly goodput: number;
}

export interface TileSummary extends TracedTile {
  readonly frames: number;
  readonly computeMs: number;
}

/** The requester first. `active`: when frames were in flight, without overlaps and in order. */
export function deviceUsage(trace: Trace, active: readonly Interval[]): DeviceSummary[] {
  const activeMs = lengthMs(active);
  // The requester may be a device of its own plan.
  const peers = new Set([trace.requester, ...trace.devices.map(({ peer }) => peer)]);
  return [...peers].map((peer) => {
    const own = trace.spans.filter(({ device }) => device === peer);
    const of = (...stages: string[]): TraceSpan[] => own.filter(({ stage }) => stages.includes(stage));
    const activeComputeMs = overlapMs(union(of('compute')), active);
    const handling = union(of('encode', 'assemble'));
    return {
      peer,
      computeMs: lengthMs(of('compute')),
      busy: share(activeComputeMs, activeMs),
      receiveMs: lengthMs(union(of('receive'))),
      sendMs: lengthMs(union(of('send'))),
      handlingMs: lengthMs(handling),
      handlingBusy: share(overlapMs(handling, active), activeMs),
      waitMs: activeMs - activeComputeMs,
      queueMs: lengthMs(of('queue')),
    };
  });
}

export function tileUsage({ tiles, spans }: Trace): TileSummary[] {
  return tiles.map((tile) => {
    const computed = spans.filter(
      (span) =>
        span.stage === 'compute' &&
        span.segment === tile.segment &&
        span.lane === tile.lane &&
        span.tile === tile.tile,
    );
    return { ...tile, frames: computed.length, computeMs: lengthMs(computed) };
  });
}

export const share = (ms: number, ofMs: number): number => (ofMs > 0 ? ms / ofMs : 0);

interface Flow {
  readonly from: PeerId;
  readonly to: PeerId;
  readonly flights: Interval[];
  sizeBytes: number;
}

export function linkUsage({ spans }: Trace, active: readonly Interval[]): LinkSummary[] {
  const starts = new Map<string, number>();
  const key = ({ frame, segment, tile, input, piece }: PieceSpan): string =>
    `${frame}/${segment}/${tile}/${input}/${piece}`;
  for (const span of spans) if (span.stage === 'send') starts.set(key(span), span.startMs);
  const flows = new Map<string, Flow>();
  for (const span of spans) {
    if (span.stage !== 'receive') continue;
    const { from, to, sizeBytes, endMs } = span;
    const id = `${from} ${to}`;
    const flow: Flow = flows.get(id) ?? { from, to, flights: [], sizeBytes: 0 };
    flows.set(id, flow);
    // Within the error of the clocks a piece can arrive before it was sent.
    const startMs = Math.min(endMs, starts.get(key(span)) ?? span.startMs);
    flow.flights.push({ startMs, endMs });
    flow.sizeBytes += sizeBytes;
  }
  return [...flows.values()].map(({ from, to, flights, sizeBytes }) => {
    const busy = union(flights);
    const busyMs = lengthMs(busy);
    const goodput = busyMs > 0 ? (sizeBytes * 1000) / busyMs : 0;
    return {
      from,
      to,
      pieces: flights.length,
      sizeBytes,
      busyMs,
      busy: share(overlapMs(busy, active), lengthMs(active)),
      goodput,
    };
  });
}
