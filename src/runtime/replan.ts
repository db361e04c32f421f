import type { Plan } from '../planner/plan.ts';
import type { PeerId, SessionId } from '../shared/ids.ts';
import type { ExpectedMs, ObservedTile } from './tile-times.ts';

/** Why a session looks for a plan. */
export type ReplanReason =
  | 'start'
  /** A device of the plan is gone, or does not get on. */
  | 'peer-lost'
  /** A device of the plan says that it is about to leave. */
  | 'peer-leaving'
  | 'peer-joined'
  /** Tiles take longer than they should. */
  | 'slow'
  /** Tiles take less time than they did. */
  | 'better'
  /** Whoever uses the session wants another one: for another objective, or with other devices. */
  | 'asked';

export interface Situation {
  readonly reason: ReplanReason;
  /** Who may compute now, this device included where it can. */
  readonly peers: readonly PeerId[];
  readonly session: SessionId;
  /** Of the plan that is asked for. */
  readonly epoch: number;
  /** The plan that runs, or ran until a moment ago. */
  readonly current?: Plan;
  /** How its tiles did. */
  readonly observed: readonly ObservedTile[];
}

export interface Replanned {
  readonly plan: Plan;
  /** Frames in flight at once, 1–64. */
  readonly window: number;
  /** How much better it is than the current plan as things are now: 0.2 for a fifth. Absent: worth it whatever it is. */
  readonly gain?: number;
  readonly expectedMs?: ExpectedMs;
}

/** Finds a plan for a situation, or nothing where there is none (or none but the current one). */
export type Replan = (situation: Situation) => Promise<Replanned | undefined>;

export type RosterChange =
  /** Peers came or went. */
  | { readonly type: 'changed' }
  /** There is reason to doubt that this one is still there. */
  | { readonly type: 'doubtful'; readonly peer: PeerId };

/** Who offers compute in the room; `meshRoster` in production. */
export interface PeerRoster {
  peers(): readonly PeerId[];
  /** Adds a listener; returns how to remove it. */
  subscribe(listener: (change: RosterChange) => void): () => void;
}
