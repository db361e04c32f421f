import { createReferenceEngine } from '../../src/engine/reference.ts';
import type { Engine } from '../../src/engine/engine.ts';
import type { Graph } from '../../src/graph/graph.ts';
import { systemClock } from '../../src/mesh/system-clock.ts';
import { compilePlan } from '../../src/planner/compiled-plan.ts';
import type { Plan } from '../../src/planner/plan.ts';
import { RuntimeNode } from '../../src/runtime/runtime-node.ts';
import { servePeer } from '../../src/runtime/serve-peer.ts';
import { openSession, type PreparedPeer } from '../../src/runtime/session.ts';
import { compareOutputs, loadWholeModel, type Comparison } from '../../src/runtime/whole-model.ts';
import type { WeightSource } from '../../src/weights/weight-source.ts';
import { MemoryRoom, peerIdOf } from './memory-network.ts';

export interface PlanRun {
  /** One per frame: the spread outputs beside those of the unsplit model. */
  readonly comparisons: readonly Comparison[];
  readonly peers: readonly PreparedPeer[];
}

/** Runs frames through a plan, over in-memory links and the real runtime, and compares them with the unsplit model. */
export async function runPlan(options: {
  readonly graph: Graph;
  readonly plan: Plan;
  readonly weights: WeightSource;
  readonly frames: readonly (readonly Float32Array[])[];
  readonly engine?: Engine;
  /** What the session reads its weights from, where that is to be watched; `weights` when absent. */
  readonly sessionWeights?: WeightSource;
}): Promise<PlanRun> {
  const { graph, plan, weights, frames, engine = createReferenceEngine() } = options;
  const room = new MemoryRoom();
  const services = compilePlan(graph, plan).peers.map((peer) =>
    servePeer({ node: new RuntimeNode(room.join(peer)), engine, memoryBytes: 8e9, clock: systemClock }),
  );
  const whole = await loadWholeModel(engine, graph, weights);
  const session = await openSession({
    node: new RuntimeNode(room.join(peerIdOf(0))),
    graph,
    weights: options.sessionWeights ?? weights,
    plan,
    clock: systemClock,
  });
  try {
    // All at once: the window holds them back, and frames must not mix.
    const results = await Promise.all(frames.map((frame) => session.run(frame)));
    const comparisons: Comparison[] = [];
    for (const [index, frame] of frames.entries()) {
      comparisons.push(compareOutputs(results[index]!.outputs, (await whole.run(frame)).outputs));
    }
    return { comparisons, peers: session.peers };
  } finally {
    await session.close();
    await Promise.all(services.map((service) => service.close()));
    await whole.dispose();
  }
}
