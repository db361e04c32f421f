import type { Prediction } from '../../runtime/whole-model.ts';
import { unreachable } from '../../shared/errors.ts';
import type { FrameRead } from './frame-reader.ts';
import { initialLiveState, reduceLive, type LiveEvent, type LiveState } from './live-state.ts';
import type { ModelChoice } from './model-choice.ts';

/** What the room says to what is shown. */
export interface DemoAnswer {
  /** Most likely first. */
  readonly top: readonly Prediction[];
  readonly area: FrameRead['area'];
  readonly seen?: FrameRead['seen'];
}

export interface DemoState {
  readonly live: LiveState;
  readonly answer?: DemoAnswer;
  /** Pictures come, and there is nothing in them to ask about. */
  readonly isNothing: boolean;
  /** Of the first picture in a row with nothing in it; the answer before it is shown a moment longer. */
  readonly nothingSinceMs?: number;
  /** For readers of the screen: the best guess, and when it was said. */
  readonly said?: { readonly atMs: number; readonly prediction: Prediction };
}

export type DemoEvent =
  | { readonly type: 'live'; readonly event: LiveEvent }
  | { readonly type: 'answered'; readonly answer: DemoAnswer; readonly atMs: number }
  | { readonly type: 'nothing'; readonly atMs: number };

/** A reader of the screen is told no more often than this. */
const SAID_EVERY_MS = 3000;

/** A hand that trembles, or a reflection, is no reason to take an answer back. */
const NOTHING_AFTER_MS = 600;

export const initialDemoState = (choice: ModelChoice): DemoState => ({
  live: initialLiveState(choice),
  isNothing: false,
});

export function reduceDemo(state: DemoState, event: DemoEvent): DemoState {
  switch (event.type) {
    case 'live':
      return withLive(state, event.event);
    case 'answered': {
      const { answer, atMs } = event;
      const best = answer.top[0];
      const { nothingSinceMs: _, ...rest } = state;
      const { said } = state;
      const isNews = best !== undefined && best.index !== said?.prediction.index;
      const isDue = !said || atMs - said.atMs >= SAID_EVERY_MS;
      return {
        ...rest,
        isNothing: false,
        answer,
        ...(isNews && isDue ? { said: { atMs, prediction: best } } : {}),
      };
    }
    case 'nothing': {
      if (state.isNothing) return state;
      const { answer, nothingSinceMs = event.atMs, ...rest } = state;
      if (answer && event.atMs - nothingSinceMs < NOTHING_AFTER_MS) return { ...state, nothingSinceMs };
      return { ...rest, isNothing: true };
    }
    default:
      return unreachable(event);
  }
}

/** An answer is of one network to one source. */
const ENDS_ANSWER: ReadonlySet<LiveEvent['type']> = new Set([
  'choice',
  'source-opening',
  'source-closed',
  'running',
]);

function withLive(state: DemoState, event: LiveEvent): DemoState {
  const live = reduceLive(state.live, event);
  if (live === state.live) return state;
  if (ENDS_ANSWER.has(event.type)) return { live, isNothing: false };
  const { answer } = state;
  if (event.type !== 'labels' || !answer) return { ...state, live };
  const top = answer.top.map((prediction) => ({ ...prediction, label: event.labels[prediction.index]! }));
  return { ...state, live, answer: { ...answer, top } };
}
