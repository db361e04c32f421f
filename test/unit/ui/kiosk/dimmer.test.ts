import { describe, expect, it } from 'vitest';
import { dimAfterMs, Dimmer } from '../../../../src/ui/kiosk/dimmer.ts';
import { FakeClock } from '../../mesh/fake-clock.ts';

function dimmer(afterMs: number) {
  const clock = new FakeClock();
  const changes: boolean[] = [];
  return { clock, changes, dimmer: new Dimmer({ clock, afterMs, onChange: (dim) => changes.push(dim) }) };
}

describe('a screen that dims', () => {
  it('goes dark after a while without news, and bright with them', async () => {
    const { clock, changes, dimmer: it } = dimmer(1000);
    await clock.advance(900);
    it.wake();
    await clock.advance(900);
    expect(changes).toEqual([]);
    await clock.advance(100);
    expect(changes).toEqual([true]);
    it.wake();
    expect(changes).toEqual([true, false]);
    await clock.advance(1000);
    expect(changes).toEqual([true, false, true]);
  });

  it('goes dark and bright by hand', async () => {
    const { clock, changes, dimmer: it } = dimmer(1000);
    it.toggle();
    expect(changes).toEqual([true]);
    await clock.advance(5000);
    it.toggle();
    expect(changes).toEqual([true, false]);
  });

  it('can be dark always, or never', async () => {
    const always = dimmer(0);
    always.dimmer.wake();
    always.dimmer.toggle();
    expect(always.changes).toEqual([true]);
    const never = dimmer(Infinity);
    expect(never.clock.pending).toBe(0);
    expect(never.changes).toEqual([]);
  });

  it.each([
    [null, 120_000],
    ['', 120_000],
    ['30', 30_000],
    ['never', Infinity],
    ['always', 0],
    ['-5', 120_000],
    ['soon', 120_000],
    ['1e9', 120_000],
  ])('?dim=%s', (wanted, ms) => {
    expect(dimAfterMs(wanted)).toBe(ms);
  });
});
