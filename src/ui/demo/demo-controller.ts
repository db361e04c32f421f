import { topPredictions } from '../../runtime/whole-model.ts';
import { probabilities } from './answer.ts';
import { initialDemoState, reduceDemo, type DemoEvent, type DemoState } from './demo-state.ts';
import type { FeedOutcome } from './frame-feed.ts';
import { readingOf } from './frame-reader.ts';
import { LiveController, type LiveOptions } from './live-controller.ts';
import type { ModelChoice } from './model-choice.ts';
import type { SourceWish } from './picture-source.ts';
import { Store } from './store.ts';

/** What the view of a demo needs: a state to show, and what can be done. */
export interface DemoPort {
  readonly state: DemoState;
  /** Calls at once and at every change; returns how to stop. */
  subscribe(listener: (state: DemoState) => void): () => void;
  chooseModel(choice: ModelChoice): void;
  chooseLabels(file: File): void;
  /** Nothing: what is shown is taken away. */
  chooseSource(wish: SourceWish | undefined): void;
  mirror(isMirrored: boolean): void;
  retry(): void;
}

export type DemoControllerOptions = Pick<
  LiveOptions,
  'runner' | 'sources' | 'openModel' | 'clock' | 'idleMs'
> & {
  /** Default: the bundled model. */
  readonly choice?: ModelChoice;
};

const SHOWN_PREDICTIONS = 5;

/** The room computes a network on what is shown to it, and says what it sees. */
export class DemoController implements DemoPort {
  readonly #store: Store<DemoState, DemoEvent>;
  readonly #live: LiveController;
  readonly #clock: DemoControllerOptions['clock'];

  constructor(options: DemoControllerOptions) {
    const choice = options.choice ?? { kind: 'bundled' };
    this.#clock = options.clock;
    this.#store = new Store(initialDemoState(choice), reduceDemo);
    this.#live = new LiveController({
      ...options,
      choice,
      graphOf: ({ graph }) => graph,
      readingOf,
      dispatch: (event) => this.#store.dispatch({ type: 'live', event }),
      onOutcome: (outcome) => this.#answered(outcome),
      onNothing: () => this.#store.dispatch({ type: 'nothing', atMs: options.clock.now() }),
    });
  }

  get state(): DemoState {
    return this.#store.state;
  }

  subscribe(listener: (state: DemoState) => void): () => void {
    return this.#store.subscribe(listener);
  }

  chooseModel(choice: ModelChoice): void {
    void this.#live.chooseModel(choice);
  }

  chooseLabels(file: File): void {
    void this.#live.chooseLabels(file);
  }

  chooseSource(wish: SourceWish | undefined): void {
    void this.#live.chooseSource(wish);
  }

  mirror(isMirrored: boolean): void {
    this.#live.mirror(isMirrored);
  }

  retry(): void {
    void this.#live.retry();
  }

  /** Something else needs camera and devices now: both are given up. */
  giveUp(): void {
    this.#live.giveUp();
  }

  /** The page is left: camera and session are given up. */
  close(): Promise<void> {
    return this.#live.close();
  }

  #answered({ read, result }: FeedOutcome): void {
    const { network } = this.state.live;
    const { area, seen } = read;
    // What has no classes is computed, and has no bars.
    const isList = network !== undefined && network.classes > 0;
    const top = isList
      ? topPredictions(probabilities(result.outputs[0]!), SHOWN_PREDICTIONS, network.labels)
      : [];
    const answer = { top, area, ...(seen ? { seen } : {}) };
    this.#store.dispatch({ type: 'answered', answer, atMs: this.#clock.now() });
  }
}
