import { expect, it } from 'vitest';
import { TailProbe } from '../../../src/transport/tail-probe.ts';

/** A probe on a clock that is turned by hand, and when it asked. */
function probe() {
  let nowMs = 0;
  let waiting = true;
  const timers: { atMs: number; run: () => void }[] = [];
  const asked: number[] = [];
  const tail = new TailProbe(
    {
      now: () => nowMs,
      after: (delayMs, run) => {
        const timer = { atMs: nowMs + delayMs, run };
        timers.push(timer);
        return () => void timers.splice(timers.indexOf(timer), 1);
      },
    },
    () => waiting,
    () => void asked.push(nowMs),
  );
  const until = (endMs: number): void => {
    for (;;) {
      const next = timers.toSorted((a, b) => a.atMs - b.atMs)[0];
      if (!next || next.atMs > endMs) break;
      timers.splice(timers.indexOf(next), 1);
      nowMs = next.atMs;
      next.run();
    }
    nowMs = endMs;
  };
  return { tail, asked, timers, until, answered: () => (waiting = false) };
}

it('[CR9] asks four times when nothing moves for 25 ms, and again after a while', () => {
  const { tail, asked, until } = probe();
  tail.moved();
  until(280);
  expect(asked).toEqual([25, 29, 33, 37]);
  until(300);
  expect(asked.slice(4)).toEqual([287, 291, 295, 299]);
});

it('[CR9] asks nothing while bytes move, with one timer for all of them', () => {
  const { tail, asked, until, timers } = probe();
  for (let ms = 0; ms < 500; ms += 5) {
    until(ms);
    tail.moved();
    expect(timers.length).toBe(1);
  }
  expect(asked).toEqual([]);
  until(540);
  expect(asked.length).toBe(4);
});

it('[CR9] leaves no timer behind once all is acknowledged, or the channel has ended', () => {
  const quiet = probe();
  quiet.tail.moved();
  quiet.answered();
  quiet.until(100);
  expect([quiet.asked, quiet.timers]).toEqual([[], []]);
  const ended = probe();
  ended.tail.moved();
  ended.tail.stop();
  ended.until(100);
  expect([ended.asked, ended.timers]).toEqual([[], []]);
});
