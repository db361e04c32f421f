import { describe, expect, it } from 'vitest';
import { SharedTime, UsualTime, type ThreadTime } from '../../../src/engine/shared-time.ts';

/** A thread whose processor other programs may take: time passes and its processor time does not. */
class FakeThread implements ThreadTime {
  nowMs = 1000;
  usedMs = 50;
  /** What a count that is brought up to date only in a sleep has. */
  #countedMs = 50;
  readonly sleeps: number[] = [];

  now(): number {
    return this.nowMs;
  }

  processorMs(): number {
    return this.#countedMs;
  }

  sleep(ms: number): void {
    this.sleeps.push(ms);
    this.nowMs += ms;
    this.#countedMs = this.usedMs;
  }

  compute(ms: number, { takenByOthersMs = 0 } = {}): Promise<string> {
    this.nowMs += ms + takenByOthersMs;
    this.usedMs += ms;
    return Promise.resolve('done');
  }
}

describe('SharedTime', () => {
  it('has a job take as long as a device with that share would', async () => {
    for (const share of [0.9, 0.5, 0.25, 0.01]) {
      const thread = new FakeThread();
      const time = new SharedTime(thread);
      time.share = share;
      const { value, tookMs } = await time.run(() => thread.compute(10), new UsualTime());
      expect(value).toBe('done');
      expect(tookMs).toBeCloseTo(10 / share, 6);
      expect(thread.nowMs).toBeCloseTo(1000 + 10 / share, 6);
    }
  });

  it('takes what others used meanwhile out of the rest', async () => {
    const thread = new FakeThread();
    const time = new SharedTime(thread);
    time.share = 0.25;
    const usual = new UsualTime();
    const { tookMs } = await time.run(() => thread.compute(10, { takenByOthersMs: 9 }), usual);
    expect(tookMs).toBeCloseTo(40, 6);
    // So much that the share cannot be kept to: it is late, and rests no longer than it takes to know that.
    const late = await time.run(() => thread.compute(1, { takenByOthersMs: 99 }), usual);
    expect(late.tookMs).toBeGreaterThanOrEqual(100);
  });

  it('rests not at all with all of the processor', async () => {
    const thread = new FakeThread();
    const { tookMs } = await new SharedTime(thread).run(() => thread.compute(10), new UsualTime());
    expect(tookMs).toBe(10);
    expect(thread.sleeps).toEqual([]);
  });

  it('hands on what a job throws', async () => {
    const time = new SharedTime(new FakeThread());
    time.share = 0.5;
    await expect(time.run(() => Promise.reject(new Error('no memory')), new UsualTime())).rejects.toThrow(
      'no memory',
    );
  });

  it('where it is steady, a job takes what it takes undisturbed, until it has been slower for a while', async () => {
    const thread = new FakeThread();
    const time = new SharedTime(thread);
    time.share = 0.1;
    time.steady = true;
    const usual = new UsualTime();
    const took = async (ms: number): Promise<number> =>
      Math.round((await time.run(() => thread.compute(ms), usual)).tookMs);
    expect(await took(12)).toBe(120);
    expect(await took(10)).toBe(100);
    expect(await took(15)).toBe(100);
    expect((await time.run(() => thread.compute(4), new UsualTime())).tookMs).toBeCloseTo(40, 6);
    for (let run = 0; run < 62; run++) expect(await took(15)).toBe(100);
    expect(await took(15)).toBe(150);
    time.steady = false;
    expect(await took(20)).toBe(200);
  });

  it('where it is steady, learns from runs with all of the processor', async () => {
    const thread = new FakeThread();
    const time = new SharedTime(thread);
    time.steady = true;
    const usual = new UsualTime();
    expect((await time.run(() => thread.compute(10), usual)).tookMs).toBe(10);
    time.share = 0.1;
    expect((await time.run(() => thread.compute(15), usual)).tookMs).toBeCloseTo(100, 6);
  });
});
