import { describe, expect, it } from 'vitest';
import { createTfjsEngine } from '../../../src/engine/tfjs.ts';
import { shapeSize } from '../../../src/graph/box.ts';
import { foldBatchNorm } from '../../../src/graph/fold.ts';
import type { Graph } from '../../../src/graph/graph.ts';
import { encodeImage } from '../../../src/models/image-encoding.ts';
import { NETWORKS, type NetworkName } from '../../../src/models/presets.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { derivedSource } from '../../../src/weights/derived-source.ts';
import { seededSource, seededTensors } from '../../../src/weights/seeded-source.ts';
import { runGraph } from '../../support/run-graph.ts';

/** Root mean square of what each op makes, in order, for random pixels. */
async function magnitudes(graph: Graph, seed: number): Promise<Map<string, number>> {
  const { graph: plain, ...recipe } = foldBatchNorm(graph);
  const linear = plain.nodes.filter(({ op }) => op.kind === 'bias' || op.kind === 'merge');
  const probed = { ...plain, outputs: [...linear.map(({ id }) => id), ...plain.outputs] };
  const weights = derivedSource(seededSource(seededTensors(graph), seed), { ...recipe, graph: probed });
  const input = graph.inputs[0]!;
  const random = seededRandom(seed);
  const pixels = Uint8Array.from({ length: shapeSize(input.shape) }, () => random.integer(256));
  const engine = await createTfjsEngine({ backend: 'wasm' });
  const frame = { [input.id]: encodeImage(pixels, input.image!, input.shape) };
  const values = await runGraph(probed, weights, frame, engine);
  await engine.dispose();
  return new Map(
    probed.outputs.map((id) => {
      const data = values.get(id)!;
      return [id, Math.sqrt(data.reduce((sum, value) => sum + value * value, 0) / data.length)];
    }),
  );
}

describe('seeded weights at full depth and width, smaller pictures (heavy)', () => {
  const sizes: Readonly<Record<NetworkName, readonly number[]>> = {
    alexnet: [127, 127, 3],
    vgg16: [64, 64, 3],
    xception: [95, 95, 3],
    c3d: [16, 32, 32, 3],
  };
  it.each(Object.entries(sizes) as [NetworkName, readonly number[]][])(
    '%s: activations neither die nor explode, and the answer is no foregone conclusion (seed 7)',
    async (name, inputShape) => {
      const graph = NETWORKS[name]({ inputShape });
      const all = await magnitudes(graph, 7);
      const output = all.get(graph.outputs[0]!)!;
      all.delete(graph.outputs[0]!);
      for (const [id, magnitude] of all) {
        expect(magnitude, id).toBeGreaterThan(0.05);
        expect(magnitude, id).toBeLessThan(20);
      }
      // Of 1000 classes alike it would be 0.001, of one class alone 0.03.
      expect(output).toBeLessThan(0.02);
    },
  );
});
