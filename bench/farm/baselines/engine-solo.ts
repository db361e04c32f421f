import { createTfjsEngine } from '../../../src/engine/tfjs.ts';
import { fullBox } from '../../../src/graph/box.ts';
import { tensorShapes } from '../../../src/graph/shapes.ts';
import { compileTile } from '../../../src/graph/tile-program.ts';
import type { Network } from '../../overhead/networks.ts';
import type { SoloModel } from './solo-model.ts';

/** Our wasm engine with one tile that makes the whole output. */
export async function openEngineSolo({ graph, weights }: Network): Promise<SoloModel> {
  const engine = await createTfjsEngine({ backend: 'wasm' });
  const shapes = tensorShapes(graph);
  const program = compileTile(graph, {
    ops: [0, graph.nodes.length],
    outputs: graph.outputs.map((tensor) => ({ tensor, box: fullBox(shapes.get(tensor)!) })),
  });
  const slices = await Promise.all(program.weights.map(({ name, box }) => weights.read(name, box)));
  const tile = await engine.load(program, slices);
  return {
    // What a tile is given it may keep.
    predict: async (input) => (await tile.run([input.slice()])).outputs[0]!,
  };
}
