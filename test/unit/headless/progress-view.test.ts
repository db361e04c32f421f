import { describe, expect, it } from 'vitest';
import { ProgressView, type ProgressItem } from '../../../headless/progress-view.ts';
import { formatDuration, RateMeter } from '../../../src/shared/rate-meter.ts';

const mega = (value: number): string => `${(value / 1e6).toFixed(1)} MB`;
const weights = (label: string, done: number, state?: string): ProgressItem => ({
  label,
  done: done * 1e6,
  total: 100e6,
  format: mega,
  ...(state ? { state } : {}),
});
// eslint-disable-next-line no-control-regex
const plain = (text: string): string => text.replaceAll(/\u001b\[\d*m/g, '');

/** A terminal that keeps what it is told. */
class Screen {
  readonly written: string[] = [];
  nowMs = 0;
  readonly view: ProgressView;

  constructor(
    readonly live: boolean,
    columns = 120,
  ) {
    this.view = new ProgressView({
      write: (text) => void this.written.push(plain(text)),
      live,
      columns: () => columns,
      now: () => this.nowMs,
    });
  }

  /** What a person sees: text, with lines erased as the escapes say. */
  get lines(): string[] {
    let lines = [''];
    for (const part of this.written) {
      const match = /^\r(?:\u001b\[(\d+)A)?\u001b\[0J/.exec(part); // eslint-disable-line no-control-regex
      if (match) lines = [...lines.slice(0, lines.length - 1 - Number(match[1] ?? 0)), ''];
      const [first, ...rest] = (match ? part.slice(match[0].length) : part).split('\n');
      lines[lines.length - 1] += first!;
      lines.push(...rest);
    }
    return lines;
  }
}

describe('ProgressView on a terminal', () => {
  it('draws a bar per item with amount, rate and time left, over the ones before', () => {
    const screen = new Screen(true);
    screen.view.show([weights('peer-1', 0), weights('other', 10)]);
    screen.nowMs = 2000;
    screen.view.show([weights('peer-1', 25), weights('other', 10)]);
    screen.nowMs = 4000;
    screen.view.show([weights('peer-1', 50), weights('other', 100, 'ready')]);
    expect(screen.lines).toEqual([
      'peer-1  ██████████░░░░░░░░░░  50 %  50.0 MB of 100.0 MB, 12.5 MB/s, 4 s left',
      'other   ████████████████████ 100 %  100.0 MB of 100.0 MB, ready',
    ]);
  });

  it('makes room for other words, and takes itself away at the end', () => {
    const screen = new Screen(true);
    screen.view.show([weights('a', 1), weights('b', 2)]);
    screen.view.clear();
    expect(screen.lines).toEqual(['']);
    screen.written.push('a result\n');
    screen.view.show([weights('a', 3)]);
    expect(screen.lines[0]).toBe('a result');
    screen.view.end();
    expect(screen.lines).toEqual(['a result', '']);
  });

  it('cuts a line that would wrap', () => {
    const screen = new Screen(true, 40);
    screen.view.show([weights('a peer with a long name', 1)]);
    expect(screen.lines[0]).toHaveLength(39);
    expect(screen.lines[0]!.endsWith('…')).toBe(true);
  });

  it('draws twenty times a second at most, and the last state in any case', () => {
    const screen = new Screen(true);
    for (let done = 0; done <= 100; done += 1) {
      screen.nowMs += 1;
      screen.view.show([weights('a', done)]);
    }
    expect(screen.written.length).toBeLessThanOrEqual(4);
    expect(screen.lines[0]).toContain('100 %');
  });

  it('says how long each takes when they are slow', () => {
    const screen = new Screen(true);
    for (const done of [0, 1, 2]) {
      screen.nowMs = done * 8000;
      screen.view.show([{ label: 'frames', done, total: 5, format: String }]);
    }
    expect(screen.lines[0]).toContain('2 of 5, 8 s each, 24 s left');
  });
});

describe('ProgressView elsewhere', () => {
  it('writes a plain line per quarter of what takes more than two seconds', () => {
    const screen = new Screen(false);
    for (let done = 0; done <= 100; done += 5) {
      screen.view.show([weights('peer-1', done)]);
      screen.nowMs += 500;
    }
    screen.view.clear();
    expect(screen.written.map((line) => line.slice(0, 30))).toEqual([
      'peer-1: 25 %, 25.0 MB of 100.0',
      'peer-1: 50 %, 50.0 MB of 100.0',
      'peer-1: 75 %, 75.0 MB of 100.0',
      'peer-1: 100 %, 100.0 MB of 100',
    ]);
    expect(screen.written[1]).toBe('peer-1: 50 %, 50.0 MB of 100.0 MB, 10.0 MB/s, 5 s left\n');
  });

  it('writes nothing about what is over at once', () => {
    const screen = new Screen(false);
    for (const done of [0, 50, 100]) screen.view.show([weights('peer-1', done)]);
    screen.view.text('starting');
    screen.view.end();
    expect(screen.written).toEqual([]);
  });
});

describe('RateMeter', () => {
  it('follows a rate that changes, over the last seconds', () => {
    const meter = new RateMeter();
    for (let second = 0; second <= 10; second += 1) meter.add(second * 100, second * 1000);
    expect([meter.perSecond, meter.leftMs(2000)]).toEqual([100, 10_000]);
    for (let second = 11; second <= 20; second += 1) meter.add(1000 + (second - 10), second * 1000);
    expect(meter.perSecond).toBe(1);
  });

  it('knows nothing at first, when nothing moves, and when something new begins', () => {
    const meter = new RateMeter();
    expect(meter.perSecond).toBeUndefined();
    meter.add(0, 0);
    meter.add(5, 100);
    expect(meter.perSecond).toBeUndefined();
    meter.add(50, 1000);
    expect(meter.perSecond).toBe(50);
    meter.add(0, 2000);
    expect([meter.perSecond, meter.leftMs(10)]).toEqual([undefined, undefined]);
  });
});

describe('formatDuration', () => {
  it.each([
    [200, '1 s'],
    [59_400, '59 s'],
    [200_000, '3 min 20 s'],
    [7_500_000, '2 h 5 min'],
  ])('%d ms is %s', (ms, text) => expect(formatDuration(ms)).toBe(text));
});
