import { describe, expect, it } from 'vitest';
import type { PeerId } from '../../../../src/shared/ids.ts';
import {
  drawEdges,
  edgeWidth,
  loadLevel,
  meshLayout,
  SIDE,
  type Place,
} from '../../../../src/ui/mesh-view/mesh-layout.ts';
import { peerIdOf } from '../../../support/memory-network.ts';

const counts = Array.from({ length: 30 }, (_, index) => index + 1);

describe('the places of devices', () => {
  it.each(counts)('of %d lie apart from each other and within the picture', (count) => {
    const { places, radius } = meshLayout(count);
    expect(places).toHaveLength(count);
    for (const [index, { x, y }] of places.entries()) {
      for (const value of [x, y]) {
        expect(value).toBeGreaterThanOrEqual(radius);
        expect(value).toBeLessThanOrEqual(SIDE - radius);
      }
      for (const other of places.slice(index + 1))
        expect(Math.hypot(x - other.x, y - other.y)).toBeGreaterThan(2 * radius);
    }
  });

  it('are the same whenever as many are there', () => {
    expect(meshLayout(7)).toEqual(meshLayout(7));
  });

  it('have names while there is room for them', () => {
    expect(meshLayout(4).hasNames).toBe(true);
    expect(meshLayout(30).hasNames).toBe(false);
  });
});

describe('lines between devices', () => {
  const [a, b] = [peerIdOf(1), peerIdOf(2)];
  const placeOf = new Map<PeerId, Place>([
    [a, { x: 100, y: 100 }],
    [b, { x: 300, y: 100 }],
  ]);

  it('are thicker the more passes, and never thicker than a device', () => {
    const widths = [0, 1e3, 1e4, 1e5, 1e6, 1e12].map(edgeWidth);
    expect(widths).toEqual(widths.toSorted((x, y) => x - y));
    expect(new Set(widths).size).toBe(widths.length);
    expect(widths.at(-1)).toBeLessThan(14);
  });

  it('show both directions, and point along them', () => {
    const [there, back] = drawEdges(
      [
        { from: a, to: b, bytesPerSecond: 1e6 },
        { from: b, to: a, bytesPerSecond: 1e3 },
      ],
      placeOf,
      20,
    );
    expect(there!.path).not.toBe(back!.path);
    // To the left of the way: above the one that goes right, below the one that comes back.
    const bend = (path: string): number => Number(/Q\S+ (\S+)/.exec(path)![1]);
    expect(bend(there!.path)).toBeLessThan(100);
    expect(bend(back!.path)).toBeGreaterThan(100);
    expect(Number(/M(\S+)/.exec(there!.arrow!)![1])).toBeGreaterThan(200);
    expect(Number(/M(\S+)/.exec(back!.arrow!)![1])).toBeLessThan(200);
  });

  it('have no arrow where nothing passes, and no end at a device that is not shown', () => {
    const [idle] = drawEdges([{ from: a, to: b, bytesPerSecond: 0 }], placeOf, 20);
    expect(idle!.arrow).toBeUndefined();
    expect(drawEdges([{ from: a, to: peerIdOf(9), bytesPerSecond: 5 }], placeOf, 20)).toEqual([]);
  });
});

it('load has three levels', () => {
  expect([0, 0.39, 0.4, 0.79, 0.8, 1].map(loadLevel)).toEqual([
    'low',
    'low',
    'middle',
    'middle',
    'high',
    'high',
  ]);
});
