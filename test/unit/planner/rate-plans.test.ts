import { describe, expect, it } from 'vitest';
import { parseDeviceList } from '../../../src/planner/devices-file.ts';
import { buildWorld } from '../../../src/planner/devices-world.ts';
import { placesOf } from '../../../src/planner/places.ts';
import { lanePlan } from '../../../src/planner/rate-plans.ts';
import { SearchSpace } from '../../../src/planner/search-space.ts';
import { lenet } from '../../support/small-networks.ts';

describe('lanes on whole devices', () => {
  it.each([3, 150])('give each of %i equal devices frames', (count) => {
    const world = buildWorld(parseDeviceList(`laptop*${count}`));
    const { devices } = world;
    const places = placesOf(
      world,
      devices.map(({ id }) => id),
    );
    const { draft } = lanePlan({
      space: new SearchSpace(lenet()),
      devices,
      places,
      placeOf: devices.map(({ id }) => places.indexOf.get(id)!),
      group: [...devices.keys()],
      cuts: [],
      elementBytes: 4,
    })!;
    expect(draft).toHaveLength(1);
    const { lanes } = draft[0]!;
    expect(lanes).toHaveLength(count);
    expect(lanes.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 6);
  });
});
