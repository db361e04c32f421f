import type { Clock } from '../shared/clock.ts';
import { toPeerceptronError } from '../shared/errors.ts';
import { problemOf } from './problem.ts';
import type { TrialEvent, TrialMeasured } from './trial-state.ts';

/** A session that is open, and what is asked in it. Tells what happens as events. */
export interface RoomAsker {
  run(): Promise<TrialMeasured>;
  close(): Promise<void>;
}

export interface TrialOptions {
  readonly open: () => Promise<RoomAsker>;
  readonly clock: Pick<Clock, 'after'>;
  readonly dispatch: (event: TrialEvent) => void;
  /** A session that nobody asks for this long is closed: devices hold weights for it. Default one minute. */
  readonly idleMs?: number;
}

const DEFAULT_IDLE_MS = 60_000;

/** The button of the page: the first press opens a session, later ones use it while it lasts. */
export class Trial {
  readonly #options: TrialOptions;
  #asker: Promise<RoomAsker> | undefined;
  #cancelIdle: () => void = () => undefined;
  #isRunning = false;
  #isOver = false;

  constructor(options: TrialOptions) {
    this.#options = options;
  }

  /** Never rejects: what goes wrong is an event, and the next run starts with a new session. Ignored while one is under way. */
  async run(): Promise<void> {
    if (this.#isRunning || this.#isOver) return;
    this.#isRunning = true;
    this.#cancelIdle();
    const { open, clock, dispatch, idleMs = DEFAULT_IDLE_MS } = this.#options;
    dispatch({ type: 'started', isOpen: this.#asker !== undefined });
    try {
      this.#asker ??= open();
      const measured = await (await this.#asker).run();
      dispatch({ type: 'finished', measured });
      if (!this.#isOver) this.#cancelIdle = clock.after(idleMs, () => void this.#release());
    } catch (thrown) {
      await this.#release();
      if (!this.#isOver) dispatch({ type: 'failed', problem: problemOf(toPeerceptronError(thrown)) });
    } finally {
      this.#isRunning = false;
    }
  }

  /** The page is left: devices free at once what they hold. */
  async close(): Promise<void> {
    this.#isOver = true;
    await this.#release();
  }

  async #release(): Promise<void> {
    this.#cancelIdle();
    const asker = this.#asker;
    this.#asker = undefined;
    // One that never opened has nothing to close, and whoever waits for it is told why.
    await asker?.then((opened) => opened.close()).catch(() => undefined);
  }
}
