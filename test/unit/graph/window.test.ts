import { describe, expect, it } from 'vitest';
import { windowOutputShape, windowRange, type SlidingWindow } from '../../../src/graph/window.ts';

/** Every small window: extent, size, stride, dilation and both paddings. */
function* windows(): Generator<{
  extent: number;
  window: SlidingWindow;
  taps: (output: number) => number[];
}> {
  for (const extent of [1, 2, 3, 5, 7]) {
    for (const size of [1, 2, 3]) {
      for (const stride of [1, 2, 3]) {
        for (const dilation of [1, 2, 3]) {
          for (const before of [0, 1, 2, 5]) {
            for (const after of [0, 1, 3]) {
              const window = {
                size: [size],
                strides: [stride],
                dilations: [dilation],
                padding: [[before, after]] as const,
              };
              const taps = (output: number) =>
                Array.from({ length: size }, (_, k) => output * stride + k * dilation - before);
              yield { extent, window, taps };
            }
          }
        }
      }
    }
  }
}

function outputCount(window: SlidingWindow, extent: number): number {
  try {
    return windowOutputShape('conv', window, [extent, 1])[0]!;
  } catch {
    return 0;
  }
}

describe('windows', () => {
  it('of every small geometry: counted, refused and bounded as their taps say', () => {
    let accepted = 0;
    let refused = 0;
    for (const { extent, window, taps } of windows()) {
      const [before, after] = window.padding[0]!;
      const message = JSON.stringify({ extent, ...window });
      const reach: number[][] = [];
      for (let output = 0; taps(output).at(-1)! < extent + after; output++) reach.push(taps(output));
      const inPadding = reach.some((places) => places.at(-1)! < 0 || places[0]! >= extent);
      const count = outputCount(window, extent);
      expect(count, message).toBe(inPadding ? 0 : reach.length);
      if (count === 0) refused += 1;
      else accepted += 1;
      for (let start = 0; start < count; start++) {
        for (let end = start + 1; end <= count; end++) {
          const all = reach.slice(start, end).flat();
          const first = Math.min(...all);
          const last = Math.max(...all);
          const { range, padding } = windowRange(window, 0, extent, [start, end]);
          expect(range, message).toEqual([Math.max(0, first), Math.min(extent, last + 1)]);
          expect(range[1] - range[0] + padding[0] + padding[1], message).toBe(last + 1 - first);
          expect(padding[0] <= before && padding[1] <= after, message).toBe(true);
          for (const place of all) {
            const inside = place >= range[0] && place < range[1];
            expect(inside, message).toBe(place >= 0 && place < extent);
          }
        }
      }
    }
    expect(accepted).toBeGreaterThan(300);
    expect(refused).toBeGreaterThan(300);
  });
});
