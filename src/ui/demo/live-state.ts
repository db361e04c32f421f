import type { LiveCounts } from '../../runtime/frame-stream.ts';
import { unreachable } from '../../shared/errors.ts';
import { median } from '../../shared/median.ts';
import type { Problem } from '../problem.ts';
import type { RoomPlan } from '../room-plan.ts';
import type { Departure } from '../worded-states.ts';
import type { CameraReason } from './camera-problem.ts';
import type { Reading } from './frame-reader.ts';
import type { RunStep } from './mesh-runner.ts';
import { sameChoice, type ModelChoice } from './model-choice.ts';
import type { CameraDevice, PictureSource, SourceWish } from './picture-source.ts';

export type SourceState =
  | { readonly state: 'none' }
  | { readonly state: 'opening'; readonly wish: SourceWish }
  | { readonly state: 'open'; readonly wish: SourceWish; readonly source: PictureSource };

/** What is known of a network once its description is there. */
export interface NetworkFacts {
  readonly name: string;
  readonly reading: Reading;
  readonly inputShape: readonly number[];
  /** 0 where the answer is no list of classes. */
  readonly classes: number;
  readonly labels?: readonly string[];
  /** The weights are random: the answers mean nothing. */
  readonly isRandom: boolean;
  /** Multiply-accumulates of one frame. */
  readonly macs: number;
}

/** What is waited for before the first frame runs. */
export type LiveStep = { readonly step: 'opening' } | RunStep;

export interface LiveProblem {
  readonly where: 'source' | 'network' | 'frames' | 'labels';
  readonly problem: Problem;
  readonly camera?: CameraReason;
}

/** A device that computed, and does no longer. */
export interface GoneDevice {
  readonly name: string;
  readonly how: Departure;
}

/** One moment of a chart. */
export interface LiveSample {
  readonly atMs: number;
  readonly framesPerSecond: number;
  readonly latencyMs: number;
  /** Since the source was opened. */
  readonly dropped: number;
}

export interface LiveRates {
  /** Absent until there is more than one result. */
  readonly framesPerSecond?: number;
  /** Median, end to end. */
  readonly latencyMs: number;
}

/** A network that is shown something, as far as people can see. */
export interface LiveState {
  readonly choice: ModelChoice;
  readonly network?: NetworkFacts;
  readonly source: SourceState;
  readonly cameras: readonly CameraDevice[];
  /** As in a mirror: a matter of the view alone. */
  readonly isMirrored: boolean;
  /** Absent while frames run, and while nothing is to be done. */
  readonly doing?: LiveStep;
  readonly plan?: RoomPlan;
  /** The last one that computed and does no longer, until it computes again or something else is shown. */
  readonly gone?: GoneDevice;
  readonly counts: LiveCounts;
  /** Absent until there is a result. */
  readonly rates?: LiveRates;
  readonly history: readonly LiveSample[];
  readonly problem?: LiveProblem;
  /** Results of the last seconds, oldest first. */
  readonly recent: readonly { readonly atMs: number; readonly ageMs: number }[];
}

export type LiveEvent =
  | { readonly type: 'choice'; readonly choice: ModelChoice }
  | { readonly type: 'network'; readonly network: NetworkFacts }
  | { readonly type: 'labels'; readonly labels: readonly string[] }
  | { readonly type: 'source-opening'; readonly wish: SourceWish }
  | { readonly type: 'source-open'; readonly wish: SourceWish; readonly source: PictureSource }
  | { readonly type: 'source-closed' }
  | { readonly type: 'cameras'; readonly cameras: readonly CameraDevice[] }
  | { readonly type: 'mirrored'; readonly isMirrored: boolean }
  | { readonly type: 'doing'; readonly doing: LiveStep }
  | { readonly type: 'planned'; readonly plan: RoomPlan }
  | { readonly type: 'gone'; readonly gone: GoneDevice }
  /** Frames of this source run from now on. */
  | { readonly type: 'running' }
  | {
      readonly type: 'result';
      readonly atMs: number;
      readonly ageMs: number;
      readonly counts: LiveCounts;
    }
  /** The session was closed: nobody has asked for long, or the network has changed. */
  | { readonly type: 'released' }
  | { readonly type: 'failed'; readonly problem: LiveProblem };

const NO_SOURCE: SourceState = { state: 'none' };
const NO_COUNTS: LiveCounts = { offered: 0, started: 0, computed: 0, dropped: 0, failed: 0 };
/** Rates are of so long. */
const RECENT_MS = 3000;
const MOST_RECENT = 240;
/** Charts have one moment per second, two minutes of them. */
const SAMPLE_MS = 1000;
const MOST_SAMPLES = 120;

export const initialLiveState = (choice: ModelChoice): LiveState => ({
  choice,
  source: NO_SOURCE,
  cameras: [],
  isMirrored: false,
  counts: NO_COUNTS,
  history: [],
  recent: [],
});

export function reduceLive(state: LiveState, event: LiveEvent): LiveState {
  switch (event.type) {
    case 'choice': {
      if (sameChoice(state.choice, event.choice)) return { ...state, choice: event.choice };
      const { network: _network, plan: _plan, gone: _gone, doing: _doing, problem, ...rest } = state;
      return measuredAnew({
        ...rest,
        ...(problem?.where === 'source' ? { problem } : {}),
        choice: event.choice,
      });
    }
    case 'network':
      return { ...state, network: event.network };
    case 'labels': {
      const { problem, ...rest } = state;
      return {
        ...rest,
        ...(problem && problem.where !== 'labels' ? { problem } : {}),
        ...(state.network ? { network: { ...state.network, labels: event.labels } } : {}),
      };
    }
    case 'source-opening': {
      const { problem: _, ...rest } = state;
      return measuredAnew({ ...rest, source: { state: 'opening', wish: event.wish } });
    }
    case 'source-open': {
      const { wish, source } = event;
      return { ...state, source: { state: 'open', wish, source }, isMirrored: source.isMirror };
    }
    case 'source-closed': {
      const { doing: _, ...rest } = state;
      return { ...rest, source: NO_SOURCE };
    }
    case 'cameras':
      return { ...state, cameras: event.cameras };
    case 'mirrored':
      return { ...state, isMirrored: event.isMirrored };
    case 'doing':
      // What loads beside a plan that runs is no reason to stop showing what runs.
      return state.plan && event.doing.step === 'loading' ? state : { ...state, doing: event.doing };
    case 'planned': {
      const { gone, ...rest } = state;
      const isBack = gone !== undefined && event.plan.devices.includes(gone.name);
      return { ...rest, ...(gone && !isBack ? { gone } : {}), plan: event.plan };
    }
    case 'gone':
      return { ...state, gone: event.gone };
    case 'running': {
      const { doing: _doing, problem: _problem, gone: _gone, ...rest } = state;
      return measuredAnew(rest);
    }
    case 'result':
      return withResult(state, event);
    case 'released': {
      const { plan: _plan, gone: _gone, doing: _doing, ...rest } = state;
      return rest;
    }
    case 'failed': {
      const { doing: _, ...rest } = state;
      const source = event.problem.where === 'source' ? NO_SOURCE : state.source;
      return { ...rest, source, problem: event.problem };
    }
    default:
      return unreachable(event);
  }
}

function measuredAnew({ rates: _, ...rest }: LiveState): LiveState {
  return { ...rest, counts: NO_COUNTS, history: [], recent: [] };
}

function withResult(
  state: LiveState,
  { atMs, ageMs, counts }: Extract<LiveEvent, { type: 'result' }>,
): LiveState {
  const recent = [...state.recent.slice(1 - MOST_RECENT), { atMs, ageMs }].filter(
    (result) => result.atMs > atMs - RECENT_MS,
  );
  const spanMs = atMs - recent[0]!.atMs;
  const framesPerSecond = spanMs > 0 ? ((recent.length - 1) * 1000) / spanMs : undefined;
  const latencyMs = median(recent.map((result) => result.ageMs));
  const rates = { latencyMs, ...(framesPerSecond === undefined ? {} : { framesPerSecond }) };
  const { problem, ...rest } = state;
  // A frame that went wrong is forgotten when the next one is right.
  const still = problem && problem.where !== 'frames' ? { problem } : {};
  const next = { ...rest, ...still, counts, recent, rates };
  const last = state.history.at(-1);
  if (framesPerSecond === undefined || (last && atMs - last.atMs < SAMPLE_MS)) return next;
  const sample = { atMs, framesPerSecond, latencyMs, dropped: counts.dropped };
  return { ...next, history: [...state.history, sample].slice(-MOST_SAMPLES) };
}
