import type { Clock } from '../../shared/clock.ts';
import { RateMeter } from '../../shared/rate-meter.ts';
import { initialPeerState, type PeerState } from '../peer-state.ts';
import type { Problem } from '../problem.ts';
import { Dimmer } from './dimmer.ts';
import { blockingProblem, kioskPhase, PROBLEM_SHOWN_MS, type KioskState } from './kiosk-state.ts';

const TICK_MS = 1000;
/** Long enough for networks that take seconds per frame. */
const RATE_WINDOW_MS = 10_000;

/** Turns what happens to the peer into what the screen shows, and decides when that is news. */
export class KioskScreen {
  readonly #clock: Clock;
  readonly #show: (state: KioskState) => void;
  readonly #dimmer: Dimmer;
  readonly #meter = new RateMeter(RATE_WINDOW_MS);
  #peer: PeerState = initialPeerState;
  #latest: { readonly problem: Problem; readonly atMs: number } | undefined;
  #isDimmed = false;

  constructor(options: {
    readonly clock: Clock;
    readonly dimAfterMs: number;
    readonly show: (state: KioskState) => void;
  }) {
    this.#clock = options.clock;
    this.#show = options.show;
    this.#dimmer = new Dimmer({
      clock: options.clock,
      afterMs: options.dimAfterMs,
      onChange: (isDimmed) => {
        this.#isDimmed = isDimmed;
        this.#draw();
      },
    });
    this.#tick();
  }

  /** Somebody touched something. */
  wake(): void {
    this.#dimmer.wake();
  }

  toggleDim(): void {
    this.#dimmer.toggle();
  }

  onPeer(peer: PeerState): void {
    const before = this.#peer;
    this.#peer = peer;
    const problem = peer.view === 'room' ? peer.problems[0] : undefined;
    const isNews = problem !== undefined && problem !== latestOf(before);
    if (isNews) this.#latest = { problem, atMs: this.#clock.now() };
    if (isNews || kioskPhase(peer) !== kioskPhase(before)) this.#dimmer.wake();
    this.#draw();
  }

  /** Rates fall and old problems go while nothing happens. */
  #tick(): void {
    this.#meter.add(this.#peer.view === 'room' ? this.#peer.frames : 0, this.#clock.now());
    if (this.#latest && this.#clock.now() - this.#latest.atMs >= PROBLEM_SHOWN_MS) this.#latest = undefined;
    this.#draw();
    this.#clock.after(TICK_MS, () => this.#tick());
  }

  #draw(): void {
    this.#show({
      peer: this.#peer,
      framesPerSecond: this.#meter.perSecond,
      problem: blockingProblem(this.#peer) ?? this.#latest?.problem,
      isDimmed: this.#isDimmed,
    });
  }
}

const latestOf = (peer: PeerState): Problem | undefined =>
  peer.view === 'room' ? peer.problems[0] : undefined;
