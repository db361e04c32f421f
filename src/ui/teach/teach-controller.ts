import { PeerceptronError, toPeerceptronError } from '../../shared/errors.ts';
import type { FeedOutcome } from '../demo/frame-feed.ts';
import { pictureInput } from '../demo/frame-reader.ts';
import { LiveController, type LiveOptions } from '../demo/live-controller.ts';
import { storable, type ModelChoice } from '../demo/model-choice.ts';
import type { SourceWish } from '../demo/picture-source.ts';
import { Store } from '../demo/store.ts';
import { problemOf } from '../problem.ts';
import { featureNetwork, sameNetwork, taughtGraph, type FeatureNetwork } from './feature-network.ts';
import { Holds } from './hold.ts';
import { nearestShares, pooled, unitVector } from './nearest.ts';
import { formatLesson, parseLesson } from './teach-file.ts';
import { canTell, initialTeachState, reduceTeach, type TeachEvent, type TeachState } from './teach-state.ts';

/** What the view needs: a state to show, and what can be done. */
export interface TeachPort {
  readonly state: TeachState;
  /** Calls at once and at every change; returns how to stop. */
  subscribe(listener: (state: TeachState) => void): () => void;
  chooseModel(choice: ModelChoice): void;
  chooseSource(wish: SourceWish | undefined): void;
  mirror(isMirrored: boolean): void;
  retry(): void;
  /** From now on what is shown is an example of that class. */
  press(id: number): void;
  release(): void;
  rename(id: number, name: string): void;
  addClass(): void;
  removeClass(id: number): void;
  forgetExamples(id: number): void;
  /** The text of a file with all examples; nothing where there are none. */
  save(): string | undefined;
  load(file: Blob): void;
}

export type TeachControllerOptions = Pick<
  LiveOptions,
  'runner' | 'sources' | 'openModel' | 'clock' | 'idleMs'
> & {
  /** Default: the bundled model, so that nothing has to be downloaded. */
  readonly choice?: ModelChoice;
};

/** The room computes features of what is shown; which class they are of is decided here, by the examples that were collected. */
export class TeachController implements TeachPort {
  readonly #store: Store<TeachState, TeachEvent>;
  readonly #live: LiveController;
  readonly #clock: TeachControllerOptions['clock'];
  readonly #holds = new Holds();
  /** Of a file whose network has still to be opened. */
  #awaited: FeatureNetwork | undefined;

  constructor(options: TeachControllerOptions) {
    const choice = options.choice ?? { kind: 'bundled' };
    this.#clock = options.clock;
    this.#store = new Store(initialTeachState(choice), reduceTeach);
    this.#live = new LiveController({
      ...options,
      choice,
      graphOf: taughtGraph,
      // Any thing is held up here, whatever the network was made for.
      readingOf: (graph) => (pictureInput(graph).shape.length === 4 ? 'clip' : 'picture'),
      dispatch: (event) => this.#store.dispatch({ type: 'live', event }),
      onNetwork: (model, graph) => this.#opened(featureNetwork(model, graph)),
      onOutcome: (outcome) => this.#seen(outcome),
      onNothing: () => undefined,
    });
  }

  get state(): TeachState {
    return this.#store.state;
  }

  subscribe(listener: (state: TeachState) => void): () => void {
    return this.#store.subscribe(listener);
  }

  chooseModel(choice: ModelChoice): void {
    this.#awaited = undefined;
    void this.#live.chooseModel(choice);
  }

  chooseSource(wish: SourceWish | undefined): void {
    this.release();
    void this.#live.chooseSource(wish);
  }

  mirror(isMirrored: boolean): void {
    this.#live.mirror(isMirrored);
  }

  retry(): void {
    void this.#live.retry();
  }

  press(id: number): void {
    this.#holds.press(id, this.#clock.now());
    this.#store.dispatch({ type: 'held', id });
  }

  release(): void {
    this.#holds.release(this.#clock.now());
    if (this.state.held !== undefined) this.#store.dispatch({ type: 'held', id: undefined });
  }

  rename(id: number, name: string): void {
    this.#store.dispatch({ type: 'named', id, name });
  }

  addClass(): void {
    this.#store.dispatch({ type: 'class-added' });
  }

  removeClass(id: number): void {
    this.#holds.clear();
    this.#store.dispatch({ type: 'class-removed', id });
  }

  forgetExamples(id: number): void {
    this.#holds.clear();
    this.#store.dispatch({ type: 'examples-forgotten', id });
  }

  save(): string | undefined {
    const { network, classes } = this.state;
    if (!network || classes.every(({ examples }) => examples.length === 0)) return undefined;
    const choice = storable(this.#live.choice);
    return formatLesson({ network, ...(choice ? { choice } : {}), classes });
  }

  load(file: Blob): void {
    void this.#load(file);
  }

  /** Something else needs camera and devices now: both are given up. */
  giveUp(): void {
    this.release();
    this.#live.giveUp();
  }

  /** The page is left: camera and session are given up. */
  close(): Promise<void> {
    return this.#live.close();
  }

  async #load(file: Blob): Promise<void> {
    try {
      const lesson = parseLesson(await file.text());
      const isOpen = this.state.network !== undefined && sameNetwork(this.state.network, lesson.network);
      if (!isOpen && !lesson.choice) throw otherNetwork(lesson.network);
      this.#store.dispatch({ type: 'loaded', lesson });
      if (isOpen) return;
      this.#awaited = lesson.network;
      await this.#live.chooseModel(lesson.choice!);
    } catch (thrown) {
      this.#failed(toPeerceptronError(thrown));
    }
  }

  #opened(network: FeatureNetwork): void {
    const awaited = this.#awaited;
    this.#awaited = undefined;
    this.#holds.clear();
    this.#store.dispatch({ type: 'network', network });
    if (awaited && !sameNetwork(awaited, network)) this.#failed(otherNetwork(awaited));
  }

  #failed(error: PeerceptronError): void {
    const kind = error.details['network'] === undefined ? 'file' : 'other-network';
    this.#store.dispatch({ type: 'failed', problem: { kind, problem: problemOf(error) } });
  }

  #seen({ read: { area }, takenAtMs, result }: FeedOutcome): void {
    const { network } = this.state;
    if (!network) return;
    const features = unitVector(pooled(result.outputs[0]!, network.size));
    const id = this.#holds.classOf(takenAtMs);
    if (id !== undefined) this.#store.dispatch({ type: 'example', id, features });
    const { classes } = this.state;
    const shares = canTell(classes)
      ? nearestShares(
          classes.map(({ examples }) => examples),
          features,
        )
      : undefined;
    this.#store.dispatch({ type: 'seen', shares, area, atMs: this.#clock.now() });
  }
}

const otherNetwork = ({ name }: FeatureNetwork): PeerceptronError =>
  new PeerceptronError('MODEL_UNSUPPORTED', `the examples of this file are what ${name} has noticed`, {
    details: { network: name },
  });
