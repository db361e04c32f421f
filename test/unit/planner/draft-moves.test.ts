import { describe, expect, it } from 'vitest';
import type { Objective } from '../../../src/planner/choice.ts';
import type { Draft } from '../../../src/planner/draft.ts';
import { movesFrom, sharesOf } from '../../../src/planner/draft-moves.ts';
import { placesOf } from '../../../src/planner/places.ts';
import { Scorer } from '../../../src/planner/scoring.ts';
import { SearchSpace, WHOLE } from '../../../src/planner/search-space.ts';
import { worldOf } from '../../support/random-world.ts';
import { lenet } from '../../support/small-networks.ts';

const device = { speed: 0.01, linkMbits: 100, roundTripMs: 2, memoryBytes: 1e9 };
const { devices, ...world } = worldOf({ devices: [device, { ...device, speed: 0.02 }] });
const space = new SearchSpace(lenet());
const speeds = [1, 2];
const end = space.graph.nodes.length;
const solo: Draft = [{ start: 0, end, lanes: [{ share: 1, layout: WHOLE, devices: [0] }] }];
const lanes: Draft = [
  { start: 0, end, lanes: [0, 1].map((each) => ({ share: 1 + each, layout: WHOLE, devices: [each] })) },
];

function scorerFor(objective: Objective): Scorer {
  const peers = devices.map(({ id }) => id);
  const places = placesOf({ ...world, devices }, peers);
  const placeOf = peers.map((id) => places.indexOf.get(id)!);
  return new Scorer({ space, devices, places, placeOf, objective });
}

describe('movesFrom', () => {
  const moves = [...movesFrom(scorerFor({ kind: 'latency' }).score(solo, 'f32')!, { space, speeds })];

  it('deals much and little to a device that joins in', () => {
    const parts = moves.flatMap((draft) => {
      const [lane] = draft[0]!.lanes;
      const shares = sharesOf(lane!.layout);
      if (shares?.length !== 2) return [];
      return shares[lane!.devices.indexOf(1)]! / (shares[0]! + shares[1]!);
    });
    expect(Math.max(...parts)).toBeCloseTo(2 / 3, 6);
    expect(Math.min(...parts)).toBeCloseTo(0.25 / 1.25, 6);
  });

  it('lets a device that joins in for a part go on alone', () => {
    const goesOn = moves.some(
      ([part, rest]) =>
        part!.lanes[0]!.devices.length === 2 && rest?.lanes[0]!.devices.join() === '1' && rest.end === end,
    );
    expect(goesOn).toBe(true);
  });
});

describe('Scorer', () => {
  it('knows a draft again that is equal', () => {
    const scorer = scorerFor({ kind: 'latency' });
    const scored = scorer.score(solo, 'f32');
    expect(scorer.wasKnown).toBe(false);
    expect(scorer.score(structuredClone<Draft>(solo), 'f32')).toBe(scored);
    expect(scorer.wasKnown).toBe(true);
    expect(scorer.score(solo, 'f16')).not.toBe(scored);
  });

  it('leaves out what its busiest engine keeps beyond the bound, by the objective', () => {
    const free = scorerFor({ kind: 'throughput' }).score(solo, 'f32')!;
    const rates = scorerFor({ kind: 'throughput' });
    expect(rates.mayReach(solo, 'f32', free.cost / 2)).toBe(false);
    expect(rates.score(solo, 'f32', free.cost / 2)).toBeUndefined();
    expect(rates.score(solo, 'f32', free.cost)!.cost).toBe(free.cost);
    // Costs are devices here, and not milliseconds.
    const framesPerSecond = 500 / free.cost;
    const frugal = scorerFor({ kind: 'rate', framesPerSecond, prefer: 'devices' });
    expect(frugal.score(lanes, 'f32', 2.1)!.cost).toBeCloseTo(2, 2);
    expect(frugal.score(solo, 'f32', 2.1)!.cost).toBeCloseTo(1, 2);
  });
});
