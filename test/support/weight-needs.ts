import type { Range } from '../../src/graph/box.ts';
import type { Graph, TensorId } from '../../src/graph/graph.ts';
import { tensorShapes } from '../../src/graph/shapes.ts';

/** The part of a reported plan that decides who needs which weights. */
export interface DealtPlan {
  readonly segments: readonly {
    readonly ops: readonly [number, number];
    readonly lanes: readonly { readonly tiles: readonly DealtTile[] }[];
  }[];
}

interface DealtTile {
  readonly peer: string;
  readonly outputs: readonly { readonly tensor: string; readonly box: readonly Range[] }[];
  readonly reduce?: readonly Range[];
}

const length = ([start, end]: Range): number => end - start;
const product = (values: readonly number[]): number => values.reduce((all, value) => all * value, 1);

/**
 * Bytes of weights that each peer's tiles need, counted anew from the channels alone (where a tile lies in space changes
 * nothing): a check on what the program derives from boxes. For the ops of the four networks, batch norms folded.
 */
export function weightNeeds(graph: Graph, plan: DealtPlan): Map<string, number> {
  const needs = new Map<string, number>();
  for (const { ops, lanes } of plan.segments) {
    for (const tile of lanes.flatMap(({ tiles }) => tiles)) {
      const bytes = 4 * tileWeights(graph, ops, tile);
      needs.set(tile.peer, (needs.get(tile.peer) ?? 0) + bytes);
    }
  }
  return needs;
}

function tileWeights(graph: Graph, ops: readonly [number, number], tile: DealtTile): number {
  const shapes = tensorShapes(graph);
  const wanted = new Map<TensorId, Range>();
  const want = (tensor: TensorId, [start, end]: Range): void => {
    const known = wanted.get(tensor) ?? [start, end];
    wanted.set(tensor, [Math.min(start, known[0]), Math.max(end, known[1])]);
  };
  for (const { tensor, box } of tile.outputs)
    if (box.every((range) => length(range) > 0)) want(tensor, box.at(-1)!);

  let elements = 0;
  for (const { id, op, inputs } of graph.nodes.slice(...ops).toReversed()) {
    const channels = wanted.get(id);
    if (!channels) continue;
    const input = shapes.get(inputs[0]!)!;
    const all: Range = [0, input.at(-1)!];
    switch (op.kind) {
      case 'conv': {
        const depthwise = op.groups > 1;
        const contracted = depthwise ? 1 : length(tile.reduce?.[0] ?? all);
        elements += product(op.kernelSize) * contracted * length(channels);
        want(inputs[0]!, depthwise ? channels : all);
        break;
      }
      case 'dense':
        elements += (tile.reduce ? product(tile.reduce.map(length)) : product(input)) * length(channels);
        want(inputs[0]!, all);
        break;
      case 'softmax':
        want(inputs[0]!, all);
        break;
      case 'bias':
        elements += length(channels);
        want(inputs[0]!, channels);
        break;
      case 'activation':
      case 'max-pool':
      case 'global-pool':
      case 'merge':
        for (const each of inputs) want(each, channels);
        break;
      case 'avg-pool':
      case 'batch-norm':
      case 'concat':
      case 'identity':
      case 'lrn':
      case 'pad':
      case 'reshape':
      case 'upsample':
        throw new Error(`the weights of a ${op.kind} are not counted here`);
    }
  }
  return elements;
}
