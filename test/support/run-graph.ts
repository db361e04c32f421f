import type { Engine } from '../../src/engine/engine.ts';
import { createReferenceEngine } from '../../src/engine/reference.ts';
import { fullBox } from '../../src/graph/box.ts';
import type { Graph, TensorId } from '../../src/graph/graph.ts';
import { cropRegion } from '../../src/graph/region-copy.ts';
import { tensorShapes } from '../../src/graph/shapes.ts';
import { compileTile } from '../../src/graph/tile-program.ts';
import type { WeightSource } from '../../src/weights/weight-source.ts';

/** Runs the whole graph as one tile and returns its outputs by name. */
export async function runGraph(
  graph: Graph,
  weights: WeightSource,
  inputs: Readonly<Record<TensorId, Float32Array>>,
  engine: Engine = createReferenceEngine(),
): Promise<Map<TensorId, Float32Array>> {
  const shapes = tensorShapes(graph);
  const program = compileTile(graph, {
    ops: [0, graph.nodes.length],
    outputs: graph.outputs.map((tensor) => ({ tensor, box: fullBox(shapes.get(tensor)!) })),
  });
  const buffers = await Promise.all(program.weights.map(({ name, box }) => weights.read(name, box)));
  const tile = await engine.load(program, buffers);
  // A graph may leave the edge of its input unread.
  const result = await tile.run(
    program.inputs.map(({ tensor, box }) => cropRegion(inputs[tensor]!, fullBox(shapes.get(tensor)!), box)),
  );
  await tile.dispose();
  return new Map(program.outputs.map(({ tensor }, index) => [tensor, result.outputs[index]!]));
}
