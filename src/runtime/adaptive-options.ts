import type { Plan } from '../planner/plan.ts';
import type { PeerceptronError } from '../shared/errors.ts';
import type { PeerId, SessionId } from '../shared/ids.ts';
import type { LeaseTimes } from './leases.ts';
import type { PeerRoster, Replan, ReplanReason } from './replan.ts';
import type { Session } from './session.ts';
import type { SessionSource } from './session-core.ts';

export type AdaptiveSessionEvent =
  | {
      readonly type: 'loading';
      readonly peer: PeerId;
      readonly epoch: number;
      readonly loadedBytes: number;
      readonly totalBytes: number;
    }
  | { readonly type: 'ready'; readonly peer: PeerId; readonly epoch: number }
  /** A plan is being loaded while the current one, if there is one, goes on. */
  | { readonly type: 'switching'; readonly reason: ReplanReason; readonly plan: Plan }
  /** The memory of both plans does not fit: frames wait until the new one is loaded. */
  | {
      readonly type: 'pausing';
      readonly reason: ReplanReason;
      readonly plan: Plan;
      readonly error: PeerceptronError;
    }
  | {
      readonly type: 'switched';
      readonly reason: ReplanReason;
      readonly plan: Plan;
      readonly window: number;
    }
  /** The plan that runs stays: no other is better by enough, or the other one was refused. */
  | { readonly type: 'kept'; readonly reason: ReplanReason; readonly error?: PeerceptronError }
  | { readonly type: 'peer-lost'; readonly peer: PeerId; readonly error: PeerceptronError }
  | { readonly type: 'peer-leaving'; readonly peer: PeerId }
  /** It works, and takes far longer than expected. */
  | { readonly type: 'peer-slow'; readonly peer: PeerId }
  /** Nobody is left who could compute: frames wait for somebody to come. */
  | { readonly type: 'waiting'; readonly error: PeerceptronError };

export interface AdaptiveSessionOptions extends SessionSource {
  readonly session: SessionId;
  readonly roster: PeerRoster;
  readonly replan: Replan;
  /**
   * Makes this device compute as well (`servePeer` on `node`), the first time that a plan needs it. Absent where it cannot, or
   * serves already.
   */
  readonly computeHere?: () => Promise<unknown>;
  /** A plan must be better by this part to be worth a switch. Default 0.1. */
  readonly hysteresis?: number;
  /** At least this long between two switches that nobody needs; grows while they follow each other. Default 5000. */
  readonly switchPauseMs?: number;
  /** Devices that come one after another are planned for together. Default 1000. */
  readonly joinDelayMs?: number;
  readonly leases?: LeaseTimes;
  readonly onEvent?: (event: AdaptiveSessionEvent) => void;
}

/** A session whose plan follows the room: devices come, go, fail and slow down, and `run` notices nothing but latency. */
export interface AdaptiveSession extends Session {
  /** Frames whose results are outstanding, those that wait included. */
  readonly pending: number;
  /** Devices that plans do without for a while, because they have failed or are leaving. */
  readonly setAside: readonly PeerId[];
  /** Somebody wants another plan: asks `replan` soon, and takes what it says, better or not. */
  reconsider(): void;
}
