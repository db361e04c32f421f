import { expect, it } from 'vitest';
import { prepared, worldOf } from '../../../bench/planner/draws.ts';
import { compilePlan } from '../../../src/planner/compiled-plan.ts';
import { FrameSimulation } from '../../../src/planner/frame-simulation.ts';
import { placePlan } from '../../../src/planner/placed-plan.ts';
import { placesOf } from '../../../src/planner/places.ts';
import { planBuilder } from '../../../src/planner/plan-builder.ts';
import { engineLoads, simulate } from '../../../src/planner/simulate.ts';
import { channels, flowing, whole } from '../../../src/planner/splits.ts';
import { asSessionId } from '../../../src/shared/ids.ts';

it('does not count on devices that keep in step: parts that every frame needs wait for whole frames of others', () => {
  const graph = prepared('vgg16');
  const pi = { speed: 1, mbits: 90, roundTripMs: 4, memoryBytes: 1e9 };
  const world = worldOf(new Array<typeof pi>(11).fill(pi), pi);
  const peers = world.devices.map(({ id }) => id);
  const [fc6, fc7] = graph.nodes.flatMap(({ op }, at) => (op.kind === 'dense' ? [at] : []));
  const plan = planBuilder(graph)
    .segment({
      through: graph.nodes[fc6! - 1]!.id,
      lanes: peers.map((peer) => ({ share: 1, split: whole(peer) })),
    })
    .segment({ through: graph.nodes[fc7! - 1]!.id, split: channels({ peers }) })
    .segment({ through: graph.nodes[fc7!]!.id, split: flowing() })
    .segment({ split: whole(peers[0]!) })
    .plan({ session: asSessionId('5'.repeat(32)), epoch: 0 });
  const compiled = compilePlan(graph, plan);
  const places = placesOf(world, compiled.peers);
  const placed = placePlan(compiled, places);
  const window = peers.length;
  const busiestMs = Math.max(...engineLoads(placed, places));
  const { doneMs } = new FrameSimulation(placed, places).run({ window, frames: 10 * window });
  const inStepMs = doneMs.at(-1)! - doneMs[2 * window - 1]!;
  expect((8 * window * busiestMs) / inStepMs).toBeGreaterThan(0.85);
  const { framesPerSecond, loadedLatencyMs } = simulate(compiled, world, { window });
  expect((framesPerSecond * busiestMs) / 1000).toBeLessThan(0.8);
  expect(loadedLatencyMs).toBeGreaterThan(1.25 * window * busiestMs);
});

it('watches frames for longer where those of different lanes come together on a device: a few may all be lucky', () => {
  const graph = prepared('c3d');
  const [fc6, fc7, fc8] = graph.nodes.flatMap(({ op }, at) => (op.kind === 'dense' ? [at] : []));
  const window = 8;
  const offBy = { few: 0, usual: 0 };
  const cases = [0, 0.01, 0.02, 0.03].flatMap((unlike) => [1, 2, 4].map((speed) => ({ unlike, speed })));
  for (const { unlike, speed } of cases) {
    const pi = { mbits: 90, roundTripMs: 4, memoryBytes: 1e9 };
    const speeds = [-2, 0, 2, -1].map((steps) => speed * (1 + unlike * steps));
    const draws = speeds.map((each) => ({ ...pi, speed: each }));
    const world = worldOf(draws, draws[0]);
    const peers = world.devices.map(({ id }) => id);
    const plan = planBuilder(graph)
      .segment({
        through: graph.nodes[fc6! - 1]!.id,
        lanes: peers.map((peer) => ({ share: 1, split: whole(peer) })),
      })
      .segment({ through: graph.nodes[fc7! - 1]!.id, split: channels({ peers: peers.slice(0, 2) }) })
      .segment({ through: graph.nodes[fc8! - 1]!.id, split: whole(peers[2]!) })
      .segment({ split: whole(peers[0]!) })
      .plan({ session: asSessionId('5'.repeat(32)), epoch: 0 });
    const compiled = compilePlan(graph, plan);
    const rate = (frames?: number): number =>
      simulate(compiled, world, { window, ...(frames === undefined ? {} : { frames }) }).framesPerSecond;
    const rateOfMany = rate(2000);
    offBy.few += Math.abs(rate(50) / rateOfMany - 1) / cases.length;
    offBy.usual += Math.abs(rate() / rateOfMany - 1) / cases.length;
  }
  expect(offBy.usual).toBeLessThan(offBy.few / 2);
});
