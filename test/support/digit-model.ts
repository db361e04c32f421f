import { fileURLToPath } from 'node:url';
import { createReferenceEngine } from '../../src/engine/reference.ts';
import type { Graph } from '../../src/graph/graph.ts';
import { loadModel, type LoadedModel } from '../../src/import/load-model.ts';
import type { FrameInput } from '../../src/runtime/frame-input.ts';
import { loadWholeModel } from '../../src/runtime/whole-model.ts';
import { fileBytes } from '../../src/weights/file-source.ts';

/** The model that comes with the program. */
export const digitModel = (): Promise<LoadedModel> =>
  loadModel(fileURLToPath(new URL('../../public/models/digits', import.meta.url)), { open: fileBytes });

/** A network, or a part of it, on the plain engine: the first output for an input. */
export async function wholeNetwork(
  { weights }: Pick<LoadedModel, 'weights'>,
  graph: Graph,
): Promise<(input: FrameInput) => Promise<Float32Array>> {
  const whole = await loadWholeModel(createReferenceEngine(), graph, weights);
  return async (input) => (await whole.run([input])).outputs[0]!;
}
