import type { Engine, LoadedTile } from '../../engine/engine.ts';
import type { Clock } from '../../shared/clock.ts';

/** Sees whether an engine gets on: a driver or a worker that hangs says nothing, and its page's timers run on. */
export class EngineWatch {
  readonly #clock: Clock;
  #pending = 0;
  /** When it began to be busy, or did something last. */
  #sinceMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** For how long the engine has had something to do, and has done nothing; 0 while it has nothing to do. */
  get busyMs(): number {
    return this.#pending === 0 ? 0 : this.#clock.now() - this.#sinceMs;
  }

  /** The same engine, seen. */
  over(engine: Engine): Engine {
    const { name, accuracy, weightStorage } = engine;
    return {
      name,
      accuracy,
      ...(weightStorage ? { weightStorage } : {}),
      load: async (program, weights) => this.#tile(await this.#see(engine.load(program, weights))),
      memory: () => engine.memory(),
      ...(engine.setShare ? { setShare: (share, steady) => engine.setShare!(share, steady) } : {}),
      dispose: () => engine.dispose(),
    };
  }

  #tile(tile: LoadedTile): LoadedTile {
    return {
      run: (inputs) => this.#see(tile.run(inputs)),
      ...(tile.recycle ? { recycle: (outputs) => tile.recycle!(outputs) } : {}),
      ...(tile.weight ? { weight: (index) => tile.weight!(index) } : {}),
      dispose: () => tile.dispose(),
    };
  }

  async #see<T>(work: Promise<T>): Promise<T> {
    if (this.#pending === 0) this.#sinceMs = this.#clock.now();
    this.#pending += 1;
    try {
      return await work;
    } finally {
      this.#pending -= 1;
      this.#sinceMs = this.#clock.now();
    }
  }
}
