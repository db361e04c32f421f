import { describe, expect, it } from 'vitest';
import { KnownLinks } from '../../../src/runtime/known-links.ts';

/** Of five links that begin or end at one device. */
function roundTrip(pieceMs: number, amongMs: number, count?: number): number {
  const links = new KnownLinks();
  links.add('a b', { roundTripMs: 3, pieceMs, bytesPerMs: 1000 });
  links.addAmong('a b', { count: 5, atEnds: 5, roundTripMs: amongMs });
  return links.at(count).get('a b')!.roundTripMs;
}

describe('round trips among others', () => {
  it('are no longer where it is their ends that are busy, which plans know from what pieces take', () => {
    expect(roundTrip(2, 15)).toBe(3);
  });

  it('are longer where something lies between that all share, by as much as there is of it', () => {
    expect(roundTrip(0, 15)).toBe(15);
    expect(roundTrip(1, 15)).toBe(7);
    expect(roundTrip(0, 15, 2)).toBe(6);
    expect(roundTrip(0, 15, 1)).toBe(3);
  });

  it('are never shorter than alone', () => {
    expect(roundTrip(0, 2)).toBe(3);
  });
});
