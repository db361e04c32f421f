import type { Heartbeat } from '../../src/ui/kiosk/heartbeat.ts';

/** What was seen of the page when it was looked at. */
export type Sample =
  | { readonly kind: 'beat'; readonly heartbeat: Heartbeat }
  /** The page answers, and is not the kiosk's: an error page, or one that is being loaded. */
  | { readonly kind: 'stray' }
  | { readonly kind: 'silent' };

export type Verdict =
  | { readonly kind: 'well' }
  /** Another address is shown than the one that should be. */
  | { readonly kind: 'load'; readonly reason: string }
  | { readonly kind: 'restart'; readonly reason: string };

export interface PulseLimits {
  /** Without an answer of the page, or with timers that stand still. */
  readonly silentMs: number;
  /** With another page. Reloads of the page itself take seconds. */
  readonly strayMs: number;
  /** With an engine that has something to do and does nothing: the largest tiles take a minute on the smallest devices. */
  readonly busyMs: number;
  /** In a phase that the page itself cannot end. It loads itself anew meanwhile, in the same browser. */
  readonly givenUpMs: number;
}

export const DEFAULT_PULSE_LIMITS: PulseLimits = {
  silentMs: 30_000,
  strayMs: 20_000,
  busyMs: 300_000,
  givenUpMs: 900_000,
};

const givenUp: ReadonlySet<string> = new Set(['stopped', 'failed']);
const well: Verdict = { kind: 'well' };

/** Whether a page gets on, told by its progress. Times are milliseconds of one clock. */
export class Pulse {
  readonly #limits: PulseLimits;
  #beat = -1;
  #beatAtMs: number;
  #strayFromMs: number | undefined;
  #givenUpFromMs: number | undefined;

  constructor(limits: PulseLimits, nowMs: number) {
    this.#limits = limits;
    this.#beatAtMs = nowMs;
  }

  see(sample: Sample, nowMs: number): Verdict {
    if (sample.kind === 'stray') return this.#stray(nowMs);
    this.#strayFromMs = undefined;
    if (sample.kind === 'beat') {
      const { beat, busyMs, phase } = sample.heartbeat;
      if (beat !== this.#beat) this.#beatAtMs = nowMs;
      this.#beat = beat;
      if (busyMs >= this.#limits.busyMs) return restart(`its engine has not got on for ${seconds(busyMs)}`);
      this.#givenUpFromMs = givenUp.has(phase) ? (this.#givenUpFromMs ?? nowMs) : undefined;
    }
    const silentMs = nowMs - this.#beatAtMs;
    if (silentMs >= this.#limits.silentMs) {
      const what = sample.kind === 'silent' ? 'it has not answered' : 'its timers have stood still';
      return restart(`${what} for ${seconds(silentMs)}`);
    }
    const givenUpMs = this.#givenUpFromMs === undefined ? 0 : nowMs - this.#givenUpFromMs;
    return givenUpMs >= this.#limits.givenUpMs ? restart(`it gave up ${seconds(givenUpMs)} ago`) : well;
  }

  #stray(nowMs: number): Verdict {
    this.#strayFromMs ??= nowMs;
    // An answer is an answer.
    this.#beatAtMs = nowMs;
    return nowMs - this.#strayFromMs >= this.#limits.strayMs
      ? { kind: 'load', reason: 'another page is shown' }
      : well;
  }
}

const restart = (what: string): Verdict => ({ kind: 'restart', reason: `the page hangs: ${what}` });
const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;
