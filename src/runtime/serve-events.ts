import type { TileAddress } from '../planner/compiled-plan.ts';
import { programWeightBytes } from '../planner/memory.ts';
import type { PeerceptronError } from '../shared/errors.ts';
import type { SessionId } from '../shared/ids.ts';
import type { LoadProgress } from './epoch-loader.ts';
import type { PeerEpoch } from './peer-epoch.ts';

/** What this device computes in a session, for people to see. */
export interface ServedTile extends TileAddress {
  /** Half-open, over the graph's ops. */
  readonly ops: readonly [start: number, end: number];
  readonly firstOp: string;
  readonly lastOp: string;
  readonly outputs: readonly {
    readonly tensor: string;
    readonly box: readonly (readonly [number, number])[];
  }[];
  readonly weightBytes: number;
}

export type ServeEvent =
  | ({
      readonly type: 'session-loading';
      readonly session: SessionId;
      readonly epoch: number;
      readonly model: string;
      /** Seed of random weights, where this device computes its own. */
      readonly seed?: number;
      /** Since loading began. */
      readonly elapsedMs: number;
    } & LoadProgress)
  | {
      readonly type: 'session-ready';
      readonly session: SessionId;
      readonly epoch: number;
      readonly model: string;
      readonly seed?: number;
      readonly opCount: number;
      readonly tiles: readonly ServedTile[];
      /** Of the plan's multiply-accumulates, those of this device: 0–1. */
      readonly part: number;
    }
  /** A source of weights is given up: out of reach, not allowed, or it sent something else. */
  | {
      readonly type: 'source-set-aside';
      readonly session: SessionId;
      readonly source: string;
      readonly error: PeerceptronError;
    }
  | { readonly type: 'session-refused'; readonly session: SessionId; readonly error: PeerceptronError }
  | { readonly type: 'session-ended'; readonly session: SessionId }
  | {
      readonly type: 'tile-done';
      readonly session: SessionId;
      readonly frame: number;
      readonly segment: number;
      readonly tile: number;
      readonly computeMs: number;
    }
  | { readonly type: 'tile-failed'; readonly session: SessionId; readonly error: PeerceptronError };

export function servedTiles({ compiled, addresses }: PeerEpoch): ServedTile[] {
  return addresses.map((address) => {
    const { ops } = compiled.plan.segments[address.segment]!;
    const program = compiled.program(address.segment, address.lane, address.tile);
    return {
      ...address,
      ops,
      firstOp: compiled.graph.nodes[ops[0]]!.id,
      lastOp: compiled.graph.nodes[ops[1] - 1]!.id,
      outputs: program.outputs.map(({ tensor, box }) => ({ tensor, box })),
      weightBytes: programWeightBytes(program),
    };
  });
}
