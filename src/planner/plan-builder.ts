import type { Graph, OpNode, TensorId } from '../graph/graph.ts';
import { PeerceptronError } from '../shared/errors.ts';
import type { PeerId, SessionId } from '../shared/ids.ts';
import { unknownOp, type PlanFile } from './plan-file.ts';
import type { Plan, Segment } from './plan.ts';
import {
  flowingTiles,
  splitTiles,
  type FlowingSplit,
  type PeerRef,
  type Split,
  type TileOf,
} from './splits.ts';

export type AnySplit = Split | FlowingSplit;

/** One split, or several lanes (replicas) that frames are dealt to in proportion to `share`. */
export type SegmentSplit =
  | { readonly split: AnySplit }
  | { readonly lanes: readonly { readonly share: number; readonly split: AnySplit }[] };

export type SegmentRequest = SegmentSplit & {
  /** Last op of the segment, which begins where the one before ended; the last op of the graph when absent. */
  readonly through?: TensorId;
};

export type LayersRequest = SegmentRequest & {
  /** Where a new segment begins; at every op that reads across channels (convolutions of one group, dense) when absent. */
  readonly beginsAt?: (node: OpNode) => boolean;
};

interface BuiltSegment {
  readonly ops: Segment['ops'];
  readonly lanes: readonly { readonly share: number; readonly tiles: readonly TileOf<PeerRef>[] }[];
}

/** Whether an op's output channel depends on other channels than its own: where channel slices must be exchanged. */
export const mixesChannels = ({ op }: OpNode): boolean =>
  op.kind === 'dense' || (op.kind === 'conv' && op.groups === 1);

/**
 * Writes a plan segment by segment:
 *
 *     planBuilder(graph)
 *       .segment({ through: 'pool2', split: bands({ axis: 'height', peers: [0, 1, 2, 3] }) })
 *       .layers({ through: 'pool5', split: channels({ peers: [0, 1, 2, 3] }) })
 *       .segment({ through: 'fc1', split: flowing() })
 *       .segment({ split: whole(0) })
 *       .file('what it is good for');
 *
 * Every method throws `PLAN_INVALID` naming op, axis and reason. `verifyPlan` has the last word on the result.
 */
export class PlanBuilder {
  readonly #graph: Graph;
  readonly #segments: BuiltSegment[] = [];

  constructor(graph: Graph) {
    this.#graph = graph;
  }

  /** All ops up to `through` as one segment: fused, what overlaps is recomputed. */
  segment(request: SegmentRequest): this {
    this.#add(this.#endOf(request.through), request);
    return this;
  }

  /** The ops up to `through`, one segment per layer: nothing is recomputed, layers exchange what they need. */
  layers(request: LayersRequest): this {
    const { beginsAt = mixesChannels } = request;
    const stop = this.#endOf(request.through);
    let end = this.#next + 1;
    for (; end < stop; end++) if (beginsAt(this.#graph.nodes[end]!)) this.#add(end, request);
    this.#add(stop, request);
    return this;
  }

  /** As a plan file: ops by id, peers by number (or as they were given). Throws `PLAN_INVALID` while ops are missing. */
  file(description?: string): PlanFile {
    this.#checkComplete();
    const { nodes, name } = this.#graph;
    return {
      model: name,
      ...(description === undefined ? {} : { description }),
      segments: this.#segments.map(({ ops: [start, end], lanes }) => ({
        ops: [nodes[start]!.id, nodes[end - 1]!.id],
        lanes,
      })),
    };
  }

  /** As a plan: `peers[i]` takes the place of number `i`. */
  plan(request: {
    readonly session: SessionId;
    readonly epoch: number;
    readonly peers?: readonly PeerId[];
  }): Plan {
    this.#checkComplete();
    const { session, epoch, peers = [] } = request;
    const idOf = (ref: PeerRef): PeerId => {
      const id = typeof ref === 'number' ? peers[ref] : ref;
      if (id) return id;
      throw new PeerceptronError(
        'PLAN_NO_PEERS',
        `the plan needs a peer number ${ref} (counted from 0), and there are ${peers.length}`,
      );
    };
    const segments = this.#segments.map(({ ops, lanes }) => ({
      ops,
      lanes: lanes.map(({ share, tiles }) => ({
        share,
        tiles: tiles.map((tile) => ({ ...tile, peer: idOf(tile.peer) })),
      })),
    }));
    return { session, epoch, model: this.#graph.name, segments };
  }

  get #next(): number {
    return this.#segments.at(-1)?.ops[1] ?? 0;
  }

  #endOf(through: TensorId | undefined): number {
    const { nodes } = this.#graph;
    if (through === undefined) return nodes.length;
    const index = nodes.findIndex(({ id }) => id === through);
    if (index < 0) throw unknownOp(this.#graph, through);
    if (index < this.#next) {
      throw new PeerceptronError(
        'PLAN_INVALID',
        `op '${through}' is in a segment already: segments go on from '${nodes[this.#next]?.id ?? 'the end'}'`,
      );
    }
    return index + 1;
  }

  #add(end: number, request: SegmentSplit): void {
    const ops = [this.#next, end] as const;
    if (ops[0] >= end) {
      throw new PeerceptronError('PLAN_INVALID', 'every op is in a segment already: leave out the last one');
    }
    const lanes = 'lanes' in request ? request.lanes : [{ share: 1, split: request.split }];
    this.#segments.push({
      ops,
      lanes: lanes.map(({ share, split }, lane) => ({ share, tiles: this.#tiles(ops, split, lane) })),
    });
  }

  #tiles(ops: Segment['ops'], split: AnySplit, lane: number): readonly TileOf<PeerRef>[] {
    if (!('flowing' in split)) return splitTiles(this.#graph, ops, split);
    return flowingTiles(this.#graph, ops, (tensor) => this.#made(tensor, lane));
  }

  /** Lane by lane where the producer has as many lanes as the consumer; its only lane otherwise. */
  #made(tensor: TensorId, lane: number): { peer: PeerRef; box: TileOf<PeerRef>['outputs'][number]['box'] }[] {
    const index = this.#graph.nodes.findIndex(({ id }) => id === tensor);
    const producer = this.#segments.find(({ ops }) => index >= ops[0] && index < ops[1]);
    const tiles = producer?.lanes[producer.lanes.length === 1 ? 0 : lane]?.tiles;
    if (!tiles || tiles.some(({ reduce }) => reduce)) {
      throw new PeerceptronError(
        'PLAN_INVALID',
        tiles
          ? `'${tensor}' is itself made as partial sums: it has to be summed before anything can flow on`
          : `'${tensor}' is made by the requester or in no such lane: name the peers with partialSums instead`,
      );
    }
    return tiles.map(({ peer, outputs }) => ({
      peer,
      box: outputs.find((output) => output.tensor === tensor)!.box,
    }));
  }

  #checkComplete(): void {
    const missing = this.#graph.nodes[this.#next];
    if (!missing) return;
    throw new PeerceptronError('PLAN_INVALID', `the ops from '${missing.id}' on are in no segment yet`);
  }
}

export const planBuilder = (graph: Graph): PlanBuilder => new PlanBuilder(graph);
