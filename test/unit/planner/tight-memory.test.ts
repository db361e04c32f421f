import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { singleMethodBest } from '../../../bench/planner/single-method.ts';
import { prepared, worldOf as farmOf } from '../../../bench/planner/draws.ts';
import type { Graph } from '../../../src/graph/graph.ts';
import type { PlanChoice } from '../../../src/planner/choice.ts';
import { layDraft, windowThatFits, type Draft } from '../../../src/planner/draft.ts';
import { filledDrafts } from '../../../src/planner/filled-drafts.ts';
import { choosePlan } from '../../../src/planner/search.ts';
import { SearchSpace, WHOLE } from '../../../src/planner/search-space.ts';
import { verifyPlan } from '../../../src/planner/verify-plan.ts';
import { roomOf, wholeRunsOf } from '../../../src/planner/whole-runs.ts';
import type { World } from '../../../src/planner/world.ts';
import { asSessionId } from '../../../src/shared/ids.ts';
import { seededRandom, type Random } from '../../../src/shared/random.ts';
import { WEIGHT_STORAGES, type WeightStorage } from '../../../src/shared/weight-storage.ts';
import { runs, seeds } from '../../support/fuzz.ts';
import { randomBlockGraph } from '../../support/random-block-graph.ts';
import { between, pick } from '../../support/random.ts';
import { drawDevice, worldOf } from '../../support/random-world.ts';
import { lenet } from '../../support/small-networks.ts';

const OBJECTIVES = ['latency', 'throughput'] as const;
type Kind = (typeof OBJECTIVES)[number];

const withStorage = (world: World, weightStorage: WeightStorage): World => ({
  ...world,
  devices: world.devices.map((device) => ({ ...device, weightStorage })),
});

/** Raspberry Pi 3s, all alike. */
const farm = (count: number, megabytes: number, storage: WeightStorage): World => {
  const pi = { speed: 1, mbits: 90, roundTripMs: 4, memoryBytes: megabytes * 1e6 };
  return withStorage(farmOf(new Array<typeof pi>(count).fill(pi), pi), storage);
};

/** A plan that holds, within memory. */
function chosen(graph: Graph, world: World, kind: Kind, margin = 0): PlanChoice {
  const session = asSessionId('7'.repeat(32));
  const choice = choosePlan({ graph, world, session, epoch: 0, objective: { kind }, margin });
  const memoryBytes = new Map(world.devices.map((device) => [device.id, device.memoryBytes]));
  const storage = new Map(world.devices.map(({ id, weightStorage }) => [id, weightStorage]));
  const weightStorageOf = storage.get.bind(storage);
  verifyPlan(graph, choice.plan, { memoryBytes, weightStorageOf, window: choice.prediction.window });
  return choice;
}

const costOf = ({ prediction }: PlanChoice, kind: Kind): number =>
  kind === 'latency' ? prediction.latencyMs : 1000 / prediction.framesPerSecond;

const peersOf = ({ plan }: PlanChoice): number =>
  new Set(plan.segments.flatMap(({ lanes }) => lanes.flatMap(({ tiles }) => tiles.map(({ peer }) => peer)))).size; // prettier-ignore

/** A few devices that offer about as much as a random network takes. */
function drawTight(seed: number): { graph: Graph; space: SearchSpace; world: World; random: Random } {
  const random = seededRandom(seed);
  const graph = randomBlockGraph(random);
  const space = new SearchSpace(graph);
  const { weightBytes, inputBytes, workBytes } = space.tiles(0, graph.nodes.length, WHOLE)![0]!;
  const whole = weightBytes * 2 + inputBytes + workBytes;
  const devices = Array.from({ length: between(random, 1, 4) }, () => ({
    ...drawDevice(random),
    speed: 0.002 * 8 ** random.next(),
    memoryBytes: Math.ceil(whole * (0.15 + 0.9 * random.next())),
  }));
  const plain = worldOf({ devices, requester: { linkMbits: 300, roundTripMs: 1 } });
  return { graph, space, world: withStorage(plain, pick(random, WEIGHT_STORAGES)), random };
}

const fits = (space: SearchSpace, draft: Draft, { devices }: World): boolean => {
  const laid = layDraft(space, draft);
  return laid !== undefined && windowThatFits(laid, devices, 1) > 0;
};

describe('plans where memory is tight', () => {
  const xception = prepared('xception');

  it.each([
    ['latency', 2, 256, 'packed'],
    ['latency', 8, 256, 'packed'],
    ['latency', 11, 256, 'once'],
    ['throughput', 5, 180, 'packed'],
  ] as const)('computes Xception for %s on %i Pis of %i MB (%s), no worse than a pipeline', (kind, count, megabytes, storage) => {
    // More devices make a pipeline no quicker for a frame that is alone.
    const few = farm(kind === 'latency' ? 2 : count, megabytes, storage);
    const { pipeline } = singleMethodBest({ graph: xception, world: few, objective: kind }, ['pipeline']);
    const choice = chosen(xception, farm(count, megabytes, storage), kind);
    expect(costOf(choice, kind)).toBeLessThanOrEqual(pipeline!.costMs * 1.001);
  }); // prettier-ignore

  it('cuts what one device computes alone, since a tile keeps all that it makes until it is done', () => {
    const world = farm(1, 280, 'packed');
    const choice = chosen(xception, world, 'latency');
    expect(choice.plan.segments.length).toBeGreaterThan(1);
    const roomy = chosen(xception, farm(1, 512, 'packed'), 'latency');
    expect(roomy.plan.segments).toHaveLength(1);
    expect(choice.prediction.latencyMs).toBeLessThan(roomy.prediction.latencyMs * 1.1);
  });

  it('uses several devices for what none of them can hold', () => {
    const graph = lenet();
    const device = { speed: 1, linkMbits: 100, roundTripMs: 2, memoryBytes: 150e3 };
    const world = worldOf({ devices: new Array<typeof device>(5).fill(device) });
    expect(peersOf(chosen(graph, world, 'latency'))).toBeGreaterThan(3);
    const space = new SearchSpace(graph);
    const filled = filledDrafts(space, world.devices, [1, 1, 1, 1, 1]);
    expect(filled.length).toBeGreaterThan(0);
    for (const draft of filled) expect(fits(space, draft, world)).toBe(true);
  });

  it('knows how far a device can go on alone', () => {
    fc.assert(
      fc.property(seeds(), (seed) => {
        const { space, world, random } = drawTight(seed);
        const wholeRuns = wholeRunsOf(space);
        const { cutPoints } = space;
        const from = random.integer(cutPoints.length - 1);
        const reach = wholeRuns.reach(from, roomOf(world.devices[0]!));
        const elsewhere = {
          ...world,
          devices: [world.devices[0]!, { ...world.devices[0]!, memoryBytes: 1e12 }],
        };
        const whole = (start: number, end: number, device: number): Draft =>
          start < end ? [{ start, end, lanes: [{ share: 1, layout: WHOLE, devices: [device] }] }] : [];
        for (let to = from + 1; to < cutPoints.length; to++) {
          const before = whole(0, cutPoints[from]!, 1);
          const behind = whole(cutPoints[to]!, space.graph.nodes.length, 1);
          const run = wholeRuns.segments(from, to, 0, roomOf(world.devices[0]!));
          expect(run !== undefined).toBe(to <= reach);
          if (run) expect(fits(space, [...before, ...run, ...behind], elsewhere)).toBe(true);
        }
      }),
      runs(40),
    );
  });

  it('refuses no room in which devices one behind the other can hold the model', () => {
    fc.assert(
      fc.property(seeds(), (seed) => {
        const { graph, space, world, random } = drawTight(seed);
        const kind = pick(random, OBJECTIVES);
        const { pipeline } = singleMethodBest({ graph, world, objective: kind }, ['pipeline']);
        const [filled] = filledDrafts(space, world.devices, world.devices.map(() => 1)); // prettier-ignore
        if (filled) expect(fits(space, filled, world)).toBe(true);
        if (!pipeline && !filled) return;
        const choice = chosen(graph, world, kind);
        if (pipeline) expect(costOf(choice, kind)).toBeLessThanOrEqual(pipeline.costMs * 1.05);
      }),
      runs(25),
    );
  });
});
