import type { Clock } from '../../shared/clock.ts';
import type { PeerState } from '../peer-state.ts';
import type { ServedPage } from './page-build.ts';

/** Tries that did not lead into the room survive the reload that they led to; they throw where storage is forbidden. */
export interface TryCount {
  read(): number;
  write(count: number): void;
}

export interface KeeperOptions {
  readonly clock: Clock;
  /** What the server has at this page's address. */
  readonly look: () => Promise<ServedPage>;
  readonly reload: () => void;
  readonly tries: TryCount;
}

const FIRST_RELOAD_MS = 10_000;
const LONGEST_RELOAD_MS = 300_000;
const LOOK_EVERY_MS = 600_000;
/** Whoever has been in the room for so long is not in a circle of reloads. */
const SETTLED_MS = 60_000;

/**
 * Keeps a page going that nobody looks after. What reconnects by itself is left alone; a page that has given up is loaded anew, less
 * and less often, and so is one whose server has another build by now. It never reloads into an error page: the server has to answer
 * first.
 */
export class Keeper {
  readonly #options: KeeperOptions;
  #cancelReload: (() => void) | undefined;
  #cancelSettled: (() => void) | undefined;
  #wasLost = false;
  #isReloading = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#lookLater();
  }

  onState(state: PeerState): void {
    if (hasGivenUp(state)) {
      this.#cancelSettled?.();
      this.#cancelSettled = undefined;
      this.#cancelReload ??= this.#options.clock.after(this.#reloadMs(), () => void this.#reloadWhenServed());
      return;
    }
    this.#cancelReload?.();
    this.#cancelReload = undefined;
    if (state.view !== 'room') return;
    const { state: signaling } = state.signaling;
    if (signaling === 'lost') this.#wasLost = true;
    if (signaling !== 'open') return;
    // Whoever comes back may have been updated meanwhile.
    if (this.#wasLost) void this.#reloadIfChanged();
    this.#wasLost = false;
    this.#cancelSettled ??= this.#options.clock.after(SETTLED_MS, () => this.#writeTries(0));
  }

  #reloadMs(): number {
    return Math.min(LONGEST_RELOAD_MS, FIRST_RELOAD_MS * 2 ** Math.min(10, this.#readTries()));
  }

  async #reloadWhenServed(): Promise<void> {
    const served = await this.#options.look();
    if (this.#cancelReload === undefined) return;
    if (served !== 'absent') {
      this.#writeTries(this.#readTries() + 1);
      return this.#reload();
    }
    this.#cancelReload = this.#options.clock.after(FIRST_RELOAD_MS, () => void this.#reloadWhenServed());
  }

  async #reloadIfChanged(): Promise<void> {
    if ((await this.#options.look()) === 'changed') this.#reload();
  }

  #lookLater(): void {
    this.#options.clock.after(LOOK_EVERY_MS, () => {
      void this.#reloadIfChanged().then(() => this.#lookLater());
    });
  }

  #reload(): void {
    if (this.#isReloading) return;
    this.#isReloading = true;
    this.#options.reload();
  }

  #readTries(): number {
    try {
      return this.#options.tries.read();
    } catch {
      return 0;
    }
  }

  #writeTries(count: number): void {
    try {
      this.#options.tries.write(count);
    } catch {
      // Then it tries at the first pace again.
    }
  }
}

/** Nothing in the page would try again. */
function hasGivenUp(state: PeerState): boolean {
  if (state.view === 'stopped') return true;
  if (state.view === 'room') return state.engine.state === 'failed' || state.signaling.state === 'closed';
  // A link that cannot be read is the same after a reload.
  return false;
}
