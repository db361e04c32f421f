import type { Engine } from '../../src/engine/engine.ts';
import { createReferenceEngine } from '../../src/engine/reference.ts';
import {
  largestDifference,
  maxAbs,
  randomNetworkCase,
  randomOpCase,
  runTile,
  runWhole,
  type TileCase,
} from '../support/random-ops.ts';
import type { Harness } from './engine-suite.ts';

export interface RandomSuiteOptions {
  readonly opCases: number;
  readonly networkCases: number;
  /** Relative to the largest value of an output, at least 1; default 1e-4. */
  readonly tolerance?: number;
}

/** Random tiles of every op and of small networks, compared with the reference engine; the seed is in the message. */
export function randomSuite(
  { describe, it, before, after }: Harness,
  name: string,
  create: () => Promise<Engine>,
  { opCases, networkCases, tolerance = 1e-4 }: RandomSuiteOptions,
): void {
  describe(`${name} against the reference engine`, () => {
    const reference = createReferenceEngine();
    let engine: Engine;
    before(async () => {
      engine = await create();
    });
    after(async () => {
      await engine.dispose();
    });

    const compare = async ({ graph, request, inputs, weights, description }: TileCase): Promise<void> => {
      const tensors = request.ops[0] === 0 ? inputs : await runWhole(reference, graph, inputs, weights);
      const expected = await runTile(reference, graph, request, tensors, weights);
      let actual: readonly Float32Array[];
      try {
        actual = await runTile(engine, graph, request, tensors, weights);
      } catch (error) {
        throw new Error(`${description}: ${String(error)}`, { cause: error });
      }
      if (actual.length !== expected.length) throw new Error(`${description}: ${actual.length} outputs`);
      for (const [index, output] of expected.entries()) {
        const worst = largestDifference(actual[index]!, output);
        const limit = tolerance * Math.max(1, maxAbs(output));
        if (!(worst <= limit)) throw new Error(`${description}: output ${index} differs by ${worst}`);
      }
    };
    const compareAll = async (count: number, caseOf: (seed: number) => TileCase): Promise<void> => {
      const idle = await engine.memory();
      for (let seed = 0; seed < count; seed++) await compare(caseOf(seed));
      const left = await engine.memory();
      if (left.tensors !== idle.tensors || left.bytes !== idle.bytes) {
        throw new Error(`${left.tensors - idle.tensors} tensors leaked`);
      }
    };

    it(`agrees on ${opCases} tiles of single ops`, () => compareAll(opCases, randomOpCase));
    it(`agrees on ${networkCases} tiles of small networks`, () =>
      compareAll(networkCases, randomNetworkCase));
  });
}
