import { formatShape } from './box.ts';
import { consumersOf } from './consumers.ts';
import type { Graph, OpNode, TensorId } from './graph.ts';
import type { ConvOp, PadOp, Padding } from './op.ts';
import { conv } from './ops/conv.ts';
import { tensorShapes } from './shapes.ts';

/**
 * Takes out what computes nothing: identities, reshapes to the same shape, padding by nothing, concatenations of one
 * tensor; and lets convolutions do the zero padding in front of them. Graph outputs keep their ids, values their bits.
 */
export function simplify(graph: Graph): Graph {
  return removeIdentities(absorbPadding(graph));
}

function isNoOp(graph: Graph, node: OpNode): boolean {
  const { op } = node;
  if (op.kind === 'identity') return true;
  if (op.kind === 'concat') return node.inputs.length === 1;
  if (op.kind === 'pad') return op.padding.every(([before, after]) => before === 0 && after === 0);
  if (op.kind !== 'reshape') return false;
  return formatShape(op.shape) === formatShape(tensorShapes(graph).get(node.inputs[0]!)!);
}

function removeIdentities(graph: Graph): Graph {
  const outputs = new Set(graph.outputs);
  const inputs = new Set(graph.inputs.map(({ id }) => id));
  // What a removed op's id, or a renamed op's id, stands for now.
  const alias = new Map<TensorId, TensorId>();
  const resolve = (id: TensorId): TensorId => {
    let current = id;
    for (let next = alias.get(current); next !== undefined; next = alias.get(current)) current = next;
    return current;
  };
  const kept: OpNode[] = [];
  for (const node of graph.nodes) {
    if (!isNoOp(graph, node)) {
      kept.push(node);
      continue;
    }
    const source = resolve(node.inputs[0]!);
    if (!outputs.has(node.id)) alias.set(node.id, source);
    else if (inputs.has(source) || outputs.has(source)) {
      // Both names are asked for, or an input is the output: one op has to stay.
      kept.push(node.op.kind === 'identity' ? node : { ...node, op: { kind: 'identity' } });
    } else {
      // The op that makes the tensor takes over the output's id.
      const index = kept.findIndex(({ id }) => id === source);
      kept[index] = { ...kept[index]!, id: node.id };
      alias.set(source, node.id);
    }
  }
  if (kept.length === graph.nodes.length && kept.every((node, i) => node === graph.nodes[i])) return graph;
  return { ...graph, nodes: kept.map((node) => ({ ...node, inputs: node.inputs.map(resolve) })) };
}

/** A zero padding of the spatial axes whose readers are all convolutions becomes their own padding; one that nobody reads goes. */
function absorbPadding(graph: Graph): Graph {
  const consumers = consumersOf(graph);
  const outputs = new Set(graph.outputs);
  const shapes = tensorShapes(graph);
  const absorbed = new Map<TensorId, OpNode>();
  const widened = new Map<TensorId, ConvOp>();
  for (const node of graph.nodes) {
    const { op } = node;
    if (op.kind !== 'pad' || op.value !== 0 || outputs.has(node.id)) continue;
    const [before, after] = op.padding.at(-1)!;
    if (before !== 0 || after !== 0) continue;
    const readers = consumers.get(node.id) ?? [];
    const input = shapes.get(node.inputs[0]!)!;
    const wider = readers.map((reader) =>
      reader.op.kind === 'conv' ? withPadding(reader.op, op) : undefined,
    );
    if (!wider.every((convolution) => convolution && fits(convolution, input))) continue;
    absorbed.set(node.id, node);
    readers.forEach((reader, index) => widened.set(reader.id, wider[index]!));
  }
  if (absorbed.size === 0) return graph;
  const nodes = graph.nodes
    .filter(({ id }) => !absorbed.has(id))
    .map((node) => {
      const op = widened.get(node.id);
      return op ? { ...node, op, inputs: [absorbed.get(node.inputs[0]!)!.inputs[0]!] } : node;
    });
  return { ...graph, nodes };
}

function withPadding(convolution: ConvOp, pad: PadOp): ConvOp {
  const padding = convolution.padding.map(([before, after], axis): Padding => {
    const [more, behind] = pad.padding[axis]!;
    return [before + more, after + behind];
  });
  return { ...convolution, padding };
}

/** A window wholly in padding is refused, and so is padding beyond the cap: then the padding op stays. */
function fits(convolution: ConvOp, input: readonly number[]): boolean {
  try {
    conv.outputShape(conv.parse(convolution), [input]);
    return true;
  } catch {
    return false;
  }
}
