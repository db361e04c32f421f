import { fullBox, shapeSize } from '../graph/box.ts';
import type { Graph } from '../graph/graph.ts';
import { definitionOf } from '../graph/ops/index.ts';
import { inputShapes, tensorShapes } from '../graph/shapes.ts';
import { PeerceptronError } from '../shared/errors.ts';
import type { PeerId, SessionId } from '../shared/ids.ts';
import { liveTensors, tensorsAcross } from './liveness.ts';
import type { Plan, Segment } from './plan.ts';

export interface PipelineRequest {
  readonly graph: Graph;
  readonly session: SessionId;
  readonly epoch: number;
  /** In pipeline order; speeds are relative (MACs per second up to a common factor). */
  readonly peers: readonly { readonly id: PeerId; readonly speed: number }[];
}

/** Sending one element costs about as much as this many multiply-accumulates on a small device. */
const MACS_PER_ELEMENT_SENT = 50;

/**
 * Layer-wise pipeline: one run of ops per peer, cut so that the slowest stage is as fast as can be (compute plus
 * receiving what crosses its cut); among equals, the fewest elements sent. Dynamic programming over cut positions,
 * O(ops² · peers). A graph with fewer ops than peers leaves peers out.
 */
export function pipelinePlan({ graph, session, epoch, peers }: PipelineRequest): Plan {
  if (peers.length === 0) {
    throw new PeerceptronError(
      'PLAN_NO_PEERS',
      'no peer in the room offers compute: let a device join, then try again',
    );
  }
  const shapes = tensorShapes(graph);
  const count = graph.nodes.length;
  const stages = Math.min(peers.length, count);
  const work = graph.nodes.map((node) => {
    const inputs = inputShapes(node, shapes);
    return definitionOf(node.op).cost(node.op, inputs, fullBox(shapes.get(node.id)!)).macs;
  });
  const before = [0];
  for (const macs of work) before.push(before.at(-1)! + macs);
  const sent = Array.from({ length: count + 1 }, (_, index) =>
    tensorsAcross(graph, index).reduce((sum, id) => sum + shapeSize(shapes.get(id)!), 0),
  );

  // best[s][end]: the first s stages cover ops [0, end).
  interface State {
    readonly slowest: number;
    readonly elements: number;
    readonly start: number;
  }
  const best: (State | undefined)[][] = [[{ slowest: 0, elements: 0, start: 0 }]];
  for (let stage = 1; stage <= stages; stage++) {
    const { speed } = peers[stage - 1]!;
    const row: (State | undefined)[] = new Array<State | undefined>(count + 1).fill(undefined);
    for (let end = stage; end <= count - (stages - stage); end++) {
      for (let start = stage - 1; start < end; start++) {
        const previous = best[stage - 1]![start];
        if (!previous) continue;
        const time = (before[end]! - before[start]!) / speed + sent[start]! * MACS_PER_ELEMENT_SENT;
        const state = {
          slowest: Math.max(previous.slowest, time),
          elements: previous.elements + sent[start]!,
          start,
        };
        const rival = row[end];
        const wins =
          !rival ||
          state.slowest < rival.slowest ||
          (state.slowest === rival.slowest && state.elements < rival.elements);
        if (wins) row[end] = state;
      }
    }
    best.push(row);
  }

  const segments: Segment[] = [];
  let end = count;
  for (let stage = stages; stage >= 1; stage--) {
    const { start } = best[stage]![end]!;
    const ops = [start, end] as const;
    const outputs = liveTensors(graph, ops).map((tensor) => ({ tensor, box: fullBox(shapes.get(tensor)!) }));
    segments.unshift({ ops, lanes: [{ share: 1, tiles: [{ peer: peers[stage - 1]!.id, outputs }] }] });
    end = start;
  }
  return { session, epoch, model: graph.name, segments };
}
