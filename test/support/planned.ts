import type { PlanChoice } from '../../src/planner/choice.ts';
import { parseDeviceList } from '../../src/planner/devices-file.ts';
import { buildWorld } from '../../src/planner/devices-world.ts';
import { planBuilder } from '../../src/planner/plan-builder.ts';
import type { DeviceLoad, SimulatedTile } from '../../src/planner/prediction.ts';
import type { World } from '../../src/planner/world.ts';
import { bands, channels, whole } from '../../src/planner/splits.ts';
import { asSessionId, type PeerId } from '../../src/shared/ids.ts';
import { lenet } from './small-networks.ts';

export const graph = lenet();
const session = asSessionId('e'.repeat(32));

/** Four devices, of which a plan may use some. */
export const world: World = buildWorld(parseDeviceList('pi3*3,laptop'));
const ids = world.devices.map(({ id }) => id);

const load = (peer: PeerId, computeMs: number, busy: number): DeviceLoad => ({
  peer,
  computeMs,
  transportMs: 2,
  bytesIn: 3000,
  bytesOut: 1500,
  busy: { compute: busy, transport: 0.1, uplink: 0.05, downlink: 0.05 },
});

/** A plan of two segments on two Pis, with a prediction made up for it: numbers that a test can know. */
export function madeUpChoice(changes: Partial<PlanChoice> = {}): PlanChoice {
  const plan = planBuilder(graph)
    .segment({ through: 'pool2', split: bands({ axis: 'height', peers: [0, 1] }) })
    .segment({ through: 'fc1', split: channels({ peers: [0, 1] }) })
    .segment({ split: whole(1) })
    .plan({ session, epoch: 0, peers: ids });
  const at = (segment: number, tile: number, startMs: number, endMs: number): SimulatedTile => {
    const { peer, outputs } = plan.segments[segment]!.lanes[0]!.tiles[tile]!;
    return { segment, lane: 0, tile, peer, outputs, startMs, endMs };
  };
  const solo = planBuilder(graph)
    .segment({ split: whole(3) })
    .plan({ session, epoch: 0, peers: ids });
  const prediction = {
    latencyMs: 100,
    framesPerSecond: 16,
    loadedLatencyMs: 130,
    window: 2,
    devices: [load(world.requester.id, 0, 0), load(ids[0]!, 40, 0.64), load(ids[1]!, 55, 0.88)],
    bottleneck: { kind: 'compute', peer: ids[1]!, share: 0.88 } as const,
    timeline: [at(0, 0, 10, 40), at(0, 1, 10, 50), at(1, 0, 60, 70), at(1, 1, 60, 70), at(2, 0, 80, 90)],
  };
  return {
    plan,
    prediction,
    objective: { kind: 'latency' },
    solo: { plan: solo, prediction: { ...prediction, latencyMs: 180, framesPerSecond: 5.5 } },
    gain: 1.8,
    leftOut: [
      { peer: ids[2]!, reason: 'slows-down', explanation: 'the best plan with pi3-3 takes 112 ms' },
      { peer: ids[3]!, reason: 'slows-down', explanation: 'the best plan with laptop takes 112 ms' },
    ],
    candidates: 42,
    ...changes,
  };
}
