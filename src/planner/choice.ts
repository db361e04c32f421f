import type { Graph } from '../graph/graph.ts';
import type { PeerId, SessionId } from '../shared/ids.ts';
import type { Codec } from './codec.ts';
import type { Plan } from './plan.ts';
import type { PredictedPlan } from './prediction.ts';
import type { World } from './world.ts';

export type Objective =
  /** One frame through the mesh, as fast as can be. */
  | { readonly kind: 'latency' }
  /** Frames per second; no frame takes longer than the bound, where there is one. */
  | { readonly kind: 'throughput'; readonly latencyBoundMs?: number }
  /** This rate, with the fewest devices or the least energy per frame. */
  | { readonly kind: 'rate'; readonly framesPerSecond: number; readonly prefer: 'devices' | 'energy' };

export interface PlanRequest {
  readonly graph: Graph;
  readonly session: SessionId;
  readonly epoch: number;
  readonly world: World;
  readonly objective: Objective;
  /** How activations may travel; only `f32` (exact) when absent. */
  readonly codecs?: readonly Codec[];
  /** A plan that runs already: it is among the candidates. */
  readonly incumbent?: Plan;
  /**
   * What predictions may be off by: several devices are chosen over the best single one only where the predicted gain
   * exceeds this part of it. Default 0.2; 0.1 where all of them are `observed`.
   */
  readonly margin?: number;
  /** True when time is up: the best plan so far is returned. Without it the search ends by itself, deterministically. */
  readonly isTimeUp?: () => boolean;
}

/** Why a device has nothing to do in the chosen plan. */
export interface LeftOut {
  readonly peer: PeerId;
  readonly reason:
    /** Plans that use it are slower: its link or its engine holds the others up. */
    | 'slows-down'
    /** Not even the smallest useful part fits into its memory. */
    | 'memory'
    /** It computes in half precision, and the plan has to be exact. */
    | 'accuracy'
    /** The rate that was asked for is reached without it. */
    | 'not-needed';
  /** For people: what the best plan with it would cost, how much memory is missing. */
  readonly explanation: string;
}

export interface PlanChoice extends PredictedPlan {
  readonly objective: Objective;
  /** The best plan of a single device, where one can hold the model. */
  readonly solo?: PredictedPlan;
  /** Predicted: solo over mesh latency, or mesh over solo rate; 1 where the plan is solo; absent without a solo plan. */
  readonly gain?: number;
  readonly leftOut: readonly LeftOut[];
  /** How many plans were simulated. */
  readonly candidates: number;
}
