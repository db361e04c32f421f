import { unreachable } from '../../shared/errors.ts';
import type { Area } from '../demo/picture.ts';
import { initialLiveState, reduceLive, type LiveEvent, type LiveState } from '../demo/live-state.ts';
import type { ModelChoice } from '../demo/model-choice.ts';
import type { Problem } from '../problem.ts';
import { sameNetwork, type FeatureNetwork } from './feature-network.ts';
import { LESSON_LIMITS, type Lesson } from './teach-file.ts';

export interface TaughtClass {
  /** Stays, whatever is added or removed. */
  readonly id: number;
  /** As it was typed; may be empty. */
  readonly name: string;
  /** Unit vectors, oldest first. */
  readonly examples: readonly Float32Array[];
}

export interface TeachProblem {
  readonly kind: 'file' | 'other-network';
  readonly problem: Problem;
}

export interface TeachState {
  readonly live: LiveState;
  /** Two at least. */
  readonly classes: readonly TaughtClass[];
  readonly nextId: number;
  /** Whose button is held down. */
  readonly held?: number;
  /** What the examples are features of. */
  readonly network?: FeatureNetwork;
  /** The examples of another network were forgotten. */
  readonly hasForgotten: boolean;
  /** By class: how much what is shown is like it; absent while there is nothing to compare. */
  readonly shares?: readonly number[];
  /** What of the picture the network gets. */
  readonly area?: Area;
  /** For readers of the screen: the class that it is taken for, and since when. */
  readonly said?: { readonly id: number; readonly atMs: number };
  readonly problem?: TeachProblem;
}

export type TeachEvent =
  | { readonly type: 'live'; readonly event: LiveEvent }
  | { readonly type: 'network'; readonly network: FeatureNetwork }
  | { readonly type: 'held'; readonly id: number | undefined }
  | { readonly type: 'example'; readonly id: number; readonly features: Float32Array }
  | {
      readonly type: 'seen';
      readonly shares: readonly number[] | undefined;
      readonly area: Area;
      readonly atMs: number;
    }
  | { readonly type: 'named'; readonly id: number; readonly name: string }
  | { readonly type: 'class-added' }
  | { readonly type: 'class-removed'; readonly id: number }
  | { readonly type: 'examples-forgotten'; readonly id: number }
  | { readonly type: 'loaded'; readonly lesson: Lesson }
  | { readonly type: 'failed'; readonly problem: TeachProblem };

/** More examples of a class hardly tell more, and each of them is compared with every frame. */
export const MOST_EXAMPLES = 200;
const LEAST_CLASSES = 2;
/** A reader of the screen is told no more often than this. */
const SAID_EVERY_MS = 3000;

const emptyClass = (id: number): TaughtClass => ({ id, name: '', examples: [] });

export const initialTeachState = (choice: ModelChoice): TeachState => ({
  live: initialLiveState(choice),
  classes: [emptyClass(0), emptyClass(1)],
  nextId: 2,
  hasForgotten: false,
});

export const isFull = ({ examples }: TaughtClass): boolean => examples.length >= MOST_EXAMPLES;

/** Whether there is something to tell apart. */
export const canTell = (classes: readonly TaughtClass[]): boolean =>
  classes.filter(({ examples }) => examples.length > 0).length >= LEAST_CLASSES;

export const mayRemove = ({ classes }: TeachState): boolean => classes.length > LEAST_CLASSES;

export const mayAdd = ({ classes }: TeachState): boolean => classes.length < LESSON_LIMITS.classes;

export function reduceTeach(state: TeachState, event: TeachEvent): TeachState {
  switch (event.type) {
    case 'live':
      return withLive(state, event.event);
    case 'network':
      return ofNetwork(state, event.network);
    case 'held': {
      const { held: _, ...rest } = state;
      return event.id === undefined ? rest : { ...rest, held: event.id };
    }
    case 'example': {
      const added = withClass(state, event.id, (known) =>
        isFull(known) ? known : { ...known, examples: [...known.examples, event.features] },
      );
      return { ...added, hasForgotten: false };
    }
    case 'seen':
      return withShares(state, event);
    case 'named':
      return withClass(state, event.id, (known) => ({
        ...known,
        name: event.name.slice(0, LESSON_LIMITS.nameLength),
      }));
    case 'class-added':
      if (!mayAdd(state)) return state;
      return {
        ...withoutShares(state),
        classes: [...state.classes, emptyClass(state.nextId)],
        nextId: state.nextId + 1,
      };
    case 'class-removed':
      if (!mayRemove(state)) return state;
      return { ...withoutShares(state), classes: state.classes.filter(({ id }) => id !== event.id) };
    case 'examples-forgotten':
      return withClass(withoutShares(state), event.id, (known) => ({ ...known, examples: [] }));
    case 'loaded':
      return loaded(state, event.lesson);
    case 'failed':
      return { ...state, problem: event.problem };
    default:
      return unreachable(event);
  }
}

function withLive(state: TeachState, event: LiveEvent): TeachState {
  const live = reduceLive(state.live, event);
  if (live === state.live) return state;
  const isSame = event.type !== 'choice' && event.type !== 'source-opening' && event.type !== 'source-closed';
  return { ...(isSame ? state : withoutShares(state)), live };
}

/** Examples of another network are of no use. */
function ofNetwork(state: TeachState, network: FeatureNetwork): TeachState {
  const known = state.network;
  if (known && sameNetwork(known, network)) return state;
  const had = state.classes.some(({ examples }) => examples.length > 0);
  return {
    ...withoutShares(state),
    network,
    hasForgotten: had,
    classes: state.classes.map((taught) => ({ ...taught, examples: [] })),
  };
}

function loaded(state: TeachState, { network, classes }: Lesson): TeachState {
  const { problem: _, ...rest } = withoutShares(state);
  const taught = classes.map(({ name, examples }, index): TaughtClass => ({
    id: state.nextId + index,
    name,
    examples: examples.slice(0, MOST_EXAMPLES),
  }));
  let nextId = state.nextId + taught.length;
  while (taught.length < LEAST_CLASSES) taught.push(emptyClass(nextId++));
  return { ...rest, network, classes: taught, nextId, hasForgotten: false };
}

function withClass(state: TeachState, id: number, change: (known: TaughtClass) => TaughtClass): TeachState {
  return { ...state, classes: state.classes.map((known) => (known.id === id ? change(known) : known)) };
}

function withoutShares({ shares: _shares, said: _said, ...rest }: TeachState): TeachState {
  return rest;
}

function withShares(
  state: TeachState,
  { shares, area, atMs }: Extract<TeachEvent, { type: 'seen' }>,
): TeachState {
  if (!shares) return { ...withoutShares(state), area };
  const best = state.classes[shares.indexOf(Math.max(...shares))];
  const { said } = state;
  const isDue = best && best.id !== said?.id && (!said || atMs - said.atMs >= SAID_EVERY_MS);
  return { ...state, shares, area, ...(isDue ? { said: { id: best.id, atMs } } : {}) };
}
