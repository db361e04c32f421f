import type { Graph } from '../../graph/graph.ts';
import { graphCost } from '../../graph/inspect.ts';
import type { LoadedModel } from '../../import/load-model.ts';
import type { Clock } from '../../shared/clock.ts';
import { toPeerceptronError, unreachable, type PeerceptronError } from '../../shared/errors.ts';
import { problemOf } from '../problem.ts';
import { classCount } from './answer.ts';
import { cameraReasonOf } from './camera-problem.ts';
import { FrameFeed, type FeedOutcome } from './frame-feed.ts';
import { frameReader, pictureInput, type Reading } from './frame-reader.ts';
import { parseLabels } from './labels.ts';
import type { LiveEvent, LiveProblem } from './live-state.ts';
import type { MeshRun, MeshRunEvent, MeshRunner } from './mesh-runner.ts';
import { sameChoice, type ModelChoice } from './model-choice.ts';
import type { PictureSource, Sources, SourceWish } from './picture-source.ts';

export interface LiveOptions {
  readonly runner: MeshRunner;
  readonly sources: Sources;
  readonly openModel: (choice: ModelChoice, signal: AbortSignal) => Promise<LoadedModel>;
  /** What of a model runs. */
  readonly graphOf: (model: LoadedModel) => Graph;
  readonly readingOf: (graph: Graph) => Reading;
  readonly clock: Clock;
  readonly choice: ModelChoice;
  readonly dispatch: (event: LiveEvent) => void;
  /** A network is open, before any frame of it. */
  readonly onNetwork?: (model: LoadedModel, graph: Graph) => void;
  readonly onOutcome: (outcome: FeedOutcome) => void;
  readonly onNothing: () => void;
  /** A session that nobody asks for this long is closed: devices hold weights for it. Default one minute. */
  readonly idleMs?: number;
}

const DEFAULT_IDLE_MS = 60_000;

interface OpenNetwork {
  readonly graph: Graph;
  readonly reading: Reading;
  readonly run: MeshRun;
}

/** An opening or open network that can be given up at any time. */
interface Attempt {
  readonly network: Promise<OpenNetwork>;
  readonly abort: AbortController;
}

/**
 * A network of the room and what is shown to it. A session is opened when there is a source, and closed a while after
 * there is none. Nothing here rejects: what goes wrong is an event.
 */
export class LiveController {
  readonly #options: LiveOptions;
  #choice: ModelChoice;
  /** Of the chosen network, once it has been open. */
  #classes = 0;
  /** In place of the network's own. */
  #labels: readonly string[] | undefined;
  #attempt: Attempt | undefined;
  #releasing: Promise<void> = Promise.resolve();
  /** Tells the source that was asked for last from those that come late. */
  #wishes = 0;
  #source: PictureSource | undefined;
  #feed: FrameFeed | undefined;
  #cancelIdle: () => void = () => undefined;
  #isOver = false;

  constructor(options: LiveOptions) {
    this.#options = options;
    this.#choice = options.choice;
  }

  get choice(): ModelChoice {
    return this.#choice;
  }

  /** Resolves when the network has been asked for, with the source that there is. */
  async chooseModel(choice: ModelChoice): Promise<void> {
    if (this.#isOver || sameChoice(choice, this.#choice)) return this.retry();
    this.#choice = choice;
    this.#labels = undefined;
    this.#options.dispatch({ type: 'choice', choice });
    this.#release();
    await this.#work();
  }

  /** Names of classes for the chosen network, which has been open before. */
  async chooseLabels(file: File): Promise<void> {
    const choice = this.#choice;
    try {
      const labels = parseLabels(await file.text(), file.name, this.#classes);
      if (choice !== this.#choice || this.#isOver) return;
      this.#labels = labels;
      this.#options.dispatch({ type: 'labels', labels });
    } catch (thrown) {
      this.#failed('labels', toPeerceptronError(thrown, 'INPUT_INVALID'));
    }
  }

  /** Shows something else, or nothing. */
  async chooseSource(wish: SourceWish | undefined): Promise<void> {
    if (this.#isOver) return;
    const { sources, dispatch } = this.#options;
    this.#dropSource();
    const mine = ++this.#wishes;
    if (!wish) {
      dispatch({ type: 'source-closed' });
      this.#rest();
      return;
    }
    dispatch({ type: 'source-opening', wish });
    try {
      const source = await sources.open(wish, (error) => this.#sourceEnded(mine, error));
      if (mine !== this.#wishes || this.#isOver) {
        source.close();
        return;
      }
      this.#source = source;
      dispatch({ type: 'source-open', wish, source });
    } catch (thrown) {
      if (mine === this.#wishes) this.#failed('source', toPeerceptronError(thrown, 'INPUT_INVALID'));
      return;
    }
    if (wish.kind === 'camera') {
      // Their names are known from now on.
      void sources.cameras().then((cameras) => dispatch({ type: 'cameras', cameras }));
    }
    await this.#work();
  }

  /** What is shown is taken away, and the session is closed at once. */
  giveUp(): void {
    void this.chooseSource(undefined);
    this.#release();
  }

  mirror(isMirrored: boolean): void {
    this.#options.dispatch({ type: 'mirrored', isMirrored });
  }

  /** Once more what has failed. */
  retry(): Promise<void> {
    return this.#feed ? Promise.resolve() : this.#work();
  }

  /** The page is left: devices free at once what they hold. */
  async close(): Promise<void> {
    this.#isOver = true;
    this.#wishes += 1;
    this.#dropSource();
    this.#release();
    await this.#releasing;
  }

  /** Opens what is missing, and starts to feed it. */
  async #work(): Promise<void> {
    const source = this.#source;
    if (!source || this.#isOver) return;
    this.#cancelIdle();
    const attempt = this.#begin();
    try {
      const network = await attempt.network;
      if (attempt === this.#attempt && source === this.#source) this.#start(network, source);
    } catch (thrown) {
      if (attempt !== this.#attempt) return;
      this.#release();
      this.#failed('network', toPeerceptronError(thrown));
    }
  }

  #begin(): Attempt {
    if (this.#attempt) return this.#attempt;
    const abort = new AbortController();
    const attempt: Attempt = { abort, network: this.#open(this.#choice, abort.signal) };
    this.#attempt = attempt;
    return attempt;
  }

  async #open(choice: ModelChoice, signal: AbortSignal): Promise<OpenNetwork> {
    const { runner, openModel, graphOf, readingOf, dispatch, onNetwork } = this.#options;
    dispatch({ type: 'doing', doing: { step: 'opening' } });
    // Devices have room for the new one when they have freed the old one.
    await this.#releasing;
    signal.throwIfAborted();
    const model = await openModel(choice, signal);
    signal.throwIfAborted();
    const graph = graphOf(model);
    const reading = readingOf(graph);
    const labels = this.#labels ?? model.graph.labels;
    this.#classes = classCount(graph);
    dispatch({
      type: 'network',
      network: {
        name: model.graph.name,
        reading,
        inputShape: pictureInput(graph).shape,
        classes: this.#classes,
        ...(labels ? { labels } : {}),
        isRandom: model.seeded !== undefined,
        macs: graphCost(graph).macs,
      },
    });
    onNetwork?.(model, graph);
    const run = await runner.open({
      model,
      graph,
      onEvent: (event) => {
        if (!signal.aborted) this.#follow(event);
      },
    });
    return { graph, reading, run };
  }

  #follow(event: MeshRunEvent): void {
    const { dispatch } = this.#options;
    switch (event.type) {
      case 'step':
        if (!this.#feed) dispatch({ type: 'doing', doing: event.step });
        return;
      case 'planned':
        dispatch({ type: 'planned', plan: event.plan });
        return;
      case 'gone':
        dispatch({ type: 'gone', gone: { name: event.name, how: event.how } });
        return;
      case 'waiting':
        this.#failed('frames', event.error);
        return;
      default:
        unreachable(event);
    }
  }

  #start({ graph, reading, run }: OpenNetwork, source: PictureSource): void {
    const { clock, dispatch, onOutcome, onNothing } = this.#options;
    this.#feed?.stop();
    dispatch({ type: 'running' });
    const feed: FrameFeed = new FrameFeed({
      run,
      source,
      reader: frameReader(graph, reading, clock),
      clock,
      onOutcome: (outcome) => {
        if (feed !== this.#feed) return;
        dispatch({ type: 'result', atMs: clock.now(), ageMs: outcome.ageMs, counts: feed.counts });
        onOutcome(outcome);
      },
      onNothing: () => {
        if (feed === this.#feed) onNothing();
      },
      onFailure: (error) => {
        if (feed === this.#feed) this.#frameFailed(error);
      },
    });
    this.#feed = feed;
  }

  #frameFailed(error: PeerceptronError): void {
    const isOneFrame = error.code.startsWith('FRAME_') || error.code === 'INPUT_INVALID';
    if (!isOneFrame) {
      // The session is over, and every frame would say so.
      this.#feed?.stop();
      this.#feed = undefined;
      this.#release();
    }
    this.#failed(isOneFrame ? 'frames' : 'network', error);
  }

  #sourceEnded(wish: number, error: PeerceptronError): void {
    if (wish !== this.#wishes || this.#isOver) return;
    this.#dropSource();
    this.#failed('source', error);
    this.#rest();
  }

  #failed(where: LiveProblem['where'], error: PeerceptronError): void {
    if (this.#isOver) return;
    const camera = cameraReasonOf(error.details);
    this.#options.dispatch({
      type: 'failed',
      problem: { where, problem: problemOf(error), ...(camera ? { camera } : {}) },
    });
  }

  #dropSource(): void {
    this.#feed?.stop();
    this.#feed = undefined;
    this.#source?.close();
    this.#source = undefined;
  }

  /** Nothing is shown: what is open stays so for a while. */
  #rest(): void {
    this.#cancelIdle();
    if (!this.#attempt) return;
    const { clock, idleMs = DEFAULT_IDLE_MS } = this.#options;
    this.#cancelIdle = clock.after(idleMs, () => this.#release());
  }

  /** Gives the network up, open or not; the source stays. */
  #release(): void {
    this.#cancelIdle();
    this.#feed?.stop();
    this.#feed = undefined;
    const attempt = this.#attempt;
    this.#attempt = undefined;
    if (!attempt) return;
    attempt.abort.abort();
    const before = this.#releasing;
    // One that never opened has nothing to close, and whoever waits for it is told why.
    const closed = attempt.network.then(({ run }) => run.close()).catch(() => undefined);
    this.#releasing = Promise.all([before, closed]).then(() => undefined);
    if (!this.#isOver) this.#options.dispatch({ type: 'released' });
  }
}
