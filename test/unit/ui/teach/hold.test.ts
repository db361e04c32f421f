import { describe, expect, it } from 'vitest';
import { Holds } from '../../../../src/ui/teach/hold.ts';

describe('a button that is held', () => {
  it('collects pictures that were taken while it was, however late their features come', () => {
    const holds = new Holds();
    holds.press(7, 1000);
    expect(holds.classOf(990)).toBeUndefined();
    expect(holds.classOf(1010)).toBe(7);
    holds.release(2000);
    expect(holds.classOf(1990)).toBe(7);
    expect(holds.classOf(2001)).toBeUndefined();
  });

  it('collects no more than ten a second', () => {
    const holds = new Holds();
    holds.press(1, 0);
    const times = Array.from({ length: 31 }, (_, frame) => frame * 33);
    expect(times.filter((atMs) => holds.classOf(atMs) === 1)).toEqual([0, 132, 264, 396, 528, 660, 792, 924]);
  });

  it('collects one picture where it is tapped between two', () => {
    const holds = new Holds();
    holds.press(1, 100);
    holds.release(110);
    expect(holds.classOf(133)).toBe(1);
    expect(holds.classOf(300)).toBeUndefined();
  });

  it('gives a picture to the button that is held, not to one that was tapped before', () => {
    const holds = new Holds();
    holds.press(1, 100);
    holds.release(110);
    holds.press(2, 120);
    expect(holds.classOf(133)).toBe(2);
    expect(holds.classOf(300)).toBe(2);
  });

  it('is let go of when another one is pressed', () => {
    const holds = new Holds();
    holds.press(1, 0);
    expect(holds.classOf(5)).toBe(1);
    holds.press(2, 50);
    expect(holds.classOf(40)).toBeUndefined();
    expect(holds.classOf(160)).toBe(2);
  });

  it('counts no more once everything is cleared', () => {
    const holds = new Holds();
    holds.press(1, 0);
    holds.clear();
    expect(holds.classOf(10)).toBeUndefined();
  });
});
