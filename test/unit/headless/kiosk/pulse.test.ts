import { describe, expect, it } from 'vitest';
import { Pulse, type PulseLimits, type Sample } from '../../../../headless/kiosk/pulse.ts';
import type { Heartbeat } from '../../../../src/ui/kiosk/heartbeat.ts';

const limits: PulseLimits = { silentMs: 30_000, strayMs: 20_000, busyMs: 300_000, givenUpMs: 900_000 };
const beating = (beat: number, rest: Partial<Heartbeat> = {}): Sample => ({
  kind: 'beat',
  heartbeat: { beat, phase: 'alone', frames: 0, busyMs: 0, secure: true, isolated: true, ...rest },
});
const silent: Sample = { kind: 'silent' };
const stray: Sample = { kind: 'stray' };
const well = { kind: 'well' };
const restart = (what: string) => ({ kind: 'restart', reason: `the page hangs: ${what}` });

describe('the pulse of a page', () => {
  it('is well while the page beats, however seldom it is looked at', () => {
    const pulse = new Pulse(limits, 0);
    for (let beat = 1; beat < 20; beat++) expect(pulse.see(beating(beat), beat * 60_000)).toEqual(well);
  });

  it('stops with answers', () => {
    const pulse = new Pulse(limits, 0);
    expect(pulse.see(beating(1), 1000)).toEqual(well);
    expect(pulse.see(silent, 30_999)).toEqual(well);
    expect(pulse.see(silent, 31_000)).toEqual(restart('it has not answered for 30 s'));
  });

  it('stops with timers, though the page answers', () => {
    const pulse = new Pulse(limits, 0);
    expect(pulse.see(beating(7), 1000)).toEqual(well);
    expect(pulse.see(beating(7), 40_000)).toEqual(restart('its timers have stood still for 39 s'));
  });

  it('survives a silence that ends, and a page that is loaded anew', () => {
    const pulse = new Pulse(limits, 0);
    pulse.see(beating(50), 1000);
    expect(pulse.see(silent, 20_000)).toEqual(well);
    expect(pulse.see(stray, 28_000)).toEqual(well);
    expect(pulse.see(beating(1), 40_000)).toEqual(well);
    expect(pulse.see(silent, 60_000)).toEqual(well);
  });

  it('is another page when that stays', () => {
    const pulse = new Pulse(limits, 0);
    expect(pulse.see(stray, 10_000)).toEqual(well);
    expect(pulse.see(beating(1), 20_000)).toEqual(well);
    expect(pulse.see(stray, 21_000)).toEqual(well);
    expect(pulse.see(stray, 41_000)).toEqual({ kind: 'load', reason: 'another page is shown' });
  });

  it('stops with an engine that does nothing, and with a page that cannot help itself', () => {
    expect(new Pulse(limits, 0).see(beating(1, { busyMs: 299_999 }), 1000)).toEqual(well);
    expect(new Pulse(limits, 0).see(beating(1, { busyMs: 300_000 }), 1000)).toEqual(
      restart('its engine has not got on for 300 s'),
    );
    const pulse = new Pulse(limits, 0);
    const failed = { phase: 'failed' };
    expect(pulse.see(beating(1, failed), 1000)).toEqual(well);
    expect(pulse.see(beating(2, failed), 900_000)).toEqual(well);
    expect(pulse.see(beating(3), 901_000)).toEqual(well);
    expect(pulse.see(beating(4, failed), 902_000)).toEqual(well);
    expect(pulse.see(beating(5, failed), 1_802_000)).toEqual(restart('it gave up 900 s ago'));
  });
});
