import type { Graph } from '../../src/graph/graph.ts';
import { tensorShapes } from '../../src/graph/shapes.ts';
import type { Plan } from '../../src/planner/plan.ts';

/** What generated cases must not run short of. */
export const STRUCTURES = [
  'one spatial axis',
  'two spatial axes',
  'three spatial axes',
  'chain',
  'residual sum',
  'concatenation',
  'separable convolution',
  'dense layer',
  'enlargement',
  'normalisation across channels',
  'lanes',
  'band of rows',
  'slice of channels',
  'fused tiles',
  'partial sums of a convolution',
  'partial sums of a dense layer',
  'several live tensors at a cut',
] as const;

export type Structure = (typeof STRUCTURES)[number];

/** The structures that a graph and its plan hold. */
export function structuresOf(graph: Graph, plan: Plan): Set<Structure> {
  const found = new Set<Structure>();
  const shapes = tensorShapes(graph);
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]));
  const rank = graph.inputs[0]!.shape.length - 1;
  found.add((['one spatial axis', 'two spatial axes', 'three spatial axes'] as const)[rank - 1]!);
  let chain = graph.outputs.length === 1;
  for (const { op, inputs } of graph.nodes) {
    if (inputs.length > 1) chain = false;
    if (op.kind === 'concat') found.add('concatenation');
    if (op.kind === 'upsample') found.add('enlargement');
    if (op.kind === 'lrn') found.add('normalisation across channels');
    if (op.kind === 'dense') found.add('dense layer');
    if (op.kind === 'merge' && op.mode === 'add') found.add('residual sum');
    if (op.kind !== 'conv' || op.kernelSize.some((size) => size > 1)) continue;
    const before = nodes.get(inputs[0]!)?.op;
    const depthwise = before?.kind === 'conv' && before.groups > 1;
    if (depthwise && op.groups === 1) found.add('separable convolution');
  }
  if (chain) found.add('chain');
  for (const { ops, lanes } of plan.segments) {
    if (lanes.length > 1) found.add('lanes');
    const last = graph.nodes[ops[1] - 1]!;
    for (const { tiles } of lanes) {
      const busy = tiles.filter(({ outputs }) =>
        outputs.every(({ box }) => box.every(([start, end]) => start < end)),
      );
      for (const { outputs, reduce } of busy) {
        const { tensor, box } = outputs[0]!;
        const cut = (axis: number): boolean => {
          const [start, end] = box.at(axis)!;
          return end - start < shapes.get(tensor)!.at(axis)!;
        };
        if (outputs.length > 1) found.add('several live tensors at a cut');
        if (box.length > 1 && cut(-1)) found.add('slice of channels');
        if (box.length > 1 && cut(0)) found.add('band of rows');
        if (box.length > 1 && cut(0) && ops[1] - ops[0] > 2) found.add('fused tiles');
        if (!reduce || busy.length < 2) continue;
        if (last.op.kind === 'conv') found.add('partial sums of a convolution');
        if (last.op.kind === 'dense') found.add('partial sums of a dense layer');
      }
    }
  }
  return found;
}
