import { unreachable } from '../shared/errors.ts';
import type { Problem } from './problem.ts';

/** What asking the room waits for. */
export type TrialStep =
  | { readonly step: 'connecting' }
  | { readonly step: 'planning' }
  /** Weights on their way to all devices of the plan. */
  | { readonly step: 'loading'; readonly loadedBytes: number; readonly totalBytes: number }
  /** One picture after the other. */
  | { readonly step: 'asking' }
  /** As many pictures at once as the plan allows. */
  | { readonly step: 'rating' };

/** A device that has nothing to do in the plan. */
export interface TrialLeftOut {
  readonly name: string;
  readonly why: string;
}

/** What the planner has chosen, in the words of people. */
export interface TrialPlan {
  /** Of the session; a plan keeps its number while the room around it changes. */
  readonly epoch: number;
  /** Names of the devices that compute, in the order of the plan. */
  readonly devices: readonly string[];
  /** Devices that the planner could choose among. */
  readonly offeredCount: number;
  /** Pictures in flight at once, at most. */
  readonly window: number;
  /** Absent where nothing could be predicted: this device computes because nobody else is left. */
  readonly expected?: {
    /** Of a picture that is alone in the room. */
    readonly latencyMs: number;
    readonly framesPerSecond: number;
    /** How many times as fast as the best single device; absent where no single one can hold the model. */
    readonly gain?: number;
  };
  readonly leftOut: readonly TrialLeftOut[];
}

export interface TrialAnswer {
  readonly url: string;
  /** What the picture shows, as its file name says. */
  readonly shown: string;
  readonly answer: string;
  /** Of the network in its answer, 0 to 1. */
  readonly score: number;
}

/** Of the plan that is on show; what too few of its frames could tell is absent. */
export interface TrialMeasured {
  /** Median of pictures that were alone in the room. */
  readonly latencyMs?: number;
  readonly framesPerSecond?: number;
}

/** One model that this page lets the room compute, on request. */
export interface TrialState {
  /** Absent while nothing runs. */
  readonly doing?: TrialStep;
  readonly plan?: TrialPlan;
  readonly answers: readonly TrialAnswer[];
  readonly measured?: TrialMeasured;
  readonly problem?: Problem;
  /** The last run came to its end. */
  readonly isDone: boolean;
}

export type TrialEvent =
  /** In a session that was open, its plan stays in use. */
  | { readonly type: 'started'; readonly isOpen: boolean }
  | { readonly type: 'doing'; readonly doing: TrialStep }
  /** A plan has come into use; or the room has changed, and the plan is still the one to use. */
  | { readonly type: 'planned'; readonly plan: TrialPlan }
  | { readonly type: 'answered'; readonly answer: TrialAnswer }
  | { readonly type: 'finished'; readonly measured: TrialMeasured }
  | { readonly type: 'failed'; readonly problem: Problem };

export const initialTrialState: TrialState = { answers: [], isDone: false };

export function reduceTrial(state: TrialState, event: TrialEvent): TrialState {
  switch (event.type) {
    case 'started':
      return {
        ...(event.isOpen && state.plan ? { plan: state.plan } : {}),
        answers: [],
        isDone: false,
        doing: { step: 'connecting' },
      };
    case 'doing':
      // What loads beside a plan that runs is no reason to stop showing what runs.
      if (!state.doing || (event.doing.step === 'loading' && isRunning(state.doing))) return state;
      return { ...state, doing: event.doing };
    case 'planned': {
      const { measured, plan, ...rest } = state;
      // Measured was another plan.
      if (plan?.epoch !== event.plan.epoch) return { ...rest, plan: event.plan };
      // What was expected before it ran stands beside what was measured, not what is known by now.
      const { expected: _, ...told } = event.plan;
      return {
        ...rest,
        ...(measured ? { measured } : {}),
        plan: { ...told, ...(plan.expected ? { expected: plan.expected } : {}) },
      };
    }
    case 'answered':
      return { ...state, answers: [...state.answers, event.answer] };
    case 'finished':
    case 'failed': {
      const { doing: _, ...rest } = state;
      return event.type === 'finished'
        ? { ...rest, measured: event.measured, isDone: true }
        : { ...rest, problem: event.problem };
    }
    default:
      return unreachable(event);
  }
}

const isRunning = ({ step }: TrialStep): boolean => step === 'asking' || step === 'rating';
