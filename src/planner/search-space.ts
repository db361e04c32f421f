import { consumersOf } from '../graph/consumers.ts';
import { boxSize, fullBox, isEmpty, type Box, type Shape } from '../graph/box.ts';
import type { Graph, OpNode, TensorId } from '../graph/graph.ts';
import { definitionOf } from '../graph/ops/index.ts';
import { liveBytes, mostLiveBytes } from '../graph/live-bytes.ts';
import { inputShapes, tensorShapes } from '../graph/shapes.ts';
import { compileTile, type TileProgram, type TileTensor } from '../graph/tile-program.ts';
import { axisOf } from './axes.ts';
import { programWork, type Work } from './cost-model.ts';
import { largestFilterBytes, programInputBytes, programWeightBytes, programWorkBytes } from './memory.ts';
import type { Cut } from './splits.ts';
import { cutRanges } from './splits.ts';

/** A tile's costs, whoever computes it. */
export interface TileCost {
  readonly work: Work;
  readonly inputs: readonly TileTensor[];
  readonly outputs: readonly TileTensor[];
  readonly reduce?: Box;
  /** False for a tile that has nothing to do. */
  readonly computes: boolean;
  readonly program: TileProgram;
  readonly weightBytes: number;
  readonly inputBytes: number;
  /** On engines that hold weights packed, and on those that hold them once. */
  readonly workBytes: number;
  readonly liveBytes: number;
  /** Never less, and never less than the panels by which the engine copies a filter; looked up in no time. */
  readonly mostLiveBytes: number;
}

/** How the ops of a segment are dealt to the devices of a lane, who are named apart from it. */
export interface Layout {
  /** Of what the segment makes; the tiles are their product, the last one varying fastest. */
  readonly cuts: readonly Cut[];
  /** Of the last op's contraction: partial sums. */
  readonly sum?: Cut;
}

export const WHOLE: Layout = { cuts: [] };

export const layoutSize = ({ cuts, sum }: Layout): number =>
  cuts.reduce((count, { shares }) => count * shares.length, 1) * (sum?.shares.length ?? 1);

interface SegmentFacts {
  readonly live: readonly OpNode[];
  readonly shapes: readonly Shape[];
  readonly tileable: readonly (readonly number[])[];
  readonly last: OpNode;
  /** Of the last op's contraction, if it may be split into partial sums that are all that the segment hands on. */
  readonly domain: Shape | undefined;
  readonly layouts: Map<string, readonly TileCost[]>;
}

/** What can be done with a graph: where it can be cut, into which tiles, and what these cost. Knows no devices. */
export class SearchSpace {
  readonly graph: Graph;
  readonly shapes: ReadonlyMap<TensorId, Shape>;
  /** Where segments may begin and end, from 0 to the number of ops. */
  readonly cutPoints: readonly number[];
  /** Float32 bytes of the tensors alive at each op index. */
  readonly bytesAt: readonly number[];
  /** Of each op's output: the last op that reads it, the number of ops where it is an output of the graph. */
  readonly #lastUses: readonly number[];
  readonly #segments = new Map<number, SegmentFacts>();
  readonly #tiles = new Map<string, TileCost>();

  constructor(graph: Graph) {
    this.graph = graph;
    this.shapes = tensorShapes(graph);
    this.bytesAt = aliveBytes(graph, this.shapes);
    const uses = new Map<TensorId, number>();
    for (const [index, { inputs }] of graph.nodes.entries()) for (const id of inputs) uses.set(id, index);
    for (const id of graph.outputs) uses.set(id, graph.nodes.length);
    this.#lastUses = graph.nodes.map(({ id }) => uses.get(id) ?? -1);
    this.cutPoints = cutPointsOf(graph);
  }

  /** The tiles of a layout; `undefined` where ops cannot be cut like that, or a part of it is left with nothing. */
  tiles(start: number, end: number, layout: Layout): readonly TileCost[] | undefined {
    const facts = this.#facts(start, end);
    const key = layoutKey(layout);
    const known = facts.layouts.get(key);
    if (known) return known.length > 0 ? known : undefined;
    const made = this.#makeTiles(start, end, facts, layout) ?? [];
    facts.layouts.set(key, made);
    return made.length > 0 ? made : undefined;
  }

  /** Whether the last op's contraction may be split, and its shape. */
  sumDomain(start: number, end: number): Shape | undefined {
    return this.#facts(start, end).domain;
  }

  /** Shapes of what a segment hands on, in topological order. */
  outputShapes(start: number, end: number): readonly Shape[] {
    return this.#facts(start, end).shapes;
  }

  /** The largest extent of an axis among the tensors that can be cut along it; 0 where there is none. */
  extent(start: number, end: number, axis: Cut['axis']): number {
    const { shapes, tileable } = this.#facts(start, end);
    let most = 0;
    for (const [index, shape] of shapes.entries()) {
      const at = axisOf(shape, axis);
      if (at !== undefined && tileable[index]!.includes(at)) most = Math.max(most, shape[at]!);
    }
    return most;
  }

  #facts(start: number, end: number): SegmentFacts {
    const key = start * (this.graph.nodes.length + 1) + end;
    const known = this.#segments.get(key);
    if (known) return known;
    const { nodes } = this.graph;
    const live: OpNode[] = [];
    for (let op = start; op < end; op++) if (this.#lastUses[op]! >= end) live.push(nodes[op]!);
    const last = nodes[end - 1]!;
    const definition = definitionOf(last.op);
    const domain = definition.reduceShape(last.op, inputShapes(last, this.shapes));
    const sums = definition.linear && domain.length > 0 && live.length === 1 && live[0] === last;
    const facts: SegmentFacts = {
      live,
      shapes: live.map(({ id }) => this.shapes.get(id)!),
      tileable: live.map((node) =>
        definitionOf(node.op).tileableAxes(node.op, inputShapes(node, this.shapes)),
      ),
      last,
      domain: sums ? domain : undefined,
      layouts: new Map(),
    };
    this.#segments.set(key, facts);
    return facts;
  }

  #makeTiles(start: number, end: number, facts: SegmentFacts, { cuts, sum }: Layout): TileCost[] | undefined {
    const { live, shapes, tileable, domain } = facts;
    let cells: Box[][] = [shapes.map(fullBox)];
    for (const cut of cuts) {
      const parts = shapes.map((shape, index) => {
        const axis = axisOf(shape, cut.axis);
        const cuttable = axis !== undefined && tileable[index]!.includes(axis);
        return cuttable ? { axis, ranges: cutRanges(shape[axis]!, cut) } : undefined;
      });
      if (cut.shares.length > 1 && parts.every((part) => !part)) return undefined;
      cells = cells.flatMap((boxes) =>
        cut.shares.map((_, part) =>
          boxes.map((box, index): Box => {
            const along = parts[index];
            const nothing: Box = box.map(() => [0, 0]);
            if (!along) return part === 0 ? box : nothing;
            const range = along.ranges[part]!;
            if (range[0] === range[1] || isEmpty(box)) return nothing;
            return box.map((known, axis) => (axis === along.axis ? range : known));
          }),
        ),
      );
    }
    let sums: (Box | undefined)[] = [undefined];
    if (sum) {
      const axis = domain && axisOf(domain, sum.axis);
      if (axis === undefined) return undefined;
      const whole = fullBox(domain!);
      sums = cutRanges(domain![axis]!, sum).map((range) =>
        range[0] === range[1]
          ? whole.map(() => [0, 0])
          : whole.map((known, index) => (index === axis ? range : known)),
      );
    }
    return cells.flatMap((boxes) => {
      const outputs = boxes.map((box, index) => ({ tensor: live[index]!.id, box }));
      return sums.map((reduce) => this.#tile(start, end, outputs, reduce));
    });
  }

  #tile(start: number, end: number, outputs: readonly TileTensor[], reduce: Box | undefined): TileCost {
    let key = `${start} ${end}`;
    for (const { box } of outputs) for (const [from, to] of box) key += ` ${from} ${to}`;
    if (reduce) for (const [from, to] of reduce) key += ` ${from}-${to}`;
    const known = this.#tiles.get(key);
    if (known) return known;
    const program = compileTile(this.graph, { ops: [start, end], outputs, ...(reduce ? { reduce } : {}) });
    let most: number | undefined;
    const cost: TileCost = {
      work: programWork(program),
      inputs: program.inputs,
      outputs,
      ...(reduce ? { reduce } : {}),
      computes: program.steps.length > 0,
      program,
      weightBytes: programWeightBytes(program),
      inputBytes: programInputBytes(program),
      workBytes: programWorkBytes(program),
      // Few tiles are asked for these.
      get mostLiveBytes() {
        return (most ??= Math.max(mostLiveBytes(program), largestFilterBytes(program)));
      },
      get liveBytes() {
        return liveBytes(program);
      },
    };
    this.#tiles.set(key, cost);
    return cost;
  }
}

/** Equal for equal layouts. */
export function layoutKey({ cuts, sum }: Layout): string {
  let key = '';
  for (const { axis, shares, multipleOf } of cuts) key += `${axis}*${multipleOf ?? 1}:${shares.join()};`;
  return sum ? `${key}+${sum.axis}:${sum.shares.join()}` : key;
}

/**
 * Behind each op that the next one does not merely finish: bias, batch norm and activation stay with what they follow,
 * unless others read that as well, as where a residual block begins. Where partial sums end, before the bias, searches
 * cut on purpose.
 */
function cutPointsOf(graph: Graph): number[] {
  const { nodes } = graph;
  const consumers = consumersOf(graph);
  const points = [0];
  for (let index = 1; index < nodes.length; index++) {
    const { op, inputs } = nodes[index]!;
    const before = nodes[index - 1]!.id;
    const finishes = op.kind === 'bias' || op.kind === 'activation' || op.kind === 'batch-norm';
    const isSole = consumers.get(before)?.length === 1 && !graph.outputs.includes(before);
    if (!(finishes && isSole && inputs.includes(before))) points.push(index);
  }
  points.push(nodes.length);
  return points;
}

function aliveBytes(graph: Graph, shapes: ReadonlyMap<TensorId, Shape>): number[] {
  const { nodes, outputs } = graph;
  const lastUse = new Map<TensorId, number>();
  for (const [index, { inputs }] of nodes.entries()) for (const id of inputs) lastUse.set(id, index);
  for (const id of outputs) lastUse.set(id, nodes.length);
  const made = [
    ...graph.inputs.map(({ id }) => [id, -1] as const),
    ...nodes.map(({ id }, at) => [id, at] as const),
  ];
  const bytes = new Array<number>(nodes.length + 1).fill(0);
  for (const [id, at] of made) {
    const size = 4 * boxSize(fullBox(shapes.get(id)!));
    for (let index = at + 1; index <= (lastUse.get(id) ?? -1); index++) bytes[index]! += size;
  }
  return bytes;
}
