import type { Box } from '../graph/box.ts';
import type { TensorId } from '../graph/graph.ts';
import type { PeerId, SessionId } from '../shared/ids.ts';
import type { Codec } from './codec.ts';

/** A segment's tile: one output box per live tensor, computed by one peer. */
export interface Tile {
  readonly peer: PeerId;
  readonly outputs: readonly TileOutput[];
  /** Partial sum over this box of the last op's contraction (see `OpDefinition.reduceShape`). */
  readonly reduce?: Box;
}

export interface TileOutput {
  readonly tensor: TensorId;
  readonly box: Box;
  /** How it travels to other peers; `f32` when absent. */
  readonly codec?: Codec;
}

/** How the requester sends an input of the network; `f32` where there is none. */
export interface PlanInput {
  readonly tensor: TensorId;
  readonly codec: Codec;
}

/** One complete tiling of its segment. Frames are dealt to lanes in proportion to `share`. */
export interface Lane {
  readonly share: number;
  readonly tiles: readonly Tile[];
}

/** `ops` is half-open, over the graph's topological order. */
export interface Segment {
  readonly ops: readonly [start: number, end: number];
  readonly lanes: readonly Lane[];
}

export interface Plan {
  readonly session: SessionId;
  readonly epoch: number;
  readonly model: string;
  readonly inputs?: readonly PlanInput[];
  readonly segments: readonly Segment[];
}
