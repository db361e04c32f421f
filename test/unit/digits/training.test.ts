import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

interface Random {
  next(): number;
}
interface FontTables {
  TRAIN_FAMILIES: Record<string, string[]>;
  TEST_FAMILIES: Record<string, string[]>;
}
interface DistanceField {
  FIELD: number;
  RANGE: number;
  fieldOfPolygons: (polygons: number[][]) => Int8Array | undefined;
  fieldOfStrokes: (polylines: number[][], radius: number) => Int8Array;
  halfWidth: (field: Int8Array) => number;
  similarity: (a: Int8Array, b: Int8Array) => number;
}
interface Picture {
  LEVELS: Record<string, number>;
  drawPicture: (
    random: Random,
    fields: Int8Array,
    glyph: { index: number; halfWidth: number },
    strength: number,
    size: number,
    target: Float32Array,
  ) => void;
}

const tool = (file: string): string => new URL(`../../../scripts/digits/${file}`, import.meta.url).href;
const { TRAIN_FAMILIES, TEST_FAMILIES } = (await import(tool('fonts.mjs'))) as FontTables;
const { FIELD, RANGE, fieldOfPolygons, fieldOfStrokes, halfWidth, similarity } = (await import(
  tool('distance-field.mjs')
)) as DistanceField;
const { LEVELS, drawPicture } = (await import(tool('picture.mjs'))) as Picture;
const { seededRandom } = (await import(tool('random.mjs'))) as { seededRandom: (seed: number) => Random };

const bar = [[0, 0, 200, 0, 200, 1000, 0, 1000]];

describe('training of the digit model', () => {
  it('keeps every font family on one side of the split', () => {
    const train = Object.values(TRAIN_FAMILIES).flat();
    const test = Object.values(TEST_FAMILIES).flat();
    expect(new Set([...train, ...test]).size).toBe(train.length + test.length);
  });

  it('installs its tools from a lockfile that names no registry', () => {
    const lock = readFileSync(new URL(tool('package-lock.json')), 'utf8');
    expect(lock).not.toMatch(/"resolved"|https?:\/\/registry/);
  });

  it('measures distances in units of the glyph height', () => {
    const field = fieldOfPolygons(bar)!;
    const cell = 1.5 / FIELD;
    expect(Math.abs(halfWidth(field) - 0.1)).toBeLessThan(cell);
    let area = 0;
    for (const value of field) {
      const distance = (value / 127) * RANGE;
      area += Math.max(0, Math.min(1, 0.5 + distance / cell)) * cell ** 2;
    }
    expect(area).toBeCloseTo(0.2 * 1, 2);
  });

  it('fills by the nonzero rule: a counter of the other direction is a hole, one of the same is not', () => {
    const outer = [0, 0, 1000, 0, 1000, 1000, 0, 1000];
    const sameWay = [300, 300, 700, 300, 700, 700, 300, 700];
    const otherWay = [300, 300, 300, 700, 700, 700, 700, 300];
    const middle = (FIELD / 2) * FIELD + FIELD / 2;
    expect(fieldOfPolygons([outer, sameWay])![middle]).toBeGreaterThan(0);
    expect(fieldOfPolygons([outer, otherWay])![middle]).toBeLessThan(0);
  });

  it('draws the same shape with a pen as with an outline', () => {
    const stroke = fieldOfStrokes([[0, 0, 0, 1]], 0.1);
    expect(similarity(stroke, fieldOfPolygons(bar)!)).toBeGreaterThan(0.94);
  });

  it.each(Object.entries(LEVELS))(
    'draws %s pictures from the seed alone, in steps of 8 bits',
    (level, strength) => {
      const field = fieldOfPolygons(bar)!;
      for (let seed = 1; seed <= 20; seed++) {
        const draw = (): Float32Array => {
          const target = new Float32Array(32 * 32);
          drawPicture(seededRandom(seed), field, { index: 0, halfWidth: 0.1 }, strength, 32, target);
          return target;
        };
        const picture = draw();
        expect(draw(), `level ${level}, seed ${seed}`).toEqual(picture);
        const whole = picture.every((value) => {
          return value >= 0 && value <= 1 && Math.abs(value * 255 - Math.round(value * 255)) < 1e-3;
        });
        expect(whole, `level ${level}, seed ${seed}: whole levels of 0…255`).toBe(true);
        if (level === 'clean') expect(Math.max(...picture) - Math.min(...picture)).toBe(1);
      }
    },
  );
});
