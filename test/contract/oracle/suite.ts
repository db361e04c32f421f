import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../../src/engine/engine.ts';
import { createReferenceEngine } from '../../../src/engine/reference.ts';
import { createTfjsEngine } from '../../../src/engine/tfjs.ts';
import { foldBatchNorm } from '../../../src/graph/fold.ts';
import { fullBox, shapeSize } from '../../../src/graph/box.ts';
import type { Graph } from '../../../src/graph/graph.ts';
import type { NetworkOptions } from '../../../src/models/layers.ts';
import { loadWholeModel, compareOutputs } from '../../../src/runtime/whole-model.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { derivedSource } from '../../../src/weights/derived-source.ts';
import { seededSource, seededTensors } from '../../../src/weights/seeded-source.ts';
import type { OracleSize } from '../../support/oracle/alexnet.ts';
import type { Made, Take } from '../../support/oracle/bench.ts';

type Oracle = (input: Float32Array, take: Take) => Promise<Made>;

export interface OracleSuiteOptions {
  readonly name: string;
  readonly build: (options?: NetworkOptions) => Graph;
  readonly frames?: number;
  /** As published: must be what the builder gives when nothing is asked of it. */
  readonly full: OracleSize;
  /** For the reference engine, whose plain loops are slow. */
  readonly small: OracleSize;
  readonly oracle: (size: OracleSize) => Oracle;
}

const SEED = 20_190_109;

/** A network of `src/models` in one tile against the same network written down in direct TensorFlow.js calls. */
export function oracleSuite({ name, build, frames, full, small, oracle }: OracleSuiteOptions): void {
  const shapeAt = ({ extent }: OracleSize): number[] => [...(frames ? [frames] : []), extent, extent, 3];

  describe(`${name} gives the numbers of direct TensorFlow.js calls, layer by layer`, () => {
    let wasm: Engine;
    beforeAll(async () => {
      wasm = await createTfjsEngine({ backend: 'wasm' });
    });
    afterAll(() => wasm.dispose());

    it('at a reduced size on the reference engine, and with batch norms not folded', async () => {
      const graph = build({ inputShape: shapeAt(small), width: small.width });
      await expectSameNumbers(graph, oracle(small), createReferenceEngine(), false);
    });

    it('at a reduced size on the wasm engine', async () => {
      const graph = build({ inputShape: shapeAt(small), width: small.width });
      await expectSameNumbers(graph, oracle(small), wasm, true);
    });

    it('at full size on the wasm engine (heavy)', async () => {
      const graph = build();
      expect(graph.inputs[0]!.shape).toEqual(shapeAt(full));
      await expectSameNumbers(graph, oracle(full), wasm, true);
    }, 300_000);
  });
}

async function expectSameNumbers(
  graph: Graph,
  oracle: Oracle,
  engine: Engine,
  folded: boolean,
): Promise<void> {
  const weights = seededSource(seededTensors(graph), SEED);
  const input = loudPixels(graph);

  await tf.setBackend('wasm');
  const before = tf.memory().numTensors;
  const expected = await oracle(input, (weight, shape) => {
    const known = weights.tensors.get(weight);
    expect(known, `the model's weight '${weight}'`).toBeDefined();
    expect(shapeSize(known!.shape), `elements of '${weight}'`).toBe(shapeSize(shape));
    return weights.read(weight, fullBox(known!.shape));
  });
  expect(tf.memory().numTensors, 'tensors that the oracle left').toBe(before);

  const ids = new Set(graph.nodes.map(({ id }) => id));
  expect(
    [...expected.keys()].filter((layer) => !ids.has(layer)),
    'layers that the model lacks',
  ).toEqual([]);
  const noted: Graph = { ...graph, outputs: [...expected.keys()] };
  const fold = foldBatchNorm(noted);
  const whole = folded
    ? await loadWholeModel(engine, fold.graph, derivedSource(weights, fold))
    : await loadWholeModel(engine, noted, weights);
  const { outputs } = await whole.run([input]);
  await whole.dispose();

  for (const [index, [layer, want]] of [...expected].entries()) {
    const comparison = compareOutputs([outputs[index]!], [want]);
    expect(comparison, layer).toMatchObject({ withinTolerance: true, sameTop1: true });
    // Activations that died or exploded on the way would agree whatever the network did.
    expect(comparison.maxAbs, `largest activation of ${layer}`).toBeGreaterThan(1e-3);
    expect(comparison.maxAbs, `largest activation of ${layer}`).toBeLessThan(1e4);
  }
}

/** Noise in the network's own encoding of pixels, eight times as strong: a rectifier that is cut off at 6 would show. */
function loudPixels(graph: Graph): Float32Array {
  const random = seededRandom(SEED);
  const { shape, image } = graph.inputs[0]!;
  return Float32Array.from({ length: shapeSize(shape) }, (_, index) => {
    const channel = index % shape.at(-1)!;
    return 8 * (random.next() * 255 * image!.scale[channel]! + image!.offset[channel]!);
  });
}
