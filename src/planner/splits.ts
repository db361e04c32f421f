import { fullBox, isEmpty, type Box, type Range, type Shape } from '../graph/box.ts';
import type { Graph, OpNode, TensorId } from '../graph/graph.ts';
import { definitionOf } from '../graph/ops/index.ts';
import { inputShapes, tensorShapes } from '../graph/shapes.ts';
import { PeerceptronError } from '../shared/errors.ts';
import type { PeerId } from '../shared/ids.ts';
import { axisName, axisNames, axisOf, type AxisName } from './axes.ts';
import { liveTensors } from './liveness.ts';
import type { Segment, Tile } from './plan.ts';

/** A peer by id, or by its position in a list that is settled later (as plan files do). */
export type PeerRef = number | PeerId;

/** A tile whose peer may still be a number. */
export interface TileOf<P> extends Omit<Tile, 'peer'> {
  readonly peer: P;
}

/** One axis, cut into consecutive parts in proportion to `shares`. */
export interface Cut {
  readonly axis: AxisName;
  readonly shares: readonly number[];
  /** Cuts fall on multiples of this many elements: 2 keeps the windows of a 2×2 pool behind the segment whole. */
  readonly multipleOf?: number;
}

/**
 * How a segment is dealt to peers: the tiles are the product of all cuts, the last one varying fastest, and
 * `peers` names who takes which.
 */
export interface Split {
  /** Cuts of what the segment makes. A live tensor that lacks an axis, or whose op cannot be cut along it, goes whole to the first part. */
  readonly outputs: readonly Cut[];
  /** Cuts of the contraction of the segment's last op: the tiles make partial sums. */
  readonly reduce?: readonly Cut[];
  readonly peers: readonly PeerRef[];
}

/** Partial sums over exactly what each peer already made of the last op's input: nothing has to be gathered. */
export interface FlowingSplit {
  readonly flowing: true;
}

export interface CutRequest {
  readonly peers: readonly PeerRef[];
  /** One per peer; equal ones when absent. */
  readonly shares?: readonly number[];
  readonly multipleOf?: number;
}

const cutOf = (axis: AxisName, { peers, shares, multipleOf }: CutRequest): Cut => ({
  axis,
  shares: shares ?? peers.map(() => 1),
  ...(multipleOf === undefined ? {} : { multipleOf }),
});

/** The segment as one tile. */
export const whole = (peer: PeerRef): Split => ({ outputs: [], peers: [peer] });

/** Row bands (`height`), column bands (`width`), frames (`depth`): halos follow from the boxes. */
export const bands = (request: CutRequest & { readonly axis: AxisName }): Split => ({
  outputs: [cutOf(request.axis, request)],
  peers: request.peers,
});

/** Two or three axes at once; `cuts` as in `{ axis: 'height', shares: [1, 1] }`, one peer per cell, row-major. */
export const grid = (request: {
  readonly cuts: readonly Cut[];
  readonly peers: readonly PeerRef[];
}): Split => ({
  outputs: request.cuts,
  peers: request.peers,
});

/** Output channels or units. Also for depthwise convolutions, pools and element-wise ops, which then need only their own channels. */
export const channels = (request: CutRequest): Split => bands({ ...request, axis: 'channel' });

/**
 * Partial sums over parts of the input of the segment's last op: input channels of a convolution; channels (or
 * `height`, …) of what a dense layer reads. Bias and activation belong to the next segment, after the sum.
 */
export const partialSums = (request: CutRequest & { readonly axis?: AxisName }): Split => ({
  outputs: [],
  reduce: [cutOf(request.axis ?? 'channel', request)],
  peers: request.peers,
});

/**
 * Partial sums of the segment's last op over the very boxes of its input that the previous segment's tiles make,
 * on the same peers: row bands flow straight into a dense layer, channel slices into a convolution or a dense layer.
 * Element-wise ops may stand in between, in the same segment.
 */
export const flowing = (): FlowingSplit => ({ flowing: true });

/** The tiles of one lane: the split applied to the ops `[start, end)`. Throws `PLAN_INVALID` naming op, axis and reason. */
export function splitTiles(graph: Graph, ops: Segment['ops'], split: Split): TileOf<PeerRef>[] {
  const shapes = tensorShapes(graph);
  const live = liveTensors(graph, ops);
  const last = graph.nodes[ops[1] - 1]!;
  for (const cuts of [split.outputs, split.reduce ?? []]) checkCuts(last, cuts);
  const nodes = new Map(graph.nodes.slice(...ops).map((node) => [node.id, node]));
  checkCuttable(
    graph,
    live.map((tensor) => nodes.get(tensor)!),
    split.outputs,
  );
  if (split.reduce) checkOnlyLive(last, live);

  const boxesOf = new Map(
    live.map((tensor) => {
      const node = nodes.get(tensor)!;
      const axes = definitionOf(node.op).tileableAxes(node.op, inputShapes(node, shapes));
      return [tensor, boxesByCuts(shapes.get(tensor)!, split.outputs, axes)];
    }),
  );
  const reduces = split.reduce ? reduceBoxes(graph, last, split.reduce) : [undefined];
  const cells = split.outputs.reduce((count, cut) => count * cut.shares.length, 1);
  if (cells * reduces.length !== split.peers.length) {
    throw invalid(
      last,
      `the split makes ${cells * reduces.length} tiles and names ${split.peers.length} peers: name one per tile`,
    );
  }
  return split.peers.map((peer, index) => {
    const reduce = reduces[index % reduces.length];
    const cell = Math.floor(index / reduces.length);
    return {
      peer,
      outputs: live.map((tensor) => ({ tensor, box: boxesOf.get(tensor)![cell]! })),
      ...(reduce ? { reduce } : {}),
    };
  });
}

/** Who makes which box of a tensor, as far as it is known when a later segment is split. */
export type MadeBoxes = (tensor: TensorId) => readonly { readonly peer: PeerRef; readonly box: Box }[];

/** The tiles of `flowing()`. Throws `PLAN_INVALID` where the input is not made in boxes that can be summed over. */
export function flowingTiles(graph: Graph, ops: Segment['ops'], madeBoxes: MadeBoxes): TileOf<PeerRef>[] {
  const shapes = tensorShapes(graph);
  const last = graph.nodes[ops[1] - 1]!;
  checkOnlyLive(last, liveTensors(graph, ops));
  const domain = reduceDomain(graph, last);
  const source = elementWiseSource(graph, ops, last.inputs[0]!);
  const shape = shapes.get(source)!;
  const made = madeBoxes(source).filter(({ box }) => !isEmpty(box));
  return made.map(({ peer, box }) => {
    const reduce = domain.length === shape.length ? box : box.slice(-domain.length);
    const leading = box.slice(0, box.length - reduce.length);
    if (leading.some(([start, end], axis) => start !== 0 || end !== shape[axis])) {
      throw invalid(
        last,
        `it sums over channels, and '${source}' is cut along its ${axisName(
          shape.length,
          leading.findIndex(([start, end], axis) => start !== 0 || end !== shape[axis]),
        )}: cut it along channels`,
      );
    }
    return { peer, outputs: [{ tensor: last.id, box: fullBox(shapes.get(last.id)!) }], reduce };
  });
}

/** The tensor from outside the segment that `tensor` follows from element by element. */
function elementWiseSource(graph: Graph, ops: Segment['ops'], tensor: TensorId): TensorId {
  const inside = new Map(graph.nodes.slice(...ops).map((node) => [node.id, node]));
  let source = tensor;
  for (let node = inside.get(source); node; node = inside.get(source)) {
    const { kind } = node.op;
    if (kind !== 'bias' && kind !== 'activation' && kind !== 'identity' && kind !== 'batch-norm') {
      throw invalid(
        node,
        `a flowing split needs element-wise ops only between the segment's input and its last op, not ${kind}: end a segment behind it`,
      );
    }
    source = node.inputs[0]!;
  }
  return source;
}

function reduceDomain(graph: Graph, last: OpNode): Shape {
  const definition = definitionOf(last.op);
  const domain = definition.reduceShape(last.op, inputShapes(last, tensorShapes(graph)));
  if (!definition.linear || domain.length === 0) {
    throw invalid(
      last,
      'it cannot be computed as partial sums: only convolutions of one group and dense layers',
    );
  }
  return domain;
}

function reduceBoxes(graph: Graph, last: OpNode, cuts: readonly Cut[]): Box[] {
  const domain = reduceDomain(graph, last);
  for (const { axis } of cuts) {
    if (axisOf(domain, axis) === undefined) {
      throw invalid(last, `its contraction has no ${axis}: only ${axisNames(domain.length).join(', ')}`);
    }
  }
  return boxesByCuts(
    domain,
    cuts,
    domain.map((_, axis) => axis),
  );
}

/** Every cell of the product of the cuts; a cut along an axis that the tensor lacks leaves all to its first part. */
function boxesByCuts(shape: Shape, cuts: readonly Cut[], cuttable: readonly number[]): Box[] {
  let boxes: Box[] = [fullBox(shape)];
  for (const cut of cuts) {
    const axis = axisOf(shape, cut.axis);
    boxes = boxes.flatMap((box) => {
      const nothing: Box = shape.map(() => [0, 0]);
      if (axis === undefined || !cuttable.includes(axis)) {
        return cut.shares.map((_, part) => (part === 0 ? box : nothing));
      }
      return cutRanges(shape[axis]!, cut).map((range): Box => {
        if (isEmpty(box) || range[0] === range[1]) return nothing;
        return box.map((known, i) => (i === axis ? range : known));
      });
    });
  }
  return boxes;
}

/** Consecutive ranges in proportion to the shares; some are empty when there are more parts than elements. */
export function cutRanges(extent: number, { shares, multipleOf = 1 }: Omit<Cut, 'axis'>): Range[] {
  const total = shares.reduce((sum, share) => sum + share, 0);
  let sum = 0;
  let start = 0;
  return shares.map((share, part) => {
    sum += share;
    const rounded = Math.round((extent * sum) / total / multipleOf) * multipleOf;
    const end = part === shares.length - 1 ? extent : Math.min(extent, Math.max(start, rounded));
    const range: Range = [start, end];
    start = end;
    return range;
  });
}

function checkCuts(last: OpNode, cuts: readonly Cut[]): void {
  for (const [index, cut] of cuts.entries()) {
    checkCut(last, cut);
    if (cuts.slice(index + 1).some(({ axis }) => axis === cut.axis)) {
      throw invalid(last, `the split cuts ${cut.axis} twice: give all shares in one cut`);
    }
  }
}

function checkCut(last: OpNode, { axis, shares, multipleOf = 1 }: Cut): void {
  const sound = shares.length > 0 && shares.every((share) => Number.isFinite(share) && share >= 0);
  if (!sound || !shares.some((share) => share > 0)) {
    throw invalid(
      last,
      `the shares along ${axis} must be numbers from 0 up, one above 0, got [${shares.join(', ')}]`,
    );
  }
  if (!Number.isInteger(multipleOf) || multipleOf < 1) {
    throw invalid(
      last,
      `cuts along ${axis} fall on multiples of a whole number from 1 up, got ${multipleOf}`,
    );
  }
}

/** A cut that no live tensor can follow is a mistake, not a tile with all the work. */
function checkCuttable(graph: Graph, live: readonly OpNode[], cuts: readonly Cut[]): void {
  const shapes = tensorShapes(graph);
  for (const cut of cuts) {
    const follows = live.some((node) => {
      const axis = axisOf(shapes.get(node.id)!, cut.axis);
      const tileable = definitionOf(node.op).tileableAxes(node.op, inputShapes(node, shapes));
      return axis !== undefined && tileable.includes(axis);
    });
    if (follows || cut.shares.length === 1) continue;
    const node = live.at(-1)!;
    const rank = shapes.get(node.id)!.length;
    const tileable = definitionOf(node.op).tileableAxes(node.op, inputShapes(node, shapes));
    const legal = tileable.map((axis) => axisName(rank, axis)).join(', ');
    throw invalid(
      node,
      axisOf(shapes.get(node.id)!, cut.axis) === undefined
        ? `its output has no ${cut.axis}: it can be cut along ${legal || 'nothing'}`
        : `it cannot be cut along its ${cut.axis}: ${legal ? `only along ${legal}` : 'one tile computes it whole'}`,
    );
  }
}

function checkOnlyLive(last: OpNode, live: readonly TensorId[]): void {
  const others = live.filter((tensor) => tensor !== last.id);
  if (others.length === 0) return;
  throw invalid(
    last,
    `a segment with partial sums may hand on nothing but its last op's output, and [${others.join(', ')}] are needed later too: begin the segment behind them`,
  );
}

const invalid = (node: OpNode, reason: string): PeerceptronError =>
  new PeerceptronError('PLAN_INVALID', `op '${node.id}' (${node.op.kind}): ${reason}`, {
    details: { op: node.id },
  });
