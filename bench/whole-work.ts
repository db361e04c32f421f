import { fullBox } from '../src/graph/box.ts';
import type { Graph } from '../src/graph/graph.ts';
import { tensorShapes } from '../src/graph/shapes.ts';
import { compileTile } from '../src/graph/tile-program.ts';
import { programWork, type Work } from '../src/planner/cost-model.ts';

/** What one device has to do that runs the whole network. */
export function wholeWork(graph: Graph): Work {
  const shapes = tensorShapes(graph);
  const outputs = graph.outputs.map((tensor) => ({ tensor, box: fullBox(shapes.get(tensor)!) }));
  return programWork(compileTile(graph, { ops: [0, graph.nodes.length], outputs }));
}
