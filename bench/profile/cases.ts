import { boxShape, boxSize, fullBox, isEmpty, type Box } from '../../src/graph/box.ts';
import type { Graph } from '../../src/graph/graph.ts';
import { definitionOf } from '../../src/graph/ops/index.ts';
import { inputShapes, tensorShapes } from '../../src/graph/shapes.ts';
import { compileTile, type TileProgram } from '../../src/graph/tile-program.ts';
import type { Random } from '../../src/shared/random.ts';

/** One tile whose time is predicted and measured. */
export interface TileCase {
  readonly network: string;
  /** Of what of it: the whole model, one layer, a piece of one layer. */
  readonly part: 'model' | 'segment' | 'layer' | 'piece';
  readonly name: string;
  readonly program: TileProgram;
}

const HEAVY = new Set([
  'conv',
  'dense',
  'max-pool',
  'avg-pool',
  'global-pool',
  'lrn',
  'merge',
  'softmax',
  'concat',
  'upsample',
]);

/** Runs of ops that begin with each op that takes its time and end before the next one, as long as one tensor leaves them. */
function layersOf(graph: Graph): [start: number, end: number][] {
  const runs: [number, number][] = [];
  const { nodes } = graph;
  for (let start = 0; start < nodes.length; start += 1) {
    let end = start + 1;
    while (
      end < nodes.length &&
      !HEAVY.has(nodes[end]!.op.kind) &&
      nodes[end]!.inputs.length === 1 &&
      nodes[end]!.inputs[0] === nodes[end - 1]!.id &&
      consumers(graph, nodes[end - 1]!.id) === 1
    )
      end += 1;
    runs.push([start, end]);
    start = end - 1;
  }
  return runs;
}

const consumers = (graph: Graph, id: string): number =>
  graph.nodes.filter((node) => node.inputs.includes(id)).length + (graph.outputs.includes(id) ? 1 : 0);

/** The first `share` of the box along an axis. */
const firstOf = (box: Box, axis: number, share: number): Box =>
  box.with(axis, [0, Math.max(1, Math.round(box[axis]![1] * share))]);

function signatureOf(program: TileProgram): string {
  return JSON.stringify([
    program.steps.map(({ op, inputs, output, inputShapes: shapes }) => [
      op,
      inputs.map(({ region, padding }) => [boxShape(region), padding]),
      boxShape(output),
      shapes,
    ]),
  ]);
}

/** Every layer of a network, pieces of the larger ones, segments between single tensors, and the network as a whole. */
export function tileCases(network: string, graph: Graph): TileCase[] {
  const shapes = tensorShapes(graph);
  const known = new Set<string>();
  const cases: TileCase[] = [];
  const add = (
    part: TileCase['part'],
    name: string,
    ops: [number, number],
    outputs: { tensor: string; box: Box }[],
  ): void => {
    const program = compileTile(graph, { ops, outputs });
    const signature = `${part} ${signatureOf(program)}`;
    if (known.has(signature) || outputs.some(({ box }) => isEmpty(box))) return;
    known.add(signature);
    cases.push({ network, part, name, program });
  };
  for (const [start, end] of layersOf(graph)) {
    const first = graph.nodes[start]!;
    const last = graph.nodes[end - 1]!;
    const whole = fullBox(shapes.get(last.id)!);
    const one = (part: TileCase['part'], what: string, box: Box): void =>
      add(part, `${first.id}${what}`, [start, end], [{ tensor: last.id, box }]);
    one('layer', '', whole);
    const axes = definitionOf(first.op).tileableAxes(first.op, inputShapes(first, shapes));
    const channels = whole.length - 1;
    if (first.op.kind === 'dense') {
      one('piece', ' ¼ units', firstOf(whole, 0, 1 / 4));
    } else if (boxSize(whole) > 1000) {
      if (axes.includes(0) && channels > 0) one('piece', ' ½ band', firstOf(whole, 0, 1 / 2));
      if (axes.includes(channels)) one('piece', ' ½ channels', firstOf(whole, channels, 1 / 2));
    }
  }
  const outputs = graph.outputs.map((tensor) => ({ tensor, box: fullBox(shapes.get(tensor)!) }));
  add('model', 'whole', [0, graph.nodes.length], outputs);
  return cases;
}

/** Numbers of the size that trained networks have: none of them so small that processors slow down. */
export function randomBuffer(random: Random, box: Box, scale: number): Float32Array {
  const values = new Float32Array(boxSize(box));
  const period = Math.min(values.length, 4099);
  for (let index = 0; index < period; index += 1) values[index] = (random.next() - 0.5) * scale;
  for (let done = period; done < values.length; done *= 2)
    values.copyWithin(done, 0, Math.min(done, values.length - done));
  return values;
}
