import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { createTfjsEngine } from '../../src/engine/tfjs.ts';
import type { LoadedTile } from '../../src/engine/engine.ts';
import type { Op } from '../../src/graph/op.ts';
import { compileTile } from '../../src/graph/tile-program.ts';
import { chainGraph, programWeights, randomTensors, wholeRequest } from './engine-tile.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const conv = (attributes: Partial<Extract<Op, { kind: 'conv' }>>): Op => ({
  kind: 'conv',
  kernelSize: [3, 3],
  strides: [1, 1],
  dilations: [1, 1],
  padding: [[1, 1], [1, 1]], // prettier-ignore
  groups: 1,
  outChannels: 8,
  ...attributes,
});
const conv3d = (attributes: Partial<Extract<Op, { kind: 'conv' }>>): Op =>
  conv({
    kernelSize: [3, 1, 1],
    strides: [1, 1, 1],
    dilations: [1, 1, 1],
    padding: [[1, 1], [0, 0], [0, 0]], // prettier-ignore
    ...attributes,
  });

describe('tfjs wasm', () => {
  it('lets go of the raw weights once they are on its heap', async () => {
    const engine = await createTfjsEngine({ backend: 'wasm' });
    const kept: LoadedTile[] = [];
    const load = async (
      graph: ReturnType<typeof chainGraph>,
    ): Promise<[string, WeakRef<ArrayBufferLike>][]> => {
      const program = compileTile(graph, wholeRequest(graph));
      const weights = programWeights(graph, program, randomTensors(graph, 1).weights);
      kept.push(await engine.load(program, weights));
      return weights.map((weight, index) => [program.weights[index]!.name, new WeakRef(weight.buffer)]);
    };
    const references = [
      ...(await load(
        chainGraph([6, 6, 4], [
          [conv({}), ['kernel']],
          [{ kind: 'bias' }, ['bias']],
          [conv({ groups: 8 }), ['kernel']],
          [{ kind: 'batch-norm', epsilon: 1e-3, scale: true, center: true }, ['mean', 'variance', 'gamma', 'beta']],
          [conv({ groups: 2 }), ['kernel']],
          [conv({ strides: [2, 2], dilations: [2, 2] }), ['kernel']],
          [{ kind: 'dense', units: 4 }, ['kernel']],
        ]),
      )),
      ...(await load(
        chainGraph([4, 2, 2, 4], [
          [conv3d({}), ['kernel']],
          [conv3d({ outChannels: 2 }), ['kernel']],
        ]),
      )),
    ]; // prettier-ignore
    // Weak references hold until the current job ends.
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    expect(references.filter(([, reference]) => reference.deref()).map(([name]) => name)).toEqual([]);
    expect(references.length).toBeGreaterThan(8);
    await engine.dispose();
  });
});
