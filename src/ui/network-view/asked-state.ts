import type { Graph } from '../../graph/graph.ts';
import type { Objective } from '../../planner/choice.ts';
import type { Plan } from '../../planner/plan.ts';
import type { Prediction } from '../../planner/prediction.ts';
import type { Trace } from '../../runtime/trace/trace.ts';
import { unreachable } from '../../shared/errors.ts';
import type { PeerId, SessionId } from '../../shared/ids.ts';
import type { Problem } from '../problem.ts';
import type { PlanAnswer } from './plan-preview.ts';

/** How plans are to be chosen for a session of this page. */
export interface PlanWish {
  readonly objective: Objective;
  /** Devices that are to have nothing to do. */
  readonly without: readonly PeerId[];
}

export type PreviewState =
  | { readonly state: 'computing'; readonly wish: PlanWish }
  | { readonly state: 'ready'; readonly wish: PlanWish; readonly answer: PlanAnswer }
  | { readonly state: 'failed'; readonly wish: PlanWish; readonly problem: Problem };

export type TraceState =
  | { readonly state: 'none' }
  | { readonly state: 'collecting'; readonly latest?: Trace }
  | { readonly state: 'ready'; readonly latest: Trace }
  | { readonly state: 'failed'; readonly latest?: Trace; readonly problem: Problem };

/** `segment/lane/tile` of a plan. */
export const tileKey = (segment: number, lane: number, tile: number): string => `${segment}/${lane}/${tile}`;

/** A session that this page has started: its plan, what was expected of it, and what was measured. */
export interface AskedSession {
  readonly session: SessionId;
  readonly graph: Graph;
  readonly plan: Plan;
  readonly wish: PlanWish;
  /** Absent where nobody chose the plan: this device computes because nobody else is left. */
  readonly prediction?: Prediction;
  /** Among whom plans are chosen, as the planner calls them. */
  readonly candidates: readonly { readonly id: PeerId; readonly name: string }[];
  /** Engine time of tiles of this plan, smoothed over some frames; by `tileKey`. */
  readonly tileMs: ReadonlyMap<string, number>;
  readonly preview?: PreviewState;
  readonly trace: TraceState;
  /** Plans can be asked for and traces taken. */
  readonly isOpen: boolean;
}

export type AskedEvent =
  /** Also when another plan has come into use, or the room has changed around it. */
  | {
      readonly type: 'planned';
      readonly session: SessionId;
      readonly graph: Graph;
      readonly plan: Plan;
      readonly wish: PlanWish;
      readonly prediction?: Prediction;
      readonly candidates: AskedSession['candidates'];
    }
  | { readonly type: 'timed'; readonly epoch: number; readonly tileMs: ReadonlyMap<string, number> }
  | { readonly type: 'preview'; readonly preview: PreviewState }
  | { readonly type: 'tracing' }
  | { readonly type: 'traced'; readonly trace: Trace }
  | { readonly type: 'trace-failed'; readonly problem: Problem }
  | { readonly type: 'closed' };

/** Nothing before the first plan; what was seen of a session stays when it is closed, until the next one. */
export function reduceAsked(state: AskedSession | undefined, event: AskedEvent): AskedSession | undefined {
  if (event.type === 'planned') {
    const { type: _, ...planned } = event;
    const isSame = state?.session === event.session;
    const samePlan = isSame && state.plan.epoch === event.plan.epoch;
    // A preview of what was applied, or beside a plan that is gone, would compare with the wrong thing.
    const kept = samePlan && state.preview ? { preview: state.preview } : {};
    return {
      ...planned,
      ...kept,
      tileMs: samePlan ? state.tileMs : new Map(),
      trace: isSame ? state.trace : { state: 'none' },
      isOpen: true,
    };
  }
  if (!state) return state;
  switch (event.type) {
    case 'timed':
      return event.epoch === state.plan.epoch ? { ...state, tileMs: event.tileMs } : state;
    case 'preview':
      return { ...state, preview: event.preview };
    case 'tracing':
      return { ...state, trace: { state: 'collecting', ...latestOf(state.trace) } };
    case 'traced':
      return { ...state, trace: { state: 'ready', latest: event.trace } };
    case 'trace-failed':
      return { ...state, trace: { state: 'failed', problem: event.problem, ...latestOf(state.trace) } };
    case 'closed': {
      const { preview: _, ...rest } = state;
      return { ...rest, isOpen: false };
    }
    default:
      return unreachable(event);
  }
}

export const latestOf = (trace: TraceState): { readonly latest?: Trace } =>
  trace.state !== 'none' && trace.latest ? { latest: trace.latest } : {};
