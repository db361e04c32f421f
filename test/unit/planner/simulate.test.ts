import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fullBox } from '../../../src/graph/box.ts';
import type { Graph } from '../../../src/graph/graph.ts';
import { tensorShapes } from '../../../src/graph/shapes.ts';
import { encodedBytes } from '../../../src/planner/codec.ts';
import { compilePlan, REQUESTER } from '../../../src/planner/compiled-plan.ts';
import { programWork, workMs } from '../../../src/planner/cost-model.ts';
import { FrameSimulation } from '../../../src/planner/frame-simulation.ts';
import { placePlan } from '../../../src/planner/placed-plan.ts';
import { planBuilder } from '../../../src/planner/plan-builder.ts';
import type { Plan } from '../../../src/planner/plan.ts';
import { placesOf } from '../../../src/planner/places.ts';
import type { Prediction } from '../../../src/planner/prediction.ts';
import { simulate } from '../../../src/planner/simulate.ts';
import { bands, whole, type Split } from '../../../src/planner/splits.ts';
import type { World } from '../../../src/planner/world.ts';
import { asSessionId } from '../../../src/shared/ids.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { runs, seeds } from '../../support/fuzz.ts';
import { peerIdOf } from '../../support/memory-network.ts';
import { randomBlockGraph } from '../../support/random-block-graph.ts';
import { randomGraph } from '../../support/random-ops.ts';
import { randomPlan } from '../../support/random-plan.ts';
import { drawDevice, worldOf, type DeviceDraw } from '../../support/random-world.ts';
import { Chain } from '../../support/small-networks.ts';

const session = asSessionId('5'.repeat(32));
const device: DeviceDraw = { speed: 1, linkMbits: 80, roundTripMs: 10, memoryBytes: 1e9 };

/** Costs nothing but the engine's time, and what the test says. */
const plainWorld = (count: number, change: Partial<World['requester']['transport']> = {}): World => {
  const world = worldOf({ devices: Array.from({ length: count }, () => device) });
  const transport = {
    pieceMs: 0,
    sendMsPerByte: 0,
    receiveMsPerByte: 0,
    uplinkBytesPerMs: 1e12,
    downlinkBytesPerMs: 1e12,
    ...change,
  };
  return {
    requester: { ...world.requester, transport },
    devices: world.devices.map((each) => ({ ...each, profile: { ...each.profile, tileMs: 0, transport } })),
    link: () => ({ roundTripMs: 0, bytesPerMs: 1e12 }),
  };
};

const net = (): Graph =>
  new Chain([16, 16, 4]).conv('a', 3, 8, 1).conv('b', 3, 8, 1).conv('c', 3, 8, 1).graph('three');

/** One split per segment, several for lanes; a segment holds a convolution, the first one what is left over. */
const planOf = (graph: Graph, splits: readonly (Split | readonly Split[])[]): Plan => {
  const builder = planBuilder(graph);
  const ends = graph.nodes.filter(({ op }) => op.kind === 'bias').map(({ id }) => id);
  for (const [index, split] of splits.entries()) {
    const through = ends[ends.length - splits.length + index]!;
    if ('peers' in split) builder.segment({ through, split });
    else builder.segment({ through, lanes: split.map((each) => ({ share: 1, split: each })) });
  }
  return builder.plan({ session, epoch: 0 });
};

const predict = (graph: Graph, plan: Plan, world: World, window = 1): Prediction =>
  simulate(compilePlan(graph, plan), world, { window });

/** Of full frames at the end, where every tile takes what is expected: from one to the next, and from admission on. */
function inStep(graph: Graph, plan: Plan, world: World, window: number) {
  const compiled = compilePlan(graph, plan);
  const places = placesOf(world, compiled.peers);
  const { doneMs, latenciesMs } = new FrameSimulation(placePlan(compiled, places), places).run({
    window,
    frames: 5 * window,
  });
  return { periodMs: doneMs.at(-1)! - doneMs.at(-2)!, loadedMs: latenciesMs.at(-1)! };
}

const one = peerIdOf(1);
const two = peerIdOf(2);
const three = peerIdOf(3);

/** Of the engine of a device, for ops of `net`. */
function opsMs(world: World, graph: Graph, plan: Plan, segment: number, tile = 0): number {
  const program = compilePlan(graph, plan).program(segment, 0, tile);
  return workMs(programWork(program), world.devices[0]!.profile);
}

describe('simulate', () => {
  it('takes the engine time of one device where nothing else costs anything', () => {
    const graph = net();
    const world = plainWorld(1);
    const plan = planOf(graph, [whole(one)]);
    const engineMs = opsMs(world, graph, plan, 0);
    const prediction = predict(graph, plan, world, 2);
    expect(prediction.latencyMs).toBeCloseTo(engineMs, 6);
    const { periodMs, loadedMs } = inStep(graph, plan, world, 2);
    expect(periodMs).toBeCloseTo(engineMs, 6);
    expect(loadedMs).toBeCloseTo(2 * engineMs, 6);
    // Of tiles that take a little more or less, the mean.
    expect((prediction.framesPerSecond * engineMs) / 1000).toBeCloseTo(1, 2);
    expect(prediction.loadedLatencyMs / engineMs).toBeCloseTo(2, 2);
    expect(prediction.bottleneck).toMatchObject({ kind: 'compute', peer: one });
    expect(prediction.timeline).toMatchObject([{ segment: 0, lane: 0, tile: 0, peer: one }]);
  });

  it('adds the stages of a pipeline for a frame alone, and is as fast as the slowest when full', () => {
    const graph = net();
    const world = plainWorld(3);
    const plan = planOf(graph, [whole(one), whole(two), whole(three)]);
    const stagesMs = [0, 1, 2].map((segment) => opsMs(world, graph, plan, segment));
    const prediction = predict(graph, plan, world, 6);
    expect(prediction.latencyMs).toBeCloseTo(stagesMs[0]! + stagesMs[1]! + stagesMs[2]!, 3);
    expect(inStep(graph, plan, world, 6).periodMs).toBeCloseTo(Math.max(...stagesMs), 3);
    expect((prediction.framesPerSecond * Math.max(...stagesMs)) / 1000).toBeCloseTo(1, 2);
  });

  it('computes bands side by side, and waits for the slower', () => {
    const graph = net();
    const world = plainWorld(2);
    const plan = planOf(graph, [bands({ axis: 'height', peers: [one, two], shares: [1, 3] })]);
    const slowerMs = opsMs(world, graph, plan, 0, 1);
    expect(predict(graph, plan, world).latencyMs).toBeCloseTo(slowerMs, 3);
    expect(predict(graph, plan, world).timeline).toHaveLength(2);
  });

  it('deals frames to lanes by their shares', () => {
    const graph = net();
    const world = plainWorld(2);
    const plan = planOf(graph, [[whole(one), whole(two)]]);
    const engineMs = opsMs(world, graph, plan, 0);
    const prediction = predict(graph, plan, world, 4);
    expect((prediction.framesPerSecond * engineMs) / 2000).toBeCloseTo(1, 1.7);
    expect(prediction.devices.map(({ computeMs }) => computeMs)).toEqual([0, engineMs / 2, engineMs / 2]);
  });

  it('is held up by a radio, and names it', () => {
    const graph = net();
    const world = plainWorld(2, { uplinkBytesPerMs: 1 });
    const plan = planOf(graph, [whole(one), whole(two)]);
    const prediction = predict(graph, plan, world, 4);
    const bytes = 16 * 16 * 8 * 4;
    expect(prediction.devices[1]).toMatchObject({ peer: one, bytesOut: bytes });
    expect(prediction.framesPerSecond).toBeCloseTo(1000 / bytes, 4);
    expect(prediction.bottleneck.kind).toBe('uplink');
  });

  it('shares a radio among what leaves it at one time', () => {
    const graph = net();
    const world = plainWorld(2, { uplinkBytesPerMs: 1 });
    const plan = planOf(graph, [bands({ axis: 'height', peers: [one, two] })]);
    // Both inputs, halos of three rows included, are through together; the outputs have an uplink each.
    const inputBytes = 2 * 11 * 16 * 4 * 4;
    const outputBytes = 8 * 16 * 8 * 4;
    const bandMs = opsMs(world, graph, plan, 0);
    expect(predict(graph, plan, world).latencyMs).toBeCloseTo(inputBytes + bandMs + outputBytes, 3);
  });

  it('encodes, carries and decodes the chunks of a piece at the same time', () => {
    const graph = new Chain([256, 256, 4]).conv('a', 1, 4).graph('long');
    const [sendMsPerByte, receiveMsPerByte] = [0.001, 0.0005];
    const world = plainWorld(1, { sendMsPerByte, receiveMsPerByte });
    const plan = planOf(graph, [whole(one)]);
    const bytes = 256 * 256 * 4 * 4;
    // There and back; only the last chunk's decoding is not hidden behind the encoding.
    const wayMs = bytes * sendMsPerByte + 65_536 * receiveMsPerByte;
    expect(predict(graph, plan, world).latencyMs).toBeCloseTo(2 * wayMs + opsMs(world, graph, plan, 0), 3);
  });

  it('sends pictures as their bytes', () => {
    const image = { channels: 'rgb', scale: [1, 1, 1], offset: [0, 0, 0] } as const;
    const graph = new Chain([16, 16, 3]).conv('a', 3, 8, 1).graph('picture');
    const picture = { ...graph, inputs: [{ ...graph.inputs[0]!, image }] };
    const world = plainWorld(1);
    const bytes = predict(picture, planOf(picture, [whole(one)]), world).devices[0]!.bytesOut;
    expect(bytes).toBe(encodedBytes('pixels', fullBox([16, 16, 3])));
    expect(predict(graph, planOf(graph, [whole(one)]), world).devices[0]!.bytesOut).toBe(4 * 16 * 16 * 3);
  });

  it('counts half of each round trip on the way', () => {
    const graph = net();
    const world = plainWorld(2);
    const far = { ...world, link: () => ({ roundTripMs: 14, bytesPerMs: 1e12 }) };
    const plan = planOf(graph, [whole(one), whole(two)]);
    const nearMs = predict(graph, plan, world).latencyMs;
    expect(predict(graph, plan, far).latencyMs - nearMs).toBeCloseTo(21, 6);
  });

  it('takes a requester that computes as one device', () => {
    const graph = net();
    const world = plainWorld(2, { uplinkBytesPerMs: 1 });
    const alone = { ...world, requester: { ...world.requester, id: one } };
    const plan = planOf(graph, [whole(one)]);
    const prediction = predict(graph, plan, alone);
    expect(prediction.devices).toHaveLength(1);
    expect(prediction.devices[0]).toMatchObject({ peer: one, bytesIn: 0, bytesOut: 0 });
  });
});

const drawnPlan = (seed: number): { graph: Graph; plan: Plan; world: World } => {
  const random = seededRandom(seed);
  const graph = random.next() < 0.5 ? randomGraph(random) : randomBlockGraph(random);
  const world = worldOf({ devices: [1, 2, 3, 4].map(() => drawDevice(random)) });
  const peers = world.devices.map(({ id }) => id);
  return { graph, plan: randomPlan(random, graph, peers), world };
};

describe('simulate, on random plans', () => {
  it('moves exactly the pieces that the runtime moves', () => {
    fc.assert(
      fc.property(seeds(), (seed) => {
        const { graph, plan, world } = drawnPlan(seed);
        const compiled = compilePlan(graph, plan);
        const places = placesOf(world, compiled.peers);
        const simulation = new FrameSimulation(placePlan(compiled, places), places);
        const shapes = tensorShapes(graph);
        expect(shapes.size).toBeGreaterThan(0);
        for (const lanes of [
          plan.segments.map(() => 0),
          plan.segments.map(({ lanes: all }) => all.length - 1),
        ]) {
          for (let producer = REQUESTER; producer < plan.segments.length; producer++) {
            const tiles =
              producer === REQUESTER ? 1 : plan.segments[producer]!.lanes[lanes[producer]!]!.tiles.length;
            const expected: string[] = [];
            for (let tile = 0; tile < tiles; tile++) {
              for (const delivery of compiled.deliveries(lanes, producer, tile)) {
                const sizeBytes = encodedBytes(delivery.codec, delivery.region);
                expected.push([tile, delivery.segment, delivery.tile, sizeBytes].join());
              }
            }
            const found = simulation.consumers(producer).flatMap((consumer) =>
              simulation
                .passages(lanes, producer, consumer)
                .byTile.flat()
                .map(({ fromTile, toTile, sizeBytes }) => [fromTile, consumer, toTile, sizeBytes].join()),
            );
            expect(found.sort()).toEqual(expected.sort());
          }
        }
      }),
      runs(150),
    );
  });

  it('ends, repeats itself, and keeps no resource busier than all of the time', () => {
    fc.assert(
      fc.property(seeds(), (seed) => {
        const { graph, plan, world } = drawnPlan(seed);
        const compiled = compilePlan(graph, plan);
        const prediction = simulate(compiled, world, { window: 3, frames: 60 });
        expect(simulate(compiled, world, { window: 3, frames: 60 })).toEqual(prediction);
        expect(prediction.latencyMs).toBeGreaterThan(0);
        expect(prediction.loadedLatencyMs).toBeGreaterThan(0);
        for (const { busy } of prediction.devices) {
          for (const share of Object.values(busy)) expect(share).toBeLessThan(1.1);
        }
      }),
      runs(100),
    );
  });
});
