import { boxSize, checkBox, isEmpty, shapeSize, type Shape } from '../graph/box.ts';
import type { Graph, ImageEncoding, OpNode } from '../graph/graph.ts';
import type { OpKind } from '../graph/op.ts';
import { consumersOf } from '../graph/consumers.ts';
import { nodeWeightShapes, tensorShapes } from '../graph/shapes.ts';
import { runsOf } from './box-reader.ts';
import { missing } from './stored-source.ts';
import type { WeightSource } from './weight-source.ts';

/** A tensor of random elements, uniform in `[center − spread, center + spread)`. */
export interface SeededTensor {
  readonly name: string;
  readonly shape: Shape;
  readonly center: number;
  readonly spread: number;
}

/** Elements computed between two breaths: some ten milliseconds, so that whoever shares the thread gets a turn. */
const BATCH_ELEMENTS = 1 << 20;

/**
 * Weights without a file: every element follows from the seed, the tensor's name and the element's place alone, so that
 * any device computes any box by itself, and all get the same bits (integer arithmetic and single IEEE operations only).
 * Elements repeat after 2³².
 */
export function seededSource(tensors: Iterable<SeededTensor>, seed: number): WeightSource {
  const byName = new Map<string, SeededTensor>();
  for (const tensor of tensors) byName.set(tensor.name, tensor);
  return {
    tensors: byName,
    read: async (name, box, signal) => {
      signal?.throwIfAborted();
      const tensor = byName.get(name) ?? missing(name, byName);
      checkBox(box, tensor.shape, `weight tensor '${name}'`);
      const result = new Float32Array(boxSize(box));
      if (isEmpty(box)) return result;
      const [low, high] = keysOf(seed, name);
      let filled = 0;
      let breath = BATCH_ELEMENTS;
      for (const [first, count] of runsOf(tensor.shape, box)) {
        for (let done = 0; done < count;) {
          const take = Math.min(count - done, breath);
          fill(result, filled, take, first + done, low, high, tensor.center, tensor.spread);
          done += take;
          filled += take;
          breath -= take;
          if (breath === 0 && filled < result.length) {
            await nextTask();
            signal?.throwIfAborted();
            breath = BATCH_ELEMENTS;
          }
        }
      }
      return result;
    },
  };
}

/** 1 / 2³¹: a 32-bit integer becomes −1 ≤ x < 1, exactly. */
const UNIT = 2 ** -31;

/** A counter through two rounds of a 32-bit finaliser (constants of "lowbias32"), the second key between them. */
function fill(
  target: Float32Array,
  at: number,
  count: number,
  first: number,
  low: number,
  high: number,
  center: number,
  spread: number,
): void {
  const start = first | 0;
  for (let i = 0; i < count; i++) {
    let x = (Math.imul(start + i, 0x9e3779b9) + low) | 0;
    x ^= x >>> 16;
    x = Math.imul(x, 0x7feb352d) ^ high;
    x ^= x >>> 15;
    x = Math.imul(x, 0x846ca68b);
    x ^= x >>> 16;
    target[at + i] = center + x * UNIT * spread;
  }
}

/** Two 32-bit keys from the seed and the name (FNV-1a). */
function keysOf(seed: number, name: string): readonly [low: number, high: number] {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  const low = finalised(hash ^ Math.imul(seed, 0x9e3779b9));
  return [low, finalised(low + seed)];
}

function finalised(value: number): number {
  let x = value | 0;
  x ^= x >>> 16;
  x = Math.imul(x, 0x7feb352d);
  x ^= x >>> 15;
  x = Math.imul(x, 0x846ca68b);
  return x ^ (x >>> 16);
}

/** Behind whatever events wait. Not a timer: those slow down to one a second in background tabs. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}

/**
 * Spreads for all weights of a graph (before batch norms are folded) with which activations neither die nor explode
 * through many layers: kernels as He et al. (arXiv:1502.01852), variance `2 / fan-in` where a rectifier follows,
 * `1 / fan-in` elsewhere, half of that before a sum; biases small; batch norms close to doing nothing, variances
 * positive. The first layer allows for the range of encoded pictures.
 */
export function seededTensors(graph: Graph): SeededTensor[] {
  const shapes = tensorShapes(graph);
  const variance = kernelVariances(graph);
  const tensors = new Map<string, SeededTensor>();
  for (const node of graph.nodes) {
    for (const { role, shape } of nodeWeightShapes(node, shapes)) {
      const name = node.weights[role]!;
      const [center, spread] = distributionOf(role, shape, variance(node));
      const input = role === 'kernel' ? graph.inputs.find(({ id }) => id === node.inputs[0]) : undefined;
      tensors.set(name, { name, shape, center, spread: spread / (input?.image ? pixelRms(input.image) : 1) });
    }
  }
  return [...tensors.values()];
}

function distributionOf(
  role: string,
  shape: Shape,
  variance: number,
): readonly [center: number, spread: number] {
  switch (role) {
    case 'kernel': {
      // Of a uniform distribution the variance is a third of the squared spread.
      const fanIn = shapeSize(shape.slice(0, -1));
      return [0, Math.sqrt((3 * variance) / fanIn)];
    }
    case 'gamma':
      return [1, 0.2];
    case 'variance':
      return [1, 0.3];
    default:
      return [0, 0.05];
  }
}

/** Root mean square of encoded pixels, were all brightnesses equally frequent. */
function pixelRms({ scale, offset }: ImageEncoding): number {
  let squares = 0;
  for (const [channel, factor] of scale.entries()) {
    const mean = 127.5 * factor + (offset[channel] ?? 0);
    squares += mean * mean + (factor * factor * 255 * 255) / 12;
  }
  return Math.sqrt(squares / scale.length);
}

const RECTIFIERS = new Set(['relu', 'relu6', 'leaky-relu', 'elu', 'selu', 'swish', 'gelu', 'softplus']);
const PASSING = new Set<OpKind>(['bias', 'batch-norm', 'max-pool', 'avg-pool', 'pad', 'identity']);

/**
 * Variance of an op's kernel, times its fan-in, by what reads its output (bias, batch norm, pools and padding aside): 2
 * for a rectifier, which halves the mean square; a half for a sum, so that residual blocks do not double it every time.
 */
function kernelVariances(graph: Graph): (node: OpNode) => number {
  const consumers = consumersOf(graph);
  const known = new Map<string, number>();
  const effect = ({ id, op }: OpNode): number => {
    if (op.kind === 'activation') return RECTIFIERS.has(op.function) ? 2 : 1;
    if (op.kind === 'merge') return 0.5;
    return PASSING.has(op.kind) ? known.get(id)! : 1;
  };
  const strongest = ({ id }: OpNode): number => {
    const readers = consumers.get(id);
    return readers ? readers.reduce((most, reader) => Math.max(most, effect(reader)), 0) : 1;
  };
  // Backwards, so that a chain of ops does not make a chain of calls.
  for (const node of graph.nodes.toReversed()) known.set(node.id, strongest(node));
  return (node) => known.get(node.id)!;
}
