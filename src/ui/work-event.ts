import type { PeerceptronError } from '../shared/errors.ts';
import type { SessionId } from '../shared/ids.ts';

/** What this device computes in a session, for people to see. */
export interface WorkTile {
  readonly segment: number;
  readonly lane: number;
  readonly tile: number;
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

export type WorkEvent =
  | {
      readonly type: 'session-loading';
      readonly session: SessionId;
      readonly epoch: number;
      readonly model: string;
      readonly loadedBytes: number;
      readonly totalBytes: number;
    }
  | {
      readonly type: 'session-ready';
      readonly session: SessionId;
      readonly epoch: number;
      readonly model: string;
      readonly opCount: number;
      readonly tiles: readonly WorkTile[];
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
