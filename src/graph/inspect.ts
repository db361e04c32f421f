import { fullBox, shapeSize, type Shape } from './box.ts';
import type { Graph, TensorId } from './graph.ts';
import type { OpKind } from './op.ts';
import { definitionOf } from './ops/index.ts';
import { inputShapes, nodeWeightShapes, tensorShapes, weightShapes } from './shapes.ts';

export interface LayerReport {
  readonly id: TensorId;
  readonly op: OpKind;
  readonly outputShape: Shape;
  /** Elements of its weights. */
  readonly parameters: number;
  /** Multiply-accumulates of convolutions and dense layers; 0 for other ops, as papers count. */
  readonly macs: number;
  /** Of the output, float32. */
  readonly outputBytes: number;
  /** Axes of the output along which it may be cut into tiles. */
  readonly tileableAxes: readonly number[];
  /** Whether its contraction may be cut into partial sums. */
  readonly reducible: boolean;
}

/** What has to travel when the ops up to `after` (an index into `graph.nodes`, included) and the rest run apart. */
export interface CutReport {
  readonly after: number;
  readonly tensors: readonly { readonly id: TensorId; readonly shape: Shape }[];
  /** Of all of them, float32. */
  readonly bytes: number;
}

export interface GraphReport {
  /** Elements of all weights, shared ones once. */
  readonly parameters: number;
  /** Multiply-accumulates of convolutions and dense layers. */
  readonly macs: number;
  readonly layers: readonly LayerReport[];
  /** Every place where the graph may be cut in two; the last op has none behind it. */
  readonly cuts: readonly CutReport[];
}

/** Layers, parameters, multiply-accumulates, legal splits and cuts of a verified graph. */
export function graphCost(graph: Graph): GraphReport {
  const shapes = tensorShapes(graph);
  const layers = graph.nodes.map((node): LayerReport => {
    const { id, op } = node;
    const definition = definitionOf(op);
    const inputs = inputShapes(node, shapes);
    const outputShape = shapes.get(id)!;
    return {
      id,
      op: op.kind,
      outputShape,
      parameters: nodeWeightShapes(node, shapes).reduce((sum, { shape }) => sum + shapeSize(shape), 0),
      macs: definition.linear ? definition.cost(op, inputs, fullBox(outputShape)).macs : 0,
      outputBytes: 4 * shapeSize(outputShape),
      tileableAxes: definition.tileableAxes(op, inputs),
      reducible: definition.reduceShape(op, inputs).length > 0,
    };
  });
  let parameters = 0;
  for (const shape of weightShapes(graph).values()) parameters += shapeSize(shape);
  return {
    parameters,
    macs: layers.reduce((sum, layer) => sum + layer.macs, 0),
    layers,
    cuts: cutsOf(graph, shapes),
  };
}

function cutsOf(graph: Graph, shapes: ReadonlyMap<TensorId, Shape>): CutReport[] {
  const lastUse = new Map<TensorId, number>();
  for (const [index, node] of graph.nodes.entries()) {
    for (const input of node.inputs) lastUse.set(input, index);
  }
  const live = new Set(graph.inputs.map(({ id }) => id).filter((id) => lastUse.has(id)));
  const cuts: CutReport[] = [];
  for (const [index, node] of graph.nodes.slice(0, -1).entries()) {
    for (const input of node.inputs) if (lastUse.get(input) === index) live.delete(input);
    if (lastUse.has(node.id)) live.add(node.id);
    const tensors = [...live].map((id) => ({ id, shape: shapes.get(id)! }));
    cuts.push({
      after: index,
      tensors,
      bytes: tensors.reduce((sum, { shape }) => sum + 4 * shapeSize(shape), 0),
    });
  }
  return cuts;
}
