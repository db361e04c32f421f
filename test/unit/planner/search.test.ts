import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Graph } from '../../../src/graph/graph.ts';
import type { Objective, PlanChoice, PlanRequest } from '../../../src/planner/choice.ts';
import { choosePlan } from '../../../src/planner/search.ts';
import { verifyPlan } from '../../../src/planner/verify-plan.ts';
import type { World } from '../../../src/planner/world.ts';
import { toPeerceptronError, type PeerceptronError } from '../../../src/shared/errors.ts';
import { asSessionId } from '../../../src/shared/ids.ts';
import { seededRandom, type Random } from '../../../src/shared/random.ts';
import { runs, seeds } from '../../support/fuzz.ts';
import { randomBlockGraph } from '../../support/random-block-graph.ts';
import { between, pick } from '../../support/random.ts';
import { drawDevice, worldOf } from '../../support/random-world.ts';
import { lenet } from '../../support/small-networks.ts';

const session = asSessionId('6'.repeat(32));
const OBJECTIVES: readonly Objective[] = [{ kind: 'latency' }, { kind: 'throughput' }];

const choose = (
  graph: Graph,
  world: World,
  objective: Objective,
  rest: Partial<PlanRequest> = {},
): PlanChoice => choosePlan({ graph, session, epoch: 0, world, objective, ...rest });

function errorOf(run: () => unknown): PeerceptronError {
  try {
    run();
  } catch (thrown) {
    return toPeerceptronError(thrown);
  }
  throw new Error('nothing was thrown');
}

interface Case {
  readonly graph: Graph;
  readonly world: World;
  readonly objective: Objective;
  readonly random: Random;
}

/** Networks so small, and devices so slow, that computing and sending weigh about the same. */
function drawCase(seed: number, most = 4): Case {
  const random = seededRandom(seed);
  const graph = randomBlockGraph(random);
  const devices = Array.from({ length: between(random, 1, most) }, () => ({
    ...drawDevice(random),
    speed: 0.002 * 8 ** random.next(),
  }));
  const world = worldOf({ devices, requester: { linkMbits: 300, roundTripMs: 1 } });
  return { graph, world, objective: pick(random, OBJECTIVES), random };
}

/** What the objective makes small. */
const costOf = ({ prediction, objective }: Pick<PlanChoice, 'prediction' | 'objective'>): number =>
  objective.kind === 'latency' ? prediction.latencyMs : 1000 / prediction.framesPerSecond;

const memoryOf = (world: World): ReadonlyMap<World['devices'][number]['id'], number> =>
  new Map(world.devices.map(({ id, memoryBytes }) => [id, memoryBytes]));

describe('choosePlan', () => {
  it('gives plans that hold, memory included, and never slower than the best device alone', () => {
    fc.assert(
      fc.property(seeds(), (seed) => {
        const { graph, world, objective } = drawCase(seed);
        const choice = choose(graph, world, objective);
        verifyPlan(graph, choice.plan, { memoryBytes: memoryOf(world), window: choice.prediction.window });
        expect(costOf(choice)).toBeLessThanOrEqual(costOf({ ...choice.solo!, objective }) * (1 + 1e-9));
        expect(choice.gain).toBeGreaterThanOrEqual(1 - 1e-9);
        if (choice.prediction.devices.length > 2) expect(choice.gain).toBeGreaterThan(1 / 0.95 - 1e-9);
      }),
      runs(40),
    );
  });

  it('gives the same plan again, in whatever order the devices come', () => {
    fc.assert(
      fc.property(seeds(), (seed) => {
        const { graph, world, objective } = drawCase(seed);
        const choice = choose(graph, world, objective);
        const turned = { ...world, devices: world.devices.toReversed() };
        const again = choose(graph, turned, objective);
        expect(again.plan).toEqual(choice.plan);
        expect(again.prediction).toEqual(choice.prediction);
      }),
      runs(20),
    );
  });

  it('is never made worse by one more device', () => {
    fc.assert(
      fc.property(seeds(), (seed) => {
        const { graph, world, objective } = drawCase(seed);
        const before = world.devices.slice(1);
        if (before.length === 0) return;
        // The margin may prefer a single device that is not quite as good.
        const less = choose(graph, { ...world, devices: before }, objective, { margin: 0 });
        const more = choose(graph, world, objective, { margin: 0 });
        expect(costOf(more)).toBeLessThanOrEqual(costOf(less) * (1 + 1e-9));
      }),
      runs(60),
    );
  });

  it('keeps the plan that runs where nothing better is found', () => {
    fc.assert(
      fc.property(seeds(), (seed) => {
        const { graph, world, objective } = drawCase(seed);
        const incumbent = choose(graph, world, objective).plan;
        const again = choose(graph, world, objective, { incumbent, isTimeUp: () => true });
        const first = choose(graph, world, objective);
        expect(costOf(again)).toBeLessThanOrEqual(costOf(first) * (1 + 1e-9));
      }),
      runs(15),
    );
  });

  it('reaches a rate with no more devices than it takes, or with the least energy', () => {
    const graph = lenet();
    const fast = { speed: 0.02, linkMbits: 100, roundTripMs: 2, memoryBytes: 1e9 };
    const plain = worldOf({ devices: [fast, { ...fast, speed: 0.01 }, fast, { ...fast, speed: 0.01 }] });
    const watts = [20, 1, 20, 1];
    const devices = plain.devices.map((device, index) => ({
      ...device,
      watts: { idle: 0, busy: watts[index]! },
    }));
    const world = { ...plain, devices };
    const solo = choose(graph, world, { kind: 'throughput' }).solo!.prediction.framesPerSecond;
    const used = ({ plan }: PlanChoice): string[] => [
      ...new Set(
        plan.segments.flatMap(({ lanes }) => lanes.flatMap(({ tiles }) => tiles.map(({ peer }) => peer))),
      ),
    ];
    const few = choose(graph, world, { kind: 'rate', framesPerSecond: solo * 0.45, prefer: 'devices' });
    expect(used(few)).toHaveLength(1);
    expect(few.prediction.framesPerSecond).toBeGreaterThanOrEqual(solo * 0.45);
    expect(new Set(few.leftOut.map(({ reason }) => reason))).toEqual(new Set(['not-needed']));
    const two = choose(graph, world, { kind: 'rate', framesPerSecond: solo * 1.6, prefer: 'devices' });
    expect(used(two)).toHaveLength(2);
    expect(two.prediction.framesPerSecond).toBeGreaterThanOrEqual(solo * 1.6);
    const frugal = choose(graph, world, { kind: 'rate', framesPerSecond: solo * 0.45, prefer: 'energy' });
    expect(
      used(frugal).every((peer) =>
        [devices[1]!.id, devices[3]!.id].includes(peer as (typeof devices)[1]['id']),
      ),
    ).toBe(true);
  });

  it('is content with a smaller gain where devices have been seen to compute', () => {
    const near = { speed: 0.02, linkMbits: 300, roundTripMs: 1, memoryBytes: 1e9 };
    const world = worldOf({ devices: [near, { ...near, speed: 0.02 / 5 }] });
    const seen = (...observed: readonly boolean[]): PlanChoice =>
      choose(
        lenet(),
        {
          ...world,
          devices: world.devices.map((device, index) => ({ ...device, observed: observed[index]! })),
        },
        { kind: 'throughput' },
      );
    const best = choose(lenet(), world, { kind: 'throughput' }, { margin: 0 });
    expect(best.gain).toBeGreaterThan(1 / 0.9);
    expect(best.gain).toBeLessThan(1 / 0.8);
    expect(seen(false, false).gain).toBe(1);
    expect(seen(true, false).gain).toBe(1);
    expect(seen(false, true).gain).toBe(1);
    expect(seen(true, true).gain).toBe(best.gain);
    expect(seen(true, false).leftOut[0]!.explanation).toContain('20 %');
  });

  it('keeps to a bound of the latency where it can', () => {
    const graph = lenet();
    const device = { speed: 0.01, linkMbits: 100, roundTripMs: 2, memoryBytes: 1e9 };
    const world = worldOf({ devices: [device, device, device] });
    const free = choose(graph, world, { kind: 'throughput' });
    const latencyBoundMs = free.prediction.loadedLatencyMs * 0.75;
    const bound = choose(graph, world, { kind: 'throughput', latencyBoundMs });
    expect(free.prediction.loadedLatencyMs).toBeGreaterThan(latencyBoundMs);
    expect(bound.prediction.loadedLatencyMs).toBeLessThanOrEqual(latencyBoundMs);
  });

  it('says why a device has nothing to do', () => {
    const graph = lenet();
    const near = { speed: 1, linkMbits: 100, roundTripMs: 2, memoryBytes: 1e9 };
    const world = worldOf({
      devices: [near, { ...near, speed: 0.01, linkMbits: 0.1 }, { ...near, memoryBytes: 50 }, near],
    });
    const half = { ...world.devices[3]!, accuracy: 'f16' as const };
    const mixed = { ...world, devices: [...world.devices.slice(0, 3), half] };
    const { leftOut, plan } = choose(graph, mixed, { kind: 'latency' });
    expect(plan.segments).toHaveLength(1);
    expect(leftOut.map(({ peer, reason }) => [peer, reason])).toEqual([
      [world.devices[1]!.id, 'slows-down'],
      [world.devices[2]!.id, 'memory'],
      [half.id, 'accuracy'],
    ]);
    for (const { explanation } of leftOut) expect(explanation).toMatch(/\d|half precision/);
  });

  it('says how much memory is missing', () => {
    const small = { speed: 1, linkMbits: 100, roundTripMs: 2, memoryBytes: 1000 };
    const world = worldOf({ devices: [small, small] });
    const error = errorOf(() => choose(lenet(), world, { kind: 'latency' }));
    expect(error.code).toBe('PLAN_MEMORY');
    expect(error.message).toMatch(/takes about 1 MB .* offer 1 MB together: 1 MB are missing/);
  });

  it('refuses to plan for nobody', () => {
    expect(errorOf(() => choose(lenet(), worldOf({ devices: [] }), { kind: 'latency' })).code).toBe(
      'PLAN_NO_PEERS',
    );
  });
});
