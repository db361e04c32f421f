import { describe, expect, it } from 'vitest';
import { fullBox } from '../../../src/graph/box.ts';
import { foldBatchNorm } from '../../../src/graph/fold.ts';
import { tensorShapes } from '../../../src/graph/shapes.ts';
import { compileTile } from '../../../src/graph/tile-program.ts';
import { NETWORKS } from '../../../src/models/presets.ts';
import {
  correctedProfile,
  noCorrection,
  observeTile,
  profileByTiles,
  type Correction,
} from '../../../src/planner/correct-profile.ts';
import { programWork, workMs, type Work } from '../../../src/planner/cost-model.ts';
import { OP_CLASSES, type DeviceProfile } from '../../../src/planner/profile.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { profileOf, testProfile } from '../../support/test-profile.ts';

const timeOf = (work: Work, profile: DeviceProfile): number => profile.tileMs + workMs(work, profile);

/** Half of the network's ops, then the rest. */
function halvesOf(network: keyof typeof NETWORKS): [Work, Work] {
  const graph = foldBatchNorm(NETWORKS[network]()).graph;
  const shapes = tensorShapes(graph);
  // After a pool: one tensor passes there.
  const cut =
    graph.nodes.findIndex(({ op }, index) => op.kind === 'max-pool' && index > graph.nodes.length / 4) + 1;
  const tileOf = (ops: [number, number], tensor: string): Work =>
    programWork(compileTile(graph, { ops, outputs: [{ tensor, box: fullBox(shapes.get(tensor)!) }] }));
  return [tileOf([0, cut], graph.nodes[cut - 1]!.id), tileOf([cut, graph.nodes.length], graph.outputs[0]!)];
}

const observe = (start: Correction, tiles: readonly Work[], device: DeviceProfile, frames: number, noise: () => number = () => 1): Correction => {
  let correction = start;
  for (let frame = 0; frame < frames; frame++) {
    for (const work of tiles) {
      correction = observeTile(correction, testProfile, { work, computeMs: timeOf(work, device) * noise() });
    }
  }
  return correction;
}; // prettier-ignore

describe('correcting a profile', () => {
  const tiles = halvesOf('vgg16');

  it('changes nothing while the device does what it said', () => {
    const correction = observe(noCorrection, tiles, testProfile, 20);
    for (const name of OP_CLASSES) expect(correction.factors[name]).toBeCloseTo(1, 6);
  });

  it('knows after three frames that the device has become four times slower, and later that it has recovered', () => {
    const slow = profileOf(4);
    const before = observe(noCorrection, tiles, testProfile, 10);
    const throttled = observe(before, tiles, slow, 3);
    for (const work of tiles) {
      const expected = timeOf(work, correctedProfile(testProfile, throttled));
      expect(expected / timeOf(work, slow)).toBeGreaterThan(0.9);
      expect(expected / timeOf(work, slow)).toBeLessThan(1.1);
    }
    const recovered = correctedProfile(testProfile, observe(throttled, tiles, testProfile, 3));
    for (const work of tiles) {
      expect(timeOf(work, recovered) / timeOf(work, testProfile)).toBeCloseTo(1, 1);
    }
  });

  it('is not impressed by a single frame that was held up', () => {
    const calm = observe(noCorrection, tiles, testProfile, 5);
    const held = observeTile(calm, testProfile, {
      work: tiles[0],
      computeMs: 20 * timeOf(tiles[0], testProfile),
    });
    for (const name of OP_CLASSES) expect(held.factors[name]).toBeCloseTo(1, 6);
  });

  it('comes nearer to the truth through noise, and stays there', () => {
    const random = seededRandom(5);
    const noise = (): number => 1 + 0.1 * random.normal();
    const device = profileOf(1.2);
    const corrected = correctedProfile(
      testProfile,
      observe(noCorrection, tiles, device, 60, () => Math.max(0.5, noise())),
    );
    for (const work of tiles) {
      expect(Math.abs(timeOf(work, corrected) / timeOf(work, device) - 1)).toBeLessThan(0.08);
    }
  });

  it('finds the class that was measured wrong, where tiles show it', () => {
    const rates = { ...testProfile.rates, dense: profileOf(3).rates.dense };
    const device = { ...testProfile, rates };
    const corrected = observe(noCorrection, tiles, device, 100);
    expect(corrected.factors.dense).toBeGreaterThan(1.5 * corrected.factors.conv);
    for (const work of tiles) {
      const ratio = timeOf(work, correctedProfile(testProfile, corrected)) / timeOf(work, device);
      expect(Math.abs(ratio - 1)).toBeLessThan(0.1);
    }
  });

  it('takes a slow device to be slow also at what it was never seen doing', () => {
    const throttled = observe(noCorrection, tiles, profileOf(4), 5);
    expect(throttled.factors.depthwise).toBeGreaterThan(3);
  });

  it('takes averages of tiles at their word', () => {
    expect(profileByTiles(testProfile, [])).toEqual(testProfile);
    const device = profileOf(4);
    const samples = tiles.map((work) => ({ work, computeMs: timeOf(work, device) }));
    const corrected = profileByTiles(testProfile, samples);
    for (const work of tiles) expect(timeOf(work, corrected) / timeOf(work, device)).toBeCloseTo(1, 2);
  });

  it('keeps to its bounds, and ignores what is no time', () => {
    let correction = noCorrection;
    for (const computeMs of [0, -1, Number.NaN, Infinity]) {
      correction = observeTile(correction, testProfile, { work: tiles[0], computeMs });
    }
    expect(correction).toBe(noCorrection);
    correction = observe(correction, tiles, profileOf(1e9), 10);
    for (const factor of Object.values(correction.factors)) expect(factor).toBeLessThanOrEqual(64);
  });
});
