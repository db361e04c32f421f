import type { Box } from '../graph/box.ts';
import type { PeerId } from '../shared/ids.ts';
import type { Plan } from './plan.ts';

/** What one device does in a plan, per frame on average over the lanes' shares. */
export interface DeviceLoad {
  readonly peer: PeerId;
  /** Time of its engine, and of the thread that owns its connections. */
  readonly computeMs: number;
  readonly transportMs: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Of the time in steady state, 0 to 1: engine, transport thread, uplink, downlink. */
  readonly busy: {
    readonly compute: number;
    readonly transport: number;
    readonly uplink: number;
    readonly downlink: number;
  };
}

/** A resource that keeps a plan from being faster. */
export interface Bottleneck {
  readonly kind: 'compute' | 'transport' | 'uplink' | 'downlink' | 'latency';
  /** Absent for `latency`: nothing is busy enough to bound the rate. */
  readonly peer?: PeerId;
  /** Of the time in steady state. */
  readonly share: number;
}

/** When something happens to a simulated frame, for pictures of a plan. */
export interface SimulatedTile {
  readonly segment: number;
  readonly lane: number;
  readonly tile: number;
  readonly peer: PeerId;
  readonly outputs: readonly { readonly tensor: string; readonly box: Box }[];
  /** Of a frame that is alone in the mesh, milliseconds since its admission. */
  readonly startMs: number;
  readonly endMs: number;
}

/** What a plan is expected to do. */
export interface Prediction {
  /** Of a frame that is alone in the mesh: from the encoded input to the assembled output, both at the requester. */
  readonly latencyMs: number;
  /** Steady state with `window` frames in flight. */
  readonly framesPerSecond: number;
  /** Of a frame in that steady state. */
  readonly loadedLatencyMs: number;
  readonly window: number;
  /** Requester first, then in the order of the plan. */
  readonly devices: readonly DeviceLoad[];
  readonly bottleneck: Bottleneck;
  readonly timeline: readonly SimulatedTile[];
}

export interface PredictedPlan {
  readonly plan: Plan;
  readonly prediction: Prediction;
}
