import type { Clock } from '../shared/clock.ts';
import type { PeerId } from '../shared/ids.ts';

/** Something that a peer owes the session. */
export interface Debt {
  readonly peer: PeerId;
  /** Since when everything that it depends on is under way or there; clock milliseconds. */
  readonly sinceMs: number;
  /** How long it should take; absent where nobody knows (loading, the way back). */
  readonly expectedMs: number | undefined;
  /** Who sends what it depends on. */
  readonly upstream: readonly PeerId[];
}

export interface LeaseTimes {
  /** A peer that owes something and has shown nothing for this long is asked. Default 1000. */
  readonly floorMs?: number;
  /** A peer that does not answer for this long is lost. Default 1500. */
  readonly silenceMs?: number;
  /** A tile may take this many times what is expected before it counts as slow. Default 4. */
  readonly factor?: number;
  /** An engine that gets nothing done for four times as long as that, and for at least this long, is stuck. Default 10,000. */
  readonly stuckMs?: number;
}

export interface LeasesOptions extends LeaseTimes {
  readonly clock: Clock;
  readonly debts: () => readonly Debt[];
  readonly ask: (peer: PeerId, nonce: number) => void;
  /** No answer, or an engine that does not get on: nothing will come from it. */
  readonly onLost: (peer: PeerId, why: 'silent' | 'stuck') => void;
  /** It works, and takes far longer than expected. Told once until it gets on. */
  readonly onSlow: (peer: PeerId) => void;
}

const DEFAULT_LEASE_TIMES = { floorMs: 1000, silenceMs: 1500, factor: 4, stuckMs: 10_000 } as const;

/** Of a tile about which nobody knows anything. */
const UNKNOWN_TILE_MS = 2_500;
/** How many leases an engine may take for one tile before its peer counts as stuck. */
const LEASES_UNTIL_STUCK = 4;

interface Watched {
  /** The last thing that it did for the session. */
  progressMs: number;
  question: { readonly nonce: number; askedMs: number; patienceMs: number } | undefined;
  /** When it last answered, and how many tiles it had computed by then. */
  answeredMs: number;
  tilesDone: number;
  /** Its engine was last seen to get on, for this session or another. */
  engineMs: number;
  isSlow: boolean;
}

/**
 * Finds out who holds a session up. A peer that owes something and shows nothing is asked; answers go past the engine,
 * so even a busy peer answers at once, and one that does not is frozen or gone. A peer that answers and has nothing to do
 * waits for somebody itself: then those that it waits for are asked. A peer whose engine is at work is given several times what
 * the tile should take. So nobody is blamed for another's standstill, nor for being slow.
 */
export class Leases {
  readonly #options: LeasesOptions & Required<LeaseTimes>;
  readonly #watched = new Map<PeerId, Watched>();
  #cancel: (() => void) | undefined;
  #nextNonce = 1;
  /** Who waits for the answers to a roll call. */
  readonly #calls: { readonly open: Set<PeerId>; readonly resolve: () => void }[] = [];

  constructor(options: LeasesOptions) {
    this.#options = { ...DEFAULT_LEASE_TIMES, ...options };
  }

  /** Something may be owed from now on. */
  watch(): void {
    if (this.#cancel) return;
    const { clock, floorMs } = this.#options;
    const dueMs = clock.now() + floorMs / 4;
    this.#cancel = clock.after(floorMs / 4, () => {
      this.#cancel = undefined;
      this.#check(clock.now() - dueMs);
    });
  }

  /** This peer did something for the session: a tile, a piece, loading. Pongs and the like do not count. */
  progress(peer: PeerId): void {
    const watched = this.#watch(peer);
    watched.progressMs = this.#options.clock.now();
    watched.isSlow = false;
  }

  answered(peer: PeerId, nonce: number, tilesDone: number, busy: boolean): void {
    const watched = this.#watched.get(peer);
    if (!watched || watched.question?.nonce !== nonce) return;
    const now = this.#options.clock.now();
    watched.question = undefined;
    watched.answeredMs = now;
    if (tilesDone !== watched.tilesDone) watched.engineMs = now;
    watched.tilesDone = tilesDone;
    this.#called(peer);
    const debts = this.#options.debts().filter((debt) => debt.peer === peer);
    if (debts.length === 0) return;
    if (busy) this.#working(peer, watched, debts, now);
    else for (const { upstream } of debts) for (const other of upstream) this.suspect(other);
  }

  /** Somebody waits for it: it is asked now. */
  suspect(peer: PeerId): void {
    // It has answered a moment ago: two that wait for each other are not asked in turn for ever.
    if (this.#options.clock.now() - this.#watch(peer).answeredMs < this.#options.floorMs / 2) return;
    this.#ask(peer);
  }

  /** Others say that it is gone: it is asked now, and does not get as long as usual for its answer. */
  doubt(peer: PeerId): void {
    this.#ask(peer);
    const { question } = this.#watch(peer);
    if (question) question.patienceMs = this.#options.silenceMs / 3;
  }

  /** Asks all of them; resolves when each has answered, or has been reported lost or forgotten. */
  rollCall(peers: Iterable<PeerId>): Promise<void> {
    const open = new Set(peers);
    if (open.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#calls.push({ open, resolve });
      for (const peer of open) this.#ask(peer);
    });
  }

  forget(peer: PeerId): void {
    this.#watched.delete(peer);
    this.#called(peer);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#watched.clear();
    for (const { resolve } of this.#calls.splice(0)) resolve();
  }

  #ask(peer: PeerId): void {
    const watched = this.#watch(peer);
    if (!watched.question) {
      const { clock, silenceMs, ask } = this.#options;
      watched.question = { nonce: this.#nextNonce++, askedMs: clock.now(), patienceMs: silenceMs };
      ask(peer, watched.question.nonce);
    }
    this.watch();
  }

  #called(peer: PeerId): void {
    for (const call of [...this.#calls]) {
      call.open.delete(peer);
      if (call.open.size > 0) continue;
      this.#calls.splice(this.#calls.indexOf(call), 1);
      call.resolve();
    }
  }

  #working(peer: PeerId, watched: Watched, debts: readonly Debt[], now: number): void {
    const { floorMs, factor, stuckMs } = this.#options;
    const expected = Math.max(...debts.map(({ expectedMs }) => expectedMs ?? 0));
    const leaseMs = Math.max(floorMs, factor * (expected > 0 ? expected : UNKNOWN_TILE_MS));
    const idleMs = now - Math.max(watched.progressMs, watched.engineMs, oldest(debts));
    if (idleMs > Math.max(stuckMs, leaseMs * LEASES_UNTIL_STUCK)) this.#options.onLost(peer, 'stuck');
    else if (idleMs > leaseMs && !watched.isSlow) {
      watched.isSlow = true;
      this.#options.onSlow(peer);
    }
  }

  /** `lateMs`: this thread was busy, or the whole device asleep; answers may lie here unread. */
  #check(lateMs: number): void {
    const { clock, floorMs, onLost } = this.#options;
    const now = clock.now();
    const byPeer = new Map<PeerId, Debt[]>();
    for (const debt of this.#options.debts()) {
      byPeer.set(debt.peer, [...(byPeer.get(debt.peer) ?? []), debt]);
    }
    for (const [peer, debts] of byPeer) {
      const watched = this.#watch(peer);
      if (
        now - Math.max(watched.progressMs, oldest(debts)) >= floorMs &&
        now - watched.answeredMs >= floorMs
      ) {
        this.suspect(peer);
      }
    }
    for (const [peer, { question }] of [...this.#watched]) {
      if (!question) continue;
      if (lateMs > floorMs / 4) question.askedMs += lateMs;
      if (now - question.askedMs < question.patienceMs) continue;
      this.forget(peer);
      onLost(peer, 'silent');
    }
    const isAsking = [...this.#watched.values()].some(({ question }) => question);
    if (byPeer.size > 0 || isAsking) this.watch();
  }

  #watch(peer: PeerId): Watched {
    let watched = this.#watched.get(peer);
    if (!watched) {
      watched = {
        progressMs: -Infinity,
        question: undefined,
        answeredMs: -Infinity,
        tilesDone: -1,
        engineMs: -Infinity,
        isSlow: false,
      };
      this.#watched.set(peer, watched);
    }
    return watched;
  }
}

const oldest = (debts: readonly Debt[]): number => Math.min(...debts.map(({ sinceMs }) => sinceMs));
