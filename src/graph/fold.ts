import { isEmpty, type Box, type Shape } from './box.ts';
import { consumersOf } from './consumers.ts';
import type { Graph, OpNode, TensorId } from './graph.ts';
import { nodeWeightShapes, tensorShapes, weightShapes } from './shapes.ts';

/** Names of the batch norm's weights, each a vector over the channels. */
export interface FoldedNorm {
  readonly mean: string;
  readonly variance: string;
  readonly gamma?: string;
  readonly beta?: string;
  readonly epsilon: number;
}

/**
 * A weight of a folded graph and how it follows from the original ones. With `s = gamma / √(variance + epsilon)` per
 * output channel (the kernel's last axis): a kernel becomes `source · s`, a bias `(source − mean) · s + beta`.
 */
export interface FoldedWeight {
  readonly name: string;
  readonly shape: Shape;
  readonly role: 'kernel' | 'bias';
  /** The original kernel or bias; a layer without a bias has none. */
  readonly source?: string;
  readonly norm: FoldedNorm;
}

export interface FoldedGraph {
  readonly graph: Graph;
  /** The weights that exist in no file; every other weight of the graph keeps its name and values. */
  readonly weights: readonly FoldedWeight[];
}

/** Reads a box of an original weight, row-major. */
export type ReadWeightBox = (name: string, box: Box) => Promise<Float32Array>;

interface Chain {
  readonly linear: OpNode;
  readonly bias?: OpNode;
  readonly norm: OpNode;
}

/**
 * Folds each batch norm into the convolution or dense layer before it (a bias may stand between), where no one else
 * reads what lies between. Never forward into a later layer: the padding there would have to be folded too.
 *
 * Tensors that outlive the fold keep their ids: the new bias has the batch norm's.
 */
export function foldBatchNorm(graph: Graph): FoldedGraph {
  const chains = foldableChains(graph);
  const shapes = tensorShapes(graph);
  const taken = new Set(weightShapes(graph).keys());
  const unused = (name: string): string => {
    let free = name;
    for (let count = 2; taken.has(free); count++) free = `${name}-${count}`;
    taken.add(free);
    return free;
  };

  const weights: FoldedWeight[] = [];
  const replaced = new Map<TensorId, OpNode | undefined>();
  for (const { linear, bias, norm } of chains) {
    if (norm.op.kind !== 'batch-norm') continue;
    const { mean, variance, gamma, beta } = norm.weights;
    const recipe: FoldedNorm = {
      mean: mean!,
      variance: variance!,
      epsilon: norm.op.epsilon,
      ...(gamma === undefined ? {} : { gamma }),
      ...(beta === undefined ? {} : { beta }),
    };
    // Ids may be as long as names may be; leave room for the suffix.
    const stem = norm.id.slice(0, 170);
    const { shape } = nodeWeightShapes(linear, shapes)[0]!;
    const kernel = unused(`${stem}/folded-kernel`);
    weights.push({ name: kernel, shape, role: 'kernel', source: linear.weights['kernel']!, norm: recipe });
    const vector = unused(`${stem}/folded-bias`);
    weights.push({
      name: vector,
      shape: [shape.at(-1)!],
      role: 'bias',
      ...(bias ? { source: bias.weights['bias']! } : {}),
      norm: recipe,
    });
    replaced.set(linear.id, { ...linear, weights: { kernel } });
    if (bias) replaced.set(bias.id, undefined);
    replaced.set(norm.id, {
      id: norm.id,
      op: { kind: 'bias' },
      inputs: [linear.id],
      weights: { bias: vector },
    });
  }
  if (replaced.size === 0) return { graph, weights };
  const nodes = graph.nodes.flatMap((node) => {
    if (!replaced.has(node.id)) return [node];
    const other = replaced.get(node.id);
    return other ? [other] : [];
  });
  return { graph: { ...graph, nodes }, weights };
}

function foldableChains(graph: Graph): Chain[] {
  const consumers = consumersOf(graph);
  const outputs = new Set(graph.outputs);
  const onlyConsumer = (node: OpNode): OpNode | undefined => {
    const readers = consumers.get(node.id) ?? [];
    return readers.length === 1 && !outputs.has(node.id) ? readers[0] : undefined;
  };
  const chains: Chain[] = [];
  for (const linear of graph.nodes) {
    if (linear.op.kind !== 'conv' && linear.op.kind !== 'dense') continue;
    const next = onlyConsumer(linear);
    if (next?.op.kind === 'batch-norm') chains.push({ linear, norm: next });
    if (next?.op.kind !== 'bias') continue;
    const norm = onlyConsumer(next);
    if (norm?.op.kind === 'batch-norm') chains.push({ linear, bias: next, norm });
  }
  return chains;
}

/** Any box of a folded weight, row-major, from the boxes of the originals that it takes; computed in double precision. */
export async function deriveWeights(
  recipe: FoldedWeight,
  box: Box,
  read: ReadWeightBox,
): Promise<Float32Array> {
  if (isEmpty(box)) return new Float32Array(0);
  const channels: Box = [box.at(-1)!];
  const vector = (name: string | undefined) => (name === undefined ? undefined : read(name, channels));
  const { norm } = recipe;
  const [source, mean, variance, gamma, beta] = await Promise.all([
    recipe.source === undefined ? undefined : read(recipe.source, box),
    read(norm.mean, channels),
    read(norm.variance, channels),
    vector(norm.gamma),
    vector(norm.beta),
  ]);
  const scale = Float64Array.from(
    variance,
    (value, channel) => (gamma?.[channel] ?? 1) / Math.sqrt(value + norm.epsilon),
  );
  const count = scale.length;
  if (recipe.role === 'kernel') return source!.map((value, index) => value * scale[index % count]!);
  return mean.map(
    (value, channel) => ((source?.[channel] ?? 0) - value) * scale[channel]! + (beta?.[channel] ?? 0),
  );
}
