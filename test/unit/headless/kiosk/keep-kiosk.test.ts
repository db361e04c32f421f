import { describe, expect, it } from 'vitest';
import type { KioskBrowser } from '../../../../headless/kiosk/browser.ts';
import { keepKiosk, type KioskEvent } from '../../../../headless/kiosk/keep-kiosk.ts';
import { DEFAULT_PULSE_LIMITS } from '../../../../headless/kiosk/pulse.ts';
import type { Heartbeat } from '../../../../src/ui/kiosk/heartbeat.ts';
import { FakeClock, settle } from '../../mesh/fake-clock.ts';

/** A browser that does what a test wants. */
class FakeBrowser implements KioskBrowser {
  readonly pid: number;
  readonly ended: Promise<string>;
  readonly shown: string[] = [];
  end!: (reason: string) => void;
  isStopped = false;
  /** Why the page cannot be loaded. */
  refusal: string | undefined;
  isFrozen = false;
  isStray = false;
  busyMs = 0;
  phase = 'alone';
  readonly #clock: FakeClock;

  constructor(pid: number, clock: FakeClock) {
    this.pid = pid;
    this.#clock = clock;
    this.ended = new Promise((resolve) => (this.end = resolve));
  }

  async show(url: string): Promise<string | undefined> {
    this.shown.push(url);
    return url === 'the page' ? this.refusal : undefined;
  }

  heartbeat(timeoutMs: number): Promise<Heartbeat | undefined> {
    if (this.isFrozen)
      return new Promise(
        (_, reject) => void this.#clock.after(timeoutMs, () => reject(new Error('silence'))),
      );
    const { busyMs, phase } = this;
    const beat = Math.floor(this.#clock.now() / 1000);
    const heartbeat = { beat, phase, frames: 0, busyMs, secure: true, isolated: true };
    return Promise.resolve(this.isStray ? undefined : heartbeat);
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    this.end('stopped');
  }
}

function keep(prepare: (browser: FakeBrowser) => void = () => undefined) {
  const clock = new FakeClock();
  const stop = new AbortController();
  const events: KioskEvent[] = [];
  const browsers: FakeBrowser[] = [];
  const over = keepKiosk({
    url: 'the page',
    waitingUrl: (reason) => `waiting: ${reason}`,
    start: async () => {
      const browser = new FakeBrowser(browsers.length + 1, clock);
      prepare(browser);
      browsers.push(browser);
      return browser;
    },
    limits: DEFAULT_PULSE_LIMITS,
    clock,
    random: () => 0.5,
    onEvent: (event) => events.push(event),
    signal: stop.signal,
  });
  const latest = (): FakeBrowser => browsers.at(-1)!;
  const ends = () => events.flatMap((event) => (event.type === 'ended' ? [event] : []));
  return { clock, stop, events, browsers, over, latest, ends };
}

describe('keeping a kiosk', () => {
  it('shows the page, tells what is new of it, and ends when it is told to', async () => {
    const { clock, stop, events, over, latest } = keep();
    await clock.advance(60_000);
    latest().phase = 'working';
    await clock.advance(60_000);
    stop.abort();
    await over;
    const page = { type: 'page', frames: 0, secure: true, isolated: true };
    expect(events).toEqual([
      { type: 'started', pid: 1 },
      { type: 'loaded' },
      { ...page, phase: 'alone' },
      { ...page, phase: 'working' },
      { type: 'stopped' },
    ]);
    expect(latest().isStopped).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('starts another browser when one has ended, less and less often, and at first again after a good while', async () => {
    const { clock, browsers, latest, ends } = keep();
    for (let life = 1; life <= 9; life++) {
      await clock.advance(60_000);
      expect(browsers).toHaveLength(life);
      latest().end('gone');
      await settle();
    }
    expect(ends().map(({ againInMs }) => againInMs)).toEqual([
      1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000,
    ]);
    await clock.advance(300_000);
    latest().end('gone');
    await settle();
    expect(ends().at(-1)).toMatchObject({ reason: 'gone', againInMs: 1000 });
  });

  it('tries again where no browser starts', async () => {
    const { clock, browsers, ends } = keep(() => {
      throw new Error('no such program');
    });
    await clock.advance(10_000);
    expect(browsers).toEqual([]);
    expect(ends().map(({ reason }) => reason)).toEqual(Array(4).fill('no such program'));
  });

  it('ends and replaces a browser whose page does not answer', async () => {
    const { clock, browsers, ends } = keep();
    await clock.advance(20_000);
    browsers[0]!.isFrozen = true;
    await clock.advance(60_000);
    expect(browsers[0]!.isStopped).toBe(true);
    expect(ends()[0]!.reason).toMatch(/^the page hangs: it has not answered for \d+ s$/);
    expect(browsers).toHaveLength(2);
    expect(browsers[1]!.shown).toEqual(['the page']);
  });

  it('ends and replaces a browser whose engine hangs', async () => {
    const { clock, browsers, ends } = keep();
    await clock.advance(20_000);
    browsers[0]!.busyMs = 400_000;
    await clock.advance(10_000);
    expect(ends()[0]!.reason).toBe('the page hangs: its engine has not got on for 400 s');
    expect(browsers).toHaveLength(2);
  });

  it('waits for a page that cannot be loaded, and shows why meanwhile', async () => {
    const { clock, events, latest } = keep((browser) => (browser.refusal = 'net::ERR_CONNECTION_REFUSED'));
    await clock.advance(20_000);
    latest().refusal = undefined;
    await clock.advance(20_000);
    expect(events.slice(0, 3)).toEqual([
      { type: 'started', pid: 1 },
      { type: 'waiting', reason: 'net::ERR_CONNECTION_REFUSED' },
      { type: 'loaded' },
    ]);
    expect(latest().shown.slice(0, 2)).toEqual(['the page', 'waiting: net::ERR_CONNECTION_REFUSED']);
    expect(latest().shown.at(-1)).toBe('the page');
  });

  it('loads the page again where another one is shown', async () => {
    const { clock, browsers, latest } = keep();
    await clock.advance(20_000);
    latest().isStray = true;
    await clock.advance(40_000);
    latest().isStray = false;
    await clock.advance(40_000);
    expect(browsers).toHaveLength(1);
    expect(latest().shown).toEqual(['the page', 'waiting: another page is shown', 'the page']);
  });
});
