import type { Box } from '../../graph/box.ts';
import type { PeerId } from '../../shared/ids.ts';

interface SpanBase {
  /** Who did it. */
  readonly device: PeerId;
  readonly frame: number;
  /** Milliseconds since the trace began, of the requester's clock. */
  readonly startMs: number;
  readonly endMs: number;
}

/** One piece of a tensor on its way: `encode` and `send` at its producer, `receive` and `assemble` at its consumer. */
export interface PieceSpan extends SpanBase {
  readonly stage: 'encode' | 'send' | 'receive' | 'assemble';
  readonly from: PeerId;
  readonly to: PeerId;
  /** The producing tile of the frame's lane; segment −1: the requester. */
  readonly producer: { readonly segment: number; readonly tile: number };
  /** The consumer; the number of segments means the requester. */
  readonly segment: number;
  readonly tile: number;
  readonly input: number;
  readonly piece: number;
  /** On the wire; 0 for `encode` and `assemble`. */
  readonly sizeBytes: number;
}

/** A tile's inputs coming in, its turn at the engine, the engine. */
export interface TileSpan extends SpanBase {
  readonly stage: 'wait' | 'queue' | 'compute';
  readonly segment: number;
  readonly lane: number;
  readonly tile: number;
}

/** At the requester: waiting to be admitted; from admission to the assembled outputs. */
export interface FrameSpan extends SpanBase {
  readonly stage: 'admit' | 'frame';
}

export type TraceSpan = PieceSpan | TileSpan | FrameSpan;

export interface TracedDevice {
  readonly peer: PeerId;
  /** What its clock shows more than the requester's. */
  readonly clockOffsetMs: number;
  /** Times of this device are off by this much at most: half of the shortest round trip. */
  readonly clockErrorMs: number;
  /** Spans that were recorded, or claimed, and are not in the trace. */
  readonly lostSpans: number;
}

export interface TracedTile {
  readonly peer: PeerId;
  readonly segment: number;
  readonly lane: number;
  readonly tile: number;
  /** Half-open, over the graph's ops. */
  readonly ops: readonly [start: number, end: number];
  readonly firstOp: string;
  readonly lastOp: string;
  readonly outputs: readonly { readonly tensor: string; readonly box: Box }[];
}

/** Whether a session records, and how much of it stays: everything (up to a limit), or the latest frames of its plan. */
export type TraceWish = boolean | { readonly lastFrames: number };

/** What happened in a session, on one time axis. Plain data. */
export interface Trace {
  readonly model: string;
  readonly requester: PeerId;
  /** Of the requester itself. */
  readonly lostSpans: number;
  /** Without the requester, in the order of the plan. */
  readonly devices: readonly TracedDevice[];
  readonly tiles: readonly TracedTile[];
  /** In order of their start. */
  readonly spans: readonly TraceSpan[];
}
