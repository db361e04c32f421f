import { formatBox, formatShape, fullBox, type Box, type Shape } from '../graph/box.ts';
import type { Graph, OpNode, TensorId } from '../graph/graph.ts';
import { definitionOf } from '../graph/ops/index.ts';
import { inputShapes, tensorShapes } from '../graph/shapes.ts';
import { PeerceptronError } from '../shared/errors.ts';
import { shortId, type PeerId } from '../shared/ids.ts';
import { axisName } from './axes.ts';
import { isLossy } from './codec.ts';
import { compilePlan } from './compiled-plan.ts';
import { liveTensors } from './liveness.ts';
import { memoryPerPeer, type WeightStorageOf } from './memory.ts';
import { partitionFault } from './partition.ts';
import type { Lane, Plan, Segment } from './plan.ts';

/** Rule of `ARCHITECTURE.md`, "Plans", that a plan broke. */
export type PlanRule =
  | 'PL1' // segments are consecutive and cover every op
  | 'PL2' // every segment has lanes with a positive share and at least one tile
  | 'PL3' // a tile has exactly one output per live tensor of its segment
  | 'PL4' // per lane and live tensor, output box × reduce box is partitioned exactly
  | 'PL5' // boxes lie inside their tensors and cut only tileable axes
  | 'PL6' // reduce only on the last op of a segment, which is linear
  | 'PL7' // every peer's memory suffices
  | 'PL8'; // partial sums travel exactly, and codecs of inputs belong to inputs

export interface PlanProblem {
  readonly rule: PlanRule;
  /** Names op, axis and reason. */
  readonly message: string;
}

export interface VerifyOptions {
  /** Bytes that each peer offers; peers that are not named are not checked. */
  readonly memoryBytes?: ReadonlyMap<PeerId, number>;
  /** How these peers hold weights. */
  readonly weightStorageOf?: WeightStorageOf;
  /** Frames in flight that the memory must hold at once. */
  readonly window?: number;
}

/** Everything that is wrong with the plan, or nothing. */
export function planProblems(graph: Graph, plan: Plan, options: VerifyOptions = {}): PlanProblem[] {
  const problems: PlanProblem[] = [];
  const report = (rule: PlanRule, message: string): void => void problems.push({ rule, message });

  let next = 0;
  for (const [index, segment] of plan.segments.entries()) {
    const [start, end] = segment.ops;
    if (start !== next || end <= start || end > graph.nodes.length) {
      report('PL1', `segment ${index} ${misplaced(graph, segment.ops, next)}`);
      return problems;
    }
    next = end;
  }
  if (next !== graph.nodes.length) {
    report(
      'PL1',
      `the segments end at op ${next} of ${graph.nodes.length}: '${graph.nodes[next]!.id}' is in none`,
    );
    return problems;
  }

  checkInputCodecs(graph, plan, report);
  const shapes = tensorShapes(graph);
  for (const [index, segment] of plan.segments.entries()) {
    if (segment.lanes.length === 0) report('PL2', `segment ${index} has no lane`);
    for (const [laneIndex, lane] of segment.lanes.entries()) {
      const where = `segment ${index}, lane ${laneIndex}`;
      if (!(lane.share > 0)) report('PL2', `${where}: the share must be positive, got ${lane.share}`);
      if (lane.tiles.length === 0) report('PL2', `${where} has no tile`);
      checkLane(graph, shapes, segment, lane, where, report);
    }
  }
  if (problems.length > 0) return problems;

  if (options.memoryBytes) {
    const needs = memoryPerPeer(compilePlan(graph, plan), options.window ?? 1, options.weightStorageOf);
    for (const [peer, need] of needs) {
      const offered = options.memoryBytes.get(peer);
      if (offered !== undefined && need.totalBytes > offered) {
        report(
          'PL7',
          `peer ${shortId(peer)} offers ${megabytes(offered)} and the plan needs ${megabytes(need.totalBytes)} there ` +
            `(weights ${megabytes(need.weightBytes)}, activations ${megabytes(need.activationBytes)}): ${megabytes(need.totalBytes - offered)} are missing`,
        );
      }
    }
  }
  return problems;
}

/** Throws `PLAN_INVALID` (or `PLAN_MEMORY` when memory is all that is wrong) with every problem in the message. */
export function verifyPlan(graph: Graph, plan: Plan, options: VerifyOptions = {}): void {
  const problems = planProblems(graph, plan, options);
  if (problems.length === 0) return;
  const code = problems.every((problem) => problem.rule === 'PL7') ? 'PLAN_MEMORY' : 'PLAN_INVALID';
  const shown = problems.slice(0, 8).map((problem) => `[${problem.rule}] ${problem.message}`);
  const more = problems.length > shown.length ? `; and ${problems.length - shown.length} more` : '';
  throw new PeerceptronError(code, `the plan does not hold: ${shown.join('; ')}${more}`, {
    details: { problems },
  });
}

/** Why ops `[start, end)` cannot come where op `next` is expected. */
function misplaced(graph: Graph, [start, end]: Segment['ops'], next: number): string {
  const count = graph.nodes.length;
  const nameOf = (op: number): string => (op < count ? `op ${op}, '${graph.nodes[op]!.id}'` : 'the end');
  const has = `has ops [${start}, ${end})`;
  if (end <= start) return `${has}: it holds no op`;
  if (end > count) return `${has}, and the model has only ${count}`;
  return start > next
    ? `${has} and leaves out ${nameOf(next)}${start > next + 1 ? ` to ${nameOf(start - 1)}` : ''}`
    : `${has} and begins with ${nameOf(start)}, which is in a segment before: go on from ${nameOf(next)}`;
}

type Report = (rule: PlanRule, message: string) => void;

function checkLane(
  graph: Graph,
  shapes: ReadonlyMap<TensorId, Shape>,
  segment: Segment,
  lane: Lane,
  where: string,
  report: Report,
): void {
  const live = liveTensors(graph, segment.ops);
  const nodes = new Map(graph.nodes.slice(...segment.ops).map((node) => [node.id, node]));
  let sound = true;
  const fail: Report = (rule, message) => {
    sound = false;
    report(rule, message);
  };
  for (const [tileIndex, tile] of lane.tiles.entries()) {
    const here = `${where}, tile ${tileIndex} (peer ${shortId(tile.peer)})`;
    const named = tile.outputs.map((output) => output.tensor);
    if (named.length !== live.length || live.some((tensor, i) => named[i] !== tensor)) {
      fail(
        'PL3',
        `${here}: its outputs must be [${live.join(', ')}] in this order, got [${named.join(', ')}]`,
      );
      continue;
    }
    for (const { tensor, box } of tile.outputs) {
      const shape = shapes.get(tensor)!;
      checkTileBox(nodes.get(tensor)!, shapes, shape, box, here, fail);
    }
    if (tile.reduce) checkReduce(graph, shapes, segment, tile.reduce, live, here, fail);
  }
  checkCodecs(lane, where, report);
  if (!sound) return;

  const reduceDomain = lastOpReduceShape(graph, shapes, segment);
  for (const [position, tensor] of live.entries()) {
    const reduced = lane.tiles.some((tile) => tile.reduce !== undefined);
    const domain = reduced ? fullBox(reduceDomain) : [];
    const whole = [...fullBox(shapes.get(tensor)!), ...domain];
    const parts = lane.tiles.map((tile) => [
      ...tile.outputs[position]!.box,
      ...(reduced ? (tile.reduce ?? domain) : []),
    ]);
    const rank = whole.length - domain.length;
    const axes = whole.map((_, axis) =>
      axis < rank ? axisName(rank, axis) : `input ${axisName(domain.length, axis - rank)}`,
    );
    const fault = partitionFault(whole, parts, axes);
    if (fault) {
      const { op } = nodes.get(tensor)!;
      fail('PL4', `${where}: the tiles must make op '${tensor}' (${op.kind}) exactly once, and ${fault}`);
    }
  }
}

/** Errors of partial sums would add up, and hide how large the sum is. */
function checkCodecs(lane: Lane, where: string, report: Report): void {
  if (!lane.tiles.some(({ reduce }) => reduce)) return;
  for (const [tileIndex, { peer, outputs }] of lane.tiles.entries()) {
    for (const { tensor, codec = 'f32' } of outputs) {
      if (!isLossy(codec)) continue;
      report(
        'PL8',
        `${where}, tile ${tileIndex} (peer ${shortId(peer)}): op '${tensor}' is made as partial sums, which travel as f32 and not as ${codec}: leave the codec out`,
      );
    }
  }
}

function checkInputCodecs(graph: Graph, plan: Plan, report: Report): void {
  const named = new Set<TensorId>();
  for (const { tensor } of plan.inputs ?? []) {
    const where = `the codec of the input '${tensor}'`;
    if (!graph.inputs.some(({ id }) => id === tensor)) {
      report('PL8', `${where}: the model's inputs are ${graph.inputs.map(({ id }) => `'${id}'`).join(', ')}`);
    } else if (named.has(tensor)) report('PL8', `${where} is given twice`);
    named.add(tensor);
  }
}

function checkTileBox(
  node: OpNode,
  shapes: ReadonlyMap<TensorId, Shape>,
  shape: Shape,
  box: Box,
  here: string,
  report: Report,
): void {
  const misfit = boxMisfit(box, shape);
  if (misfit) {
    report('PL5', `${here}: op '${node.id}' (${node.op.kind}): ${misfit}`);
    return;
  }
  const tileable = definitionOf(node.op).tileableAxes(node.op, inputShapes(node, shapes));
  const legal = tileable.map((axis) => axisName(shape.length, axis)).join(', ');
  for (const [axis, range] of box.entries()) {
    const whole = range[0] === 0 && range[1] === shape[axis];
    if (!whole && range[0] < range[1] && !tileable.includes(axis)) {
      report(
        'PL5',
        `${here}: op '${node.id}' (${node.op.kind}) cannot be cut along its ${axisName(shape.length, axis)} (axis ${axis}), as ${range[0]}:${range[1]} of ${shape[axis]} does: ${
          legal ? `only along ${legal}` : 'one tile must make it whole'
        }`,
      );
    }
  }
}

function checkReduce(
  graph: Graph,
  shapes: ReadonlyMap<TensorId, Shape>,
  segment: Segment,
  reduce: Box,
  live: readonly TensorId[],
  here: string,
  report: Report,
): void {
  const last = graph.nodes[segment.ops[1] - 1]!;
  const definition = definitionOf(last.op);
  const domain = definition.reduceShape(last.op, inputShapes(last, shapes));
  if (!definition.linear || domain.length === 0) {
    report(
      'PL6',
      `${here}: op '${last.id}' (${last.op.kind}) cannot be computed as partial sums: only the last op of a segment, a convolution of one group or a dense layer`,
    );
    return;
  }
  if (live.length !== 1 || live[0] !== last.id) {
    report(
      'PL6',
      `${here}: a segment with partial sums may hand on nothing but '${last.id}', its last op, and [${live.filter((tensor) => tensor !== last.id).join(', ')}] are needed later too`,
    );
    return;
  }
  const misfit = boxMisfit(reduce, domain);
  if (misfit) report('PL6', `${here}: op '${last.id}' (${last.op.kind}): reduce: ${misfit}`);
}

/** What keeps a box from lying in a tensor, naming the axis, or `undefined`. */
function boxMisfit(box: Box, shape: Shape): string | undefined {
  if (box.length !== shape.length) {
    return `box ${formatBox(box)} has ${box.length} axes, and ${formatShape(shape)} has ${shape.length}`;
  }
  for (const [axis, [start, end]] of box.entries()) {
    const legal = Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start <= end;
    if (!legal || end > shape[axis]!) {
      return `box ${formatBox(box)} has ${start}:${end} along its ${axisName(shape.length, axis)} (axis ${axis}), which goes from 0 to ${shape[axis]}`;
    }
  }
  return undefined;
}

function lastOpReduceShape(graph: Graph, shapes: ReadonlyMap<TensorId, Shape>, segment: Segment): Shape {
  const last = graph.nodes[segment.ops[1] - 1]!;
  return definitionOf(last.op).reduceShape(last.op, inputShapes(last, shapes));
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 0)} MB`;
