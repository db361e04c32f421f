import type { Clock } from '../../src/shared/clock.ts';
import { toPeerceptronError } from '../../src/shared/errors.ts';
import type { Heartbeat } from '../../src/ui/kiosk/heartbeat.ts';
import { aborted, pause } from '../waiting.ts';
import type { KioskBrowser } from './browser.ts';
import { Pulse, type PulseLimits, type Sample } from './pulse.ts';

/** One line of `kiosk --json`. */
export type KioskEvent =
  | { readonly type: 'started'; readonly pid: number }
  /** The page cannot be loaded yet; it is tried until it can. */
  | { readonly type: 'waiting'; readonly reason: string }
  | { readonly type: 'loaded' }
  /** How the page gets on, when that is news. */
  | ({ readonly type: 'page' } & Omit<Heartbeat, 'beat' | 'busyMs'>)
  /** The browser has ended, or was ended; another one is started. */
  | { readonly type: 'ended'; readonly reason: string; readonly againInMs: number }
  | { readonly type: 'stopped' };

export interface KeepKioskOptions {
  readonly url: string;
  /** What is shown while the page cannot be loaded. */
  readonly waitingUrl: (reason: string) => string;
  readonly start: () => Promise<KioskBrowser>;
  readonly limits: PulseLimits;
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly onEvent: (event: KioskEvent) => void;
  /** Ends it all. */
  readonly signal: AbortSignal;
}

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
/** A browser that has lived for so long was in order. */
const SETTLED_MS = 120_000;
const FIRST_RETRY_MS = 2000;
const LONGEST_RETRY_MS = 15_000;
const MOST_LOOK_MS = 5000;
/** Looks before a page counts as silent. */
const LOOKS = 3;

/** Keeps a browser with the page going until the signal says otherwise: whatever ends or hangs is started anew, less and less often. */
export async function keepKiosk(options: KeepKioskOptions): Promise<void> {
  const { clock, random, onEvent, signal } = options;
  let failures = 0;
  while (!signal.aborted) {
    const startedMs = clock.now();
    const reason = await oneBrowser(options);
    if (signal.aborted) break;
    if (clock.now() - startedMs >= SETTLED_MS) failures = 0;
    // Devices that lose the same server at the same time must not come back at the same time.
    const againInMs = Math.round(
      Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures) * (0.75 + random() / 2),
    );
    failures = Math.min(failures + 1, 16);
    onEvent({ type: 'ended', reason, againInMs });
    await pause(clock, againInMs, signal);
  }
  onEvent({ type: 'stopped' });
}

/** From start to end; resolves with why it is over. */
async function oneBrowser(options: KeepKioskOptions): Promise<string> {
  let browser: KioskBrowser;
  try {
    browser = await options.start();
  } catch (thrown) {
    return toPeerceptronError(thrown).message;
  }
  // What still runs for this browser when it is over stops at its next step.
  const over = new AbortController();
  const signal = AbortSignal.any([options.signal, over.signal]);
  try {
    options.onEvent({ type: 'started', pid: browser.pid });
    return await Promise.race([
      browser.ended,
      keepPage(browser, { ...options, signal }).catch((thrown) => toPeerceptronError(thrown).message),
      aborted(signal).then(() => 'stopped'),
    ]);
  } finally {
    over.abort();
    await browser.stop();
  }
}

/** Resolves with why only another browser helps. */
async function keepPage(browser: KioskBrowser, options: KeepKioskOptions): Promise<string> {
  while (!options.signal.aborted) {
    await loadPage(browser, options);
    const reason = await watchPage(browser, options);
    if (reason !== undefined) return reason;
  }
  return 'stopped';
}

async function loadPage(browser: KioskBrowser, options: KeepKioskOptions): Promise<void> {
  const { url, waitingUrl, clock, onEvent, signal } = options;
  let told: string | undefined;
  for (let retryMs = FIRST_RETRY_MS; !signal.aborted; retryMs = Math.min(LONGEST_RETRY_MS, 2 * retryMs)) {
    const reason = await browser.show(url);
    if (signal.aborted) return;
    if (reason === undefined) return onEvent({ type: 'loaded' });
    if (reason !== told) onEvent({ type: 'waiting', reason });
    told = reason;
    await browser.show(waitingUrl(reason));
    await pause(clock, retryMs, signal);
  }
}

/** Resolves with why another browser is needed, or with nothing where the page has to be loaded again. */
async function watchPage(browser: KioskBrowser, options: KeepKioskOptions): Promise<string | undefined> {
  const { waitingUrl, clock, limits, onEvent, signal } = options;
  const pulse = new Pulse(limits, clock.now());
  const lookMs = Math.min(MOST_LOOK_MS, limits.silentMs / LOOKS);
  let told = '';
  while (!signal.aborted) {
    const sample = await look(browser, lookMs);
    if (signal.aborted) break;
    const verdict = pulse.see(sample, clock.now());
    if (verdict.kind === 'restart') return verdict.reason;
    if (verdict.kind === 'load') {
      onEvent({ type: 'waiting', reason: verdict.reason });
      // Another address in between: to one that differs by nothing, a browser does not go anew.
      await browser.show(waitingUrl(verdict.reason));
      return undefined;
    }
    if (sample.kind === 'beat') {
      const { beat: _beat, busyMs: _busyMs, ...page } = sample.heartbeat;
      const news = JSON.stringify(page);
      if (news !== told) onEvent({ type: 'page', ...page });
      told = news;
    }
    await pause(clock, lookMs, signal);
  }
  return undefined;
}

async function look(browser: KioskBrowser, timeoutMs: number): Promise<Sample> {
  try {
    const heartbeat = await browser.heartbeat(timeoutMs);
    return heartbeat ? { kind: 'beat', heartbeat } : { kind: 'stray' };
  } catch {
    return { kind: 'silent' };
  }
}
