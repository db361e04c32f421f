import { describe, expect, it } from 'vitest';
import { alikeWorld } from '../../../../bench/farm/baselines/alike.ts';
import {
  layoutOf,
  paperLayoutFor,
  type LayoutMethod,
  type LayoutOutcome,
} from '../../../../bench/farm/baselines/layouts.ts';
import { prepared, worldOf, type DeviceDraw } from '../../../../bench/planner/draws.ts';
import { SINGLE_METHODS } from '../../../../bench/planner/single-method.ts';
import type { NetworkName } from '../../../../src/models/presets.ts';
import { choosePlan } from '../../../../src/planner/search.ts';
import { asSessionId } from '../../../../src/shared/ids.ts';

const session = asSessionId('b'.repeat(32));
const pi: DeviceDraw = { speed: 1, mbits: 90, roundTripMs: 4, memoryBytes: 0.9e9 };
const farm = (count: number, change: Partial<DeviceDraw> = {}) =>
  worldOf(new Array<DeviceDraw>(count).fill({ ...pi, ...change }), pi);
const uneven = worldOf(
  [2, 2, 1, 0.5].map((speed) => ({ ...pi, speed })),
  pi,
);

function laidOut(
  method: LayoutMethod,
  network: NetworkName,
  world = farm(4),
  objective: 'latency' | 'throughput' = 'throughput',
): LayoutOutcome {
  return layoutOf(method, { graph: prepared(network), session, epoch: 0, world, objective });
}

function planned(outcome: LayoutOutcome) {
  if (outcome.state === 'refused') throw new Error(outcome.why);
  const tiles = outcome.plan.segments.flatMap(({ lanes }) => lanes.flatMap((lane) => lane.tiles));
  return { ...outcome, peers: new Set(tiles.map(({ peer }) => peer)) };
}

describe('layouts of other methods', () => {
  it.each([
    ['alexnet', 4, 'alexnet-5', 4],
    ['alexnet', 11, 'alexnet-6', 5],
    ['vgg16', 8, 'vgg16-9', 8],
    ['vgg16', 11, 'vgg16-11', 10],
  ] as const)('the paper lays %s out for %i devices as %s, on %i of them', (network, count, name, used) => {
    expect(paperLayoutFor(network, count)?.name).toBe(name);
    const world = farm(count);
    const { plan, prediction, peers } = planned(laidOut('paper', network, world));
    expect([...peers].sort()).toEqual(world.devices.slice(0, used).map(({ id }) => id));
    expect(plan).toMatchObject({ session, epoch: 0, model: network });
    expect(prediction.framesPerSecond).toBeGreaterThan(0);
  });

  it('say why the paper has none', () => {
    const none = (network: NetworkName, count: number) => laidOut('paper', network, farm(count));
    expect(none('c3d', 8)).toEqual({
      state: 'refused',
      why: 'the paper has no layout of c3d for 8 devices',
    });
    expect(none('vgg16', 4)).toMatchObject({ state: 'refused' });
    expect(laidOut('paper', 'vgg16', farm(10, { memoryBytes: 256e6 }))).toMatchObject({
      state: 'refused',
      why: expect.stringMatching(/^the plan does not hold: \[PL7\] .* are missing/) as unknown,
    });
  });

  it.each(SINGLE_METHODS)('%s: its best plan is expected to do what its search says', (method) => {
    const { prediction, plan } = planned(laidOut(method, 'alexnet'));
    const [first] = plan.segments;
    if (method === 'lanes') expect(first!.lanes).toHaveLength(4);
    if (method === 'pipeline') expect(plan.segments.length).toBeGreaterThan(1);
    const solo = planned(laidOut(method, 'alexnet', farm(1))).prediction;
    expect(prediction.framesPerSecond).toBeGreaterThanOrEqual(solo.framesPerSecond * (1 - 1e-9));
  });

  it('cut rows alone, or channels alone', () => {
    const cutAxes = (method: 'spatial' | 'channel'): Set<number> => {
      const { plan } = planned(laidOut(method, 'vgg16', farm(4, { mbits: 1000 }), 'latency'));
      const [first] = plan.segments;
      expect(first!.lanes[0]!.tiles.length).toBeGreaterThan(1);
      const [one, other] = first!.lanes[0]!.tiles.map(({ outputs }) => outputs[0]!.box);
      return new Set(one!.flatMap(([start], axis) => (start === other![axis]![0] ? [] : [axis])));
    };
    expect([...cutAxes('channel')]).toEqual([2]);
    expect([...cutAxes('spatial')].every((axis) => axis < 2)).toBe(true);
  });

  it('refuse what fits into no memory', () => {
    const small = farm(4, { memoryBytes: 100e6 });
    expect(laidOut('lanes', 'vgg16', small)).toEqual({
      state: 'refused',
      why: 'no plan of this method fits into the memory of 4 devices',
    });
    expect(laidOut('equal', 'vgg16', small)).toMatchObject({ state: 'refused' });
  });

  it('equal: worse than a plan that knows how fast each device is', () => {
    const graph = prepared('vgg16');
    for (const kind of ['latency', 'throughput'] as const) {
      const ours = choosePlan({ graph, session, epoch: 0, world: uneven, objective: { kind } }).prediction;
      const equal = planned(laidOut('equal', 'vgg16', uneven, kind)).prediction;
      if (kind === 'latency') expect(equal.latencyMs).toBeGreaterThan(1.05 * ours.latencyMs);
      else expect(equal.framesPerSecond).toBeLessThan(ours.framesPerSecond / 1.05);
    }
  });

  it('equal: what our planner chooses where devices are equal', () => {
    const graph = prepared('alexnet');
    const world = farm(4);
    const ours = choosePlan({ graph, session, epoch: 0, world, objective: { kind: 'throughput' } });
    const { plan, prediction } = planned(laidOut('equal', 'alexnet', world));
    expect(plan).toEqual(ours.plan);
    expect(prediction.framesPerSecond).toBeCloseTo(ours.prediction.framesPerSecond, 9);
  });

  it('take devices for alike at their mean speed, with their own memory and links', () => {
    const alike = alikeWorld(uneven, prepared('vgg16'));
    const [real] = uneven.devices;
    for (const [index, { profile, memoryBytes }] of alike.devices.entries()) {
      // Of 2, 2, 1 and a half.
      expect(profile.rates.conv.msPerMac).toBeCloseTo((real!.profile.rates.conv.msPerMac * 2) / 1.375, 15);
      expect(profile.transport).toEqual(uneven.devices[index]!.profile.transport);
      expect(memoryBytes).toBe(uneven.devices[index]!.memoryBytes);
    }
  });
});
