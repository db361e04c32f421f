import type { Engine } from '../../src/engine/engine.ts';
import { createReferenceEngine } from '../../src/engine/reference.ts';
import { selfTest } from '../../src/engine/self-test.ts';
import type { ConvOp } from '../../src/graph/op.ts';
import { compileTile, type TileProgram } from '../../src/graph/tile-program.ts';
import { PeerceptronError } from '../../src/shared/errors.ts';
import { engineCases } from './engine-cases.ts';
import {
  assertClose,
  chainGraph,
  programInputs,
  programWeights,
  randomTensors,
  runTile,
  singleOpGraph,
  wholeRequest,
} from './engine-tile.ts';

/** What vitest and mocha have in common, so that the suite runs in Node and in a browser. */
export interface Harness {
  readonly describe: (title: string, body: () => void) => void;
  readonly it: (title: string, body: () => Promise<void>) => void;
  readonly before: (body: () => Promise<void>) => void;
  readonly after: (body: () => Promise<void>) => void;
}

export interface EngineSuiteOptions {
  /** Relative to the largest value of an output; default 1e-5. */
  readonly tolerance?: number;
  /** What the engine must call itself: a suite that runs on a fallback proves nothing. */
  readonly engineName?: string;
}

const small: ConvOp = {
  kind: 'conv',
  kernelSize: [3, 3],
  strides: [1, 1],
  dilations: [1, 1],
  padding: [
    [1, 1],
    [1, 1],
  ],
  groups: 1,
  outChannels: 4,
};

/** The contract of the Engine port. */
export function engineSuite(
  { describe, it, before, after }: Harness,
  name: string,
  create: () => Promise<Engine>,
  { tolerance = 1e-5, engineName }: EngineSuiteOptions = {},
): void {
  describe(`engine contract: ${name}`, () => {
    let engine: Engine;
    before(async () => {
      engine = await create();
    });
    after(async () => {
      await engine.dispose();
    });

    it('says what it is', async () => {
      if (engineName) assertEqual(engine.name, engineName, 'name');
      assertEqual(engine.accuracy, 'f32', 'accuracy');
    });

    for (const example of engineCases) {
      it(example.title, async () => {
        const graph = singleOpGraph(
          example.op,
          example.inputs.map((input) => input.shape),
          Object.keys(example.weights ?? {}),
        );
        const result = await runTile(engine, graph, wholeRequest(graph, example.box, example.reduce), {
          inputs: new Map(example.inputs.map((input, i) => [`x${i}`, Float32Array.from(input.values)])),
          weights: new Map(
            Object.entries(example.weights ?? {}).map(([role, values]) => [role, Float32Array.from(values)]),
          ),
        });
        assertEqual(result.outputs.length, 1, 'outputs');
        assertClose(result.outputs[0]!, example.expected, tolerance, example.title);
        if (!(result.computeMs >= 0)) throw new Error(`computeMs is ${result.computeMs}`);
      });
    }

    it('passes the numerics self-test', async () => {
      const result = await selfTest(engine);
      if (!result.passed) throw new Error(result.reason);
    });

    it('gives each of several outputs, crops of hulls and repeated tensors among them', async () => {
      const graph = chainGraph(
        [4, 2],
        [[{ kind: 'bias' }, ['bias']], [{ kind: 'activation', function: 'relu' }]],
      );
      const x = Float32Array.from([1, 2, 3, 4, 5, 6, 7, 8]);
      const result = await runTile(
        engine,
        graph,
        {
          ops: [0, 2],
          outputs: [
            { tensor: 'n0', box: [[3, 4], [0, 2]] }, // prettier-ignore
            { tensor: 'n0', box: [[0, 2], [0, 1]] }, // prettier-ignore
            { tensor: 'n1', box: [[1, 2], [0, 2]] }, // prettier-ignore
            { tensor: 'n1', box: [[1, 2], [0, 2]] }, // prettier-ignore
            { tensor: 'n1', box: [[0, 0], [0, 2]] }, // prettier-ignore
          ],
        },
        { inputs: new Map([['x0', x]]), weights: new Map([['n0/bias', Float32Array.from([-5, 10])]]) },
      );
      const expected = [[2, 18], [-4, -2], [0, 14], [0, 14]]; // prettier-ignore
      assertEqual(result.outputs.length, expected.length, 'outputs');
      for (const [index, values] of expected.entries()) {
        assertClose(result.outputs[index]!, values, tolerance, `output ${index}`);
      }
      const buffers = new Set(result.outputs.map((output) => output.buffer));
      assertEqual(buffers.size, result.outputs.length, 'distinct buffers');
    });

    for (const [channels, groups] of [
      [4, 1],
      [1, 1],
      [4, 2],
    ] as const) {
      it(`adds the bias once and activates the sum of a 3-D convolution, ${channels} channels in ${groups} groups`, async () => {
        const overTime: ConvOp = {
          ...small,
          kernelSize: [3, 2, 2],
          strides: [1, 1, 1],
          dilations: [1, 1, 1],
          padding: [
            [1, 1],
            [0, 1],
            [1, 0],
          ],
          groups,
          outChannels: 2,
        };
        const graph = chainGraph(
          [5, 3, 3, channels],
          [[overTime, ['kernel']], [{ kind: 'bias' }, ['bias']], [{ kind: 'activation', function: 'relu' }]],
        );
        const tensors = randomTensors(graph, 23);
        const [expected] = (await runTile(createReferenceEngine(), graph, wholeRequest(graph), tensors))
          .outputs;
        const { outputs } = await runTile(engine, graph, wholeRequest(graph), tensors);
        assertClose(outputs[0]!, expected!, tolerance, 'the activated sum');
      });
    }

    it('runs an empty program', async () => {
      const tile = await engine.load({ inputs: [], weights: [], steps: [], outputs: [] }, []);
      assertEqual((await tile.run([])).outputs.length, 0, 'outputs');
      await tile.dispose();
    });

    it('holds the same memory between runs and gives it back', async () => {
      const graph = chainGraph([6, 6, 2], [
        [small, ['kernel']],
        [{ kind: 'bias' }, ['bias']],
        [{ kind: 'activation', function: 'relu' }],
        [{ kind: 'max-pool', poolSize: [2, 2], strides: [2, 2], padding: [[0, 0], [0, 0]] }], // prettier-ignore
        [{ kind: 'dense', units: 3 }, ['kernel']],
        [{ kind: 'softmax', axis: 0 }],
      ]); // prettier-ignore
      const program = compileTile(graph, wholeRequest(graph));
      const tensors = randomTensors(graph, 5);
      const idle = await engine.memory();
      const tile = await engine.load(program, programWeights(graph, program, tensors.weights));
      const loaded = await engine.memory();
      let first: Float32Array | undefined;
      for (let frame = 0; frame < 5; frame++) {
        const { outputs } = await tile.run(programInputs(graph, program, tensors.inputs));
        first ??= outputs[0]!.slice();
        assertClose(outputs[0]!, first, 0, `frame ${frame}`);
        assertSameMemory(await engine.memory(), loaded, `after frame ${frame}`);
      }
      await tile.dispose();
      await tile.dispose();
      assertSameMemory(await engine.memory(), idle, 'after dispose');
    });

    it('gives weights back bit by bit where it says that it can', async () => {
      const graph = chainGraph(
        [6, 6, 5],
        [
          [{ ...small, outChannels: 11 }, ['kernel']],
          [{ kind: 'bias' }, ['bias']],
          [{ kind: 'activation', function: 'relu' }],
          [{ kind: 'bias' }, ['bias']],
          [{ kind: 'dense', units: 7 }, ['kernel']],
          [{ kind: 'bias' }, ['bias']],
        ],
      );
      const program = compileTile(graph, wholeRequest(graph));
      const weights = programWeights(graph, program, randomTensors(graph, 4).weights);
      const expected = weights.map((values) => values.slice());
      const tile = await engine.load(program, weights);
      for (const [index, values] of expected.entries()) {
        const back = await tile.weight?.(index);
        if (back) assertEqual(back.join(' '), values.join(' '), program.weights[index]!.name);
        // Our own kernels keep every one of these.
        else if (engine.weightStorage === 'once') throw new Error(`no ${program.weights[index]!.name}`);
      }
      await tile.dispose();
      assertEqual(await tile.weight?.(0), undefined, 'the weight of a tile that was disposed');
    });

    it('keeps several loaded tiles apart and answers in the order of the calls', async () => {
      const graph = chainGraph([4], [[{ kind: 'bias' }, ['bias']]]);
      const program = compileTile(graph, wholeRequest(graph));
      const tiles = await Promise.all(
        [100, 200, 300].map((bias) => engine.load(program, [new Float32Array(4).fill(bias)])),
      );
      const settled: number[] = [];
      const runs = Array.from({ length: 12 }, async (_, frame) => {
        const { outputs } = await tiles[frame % 3]!.run([new Float32Array(4).fill(frame)]);
        settled.push(frame);
        return outputs[0]!;
      });
      for (const [frame, output] of (await Promise.all(runs)).entries()) {
        assertClose(output, Array<number>(4).fill(100 * ((frame % 3) + 1) + frame), 0, `frame ${frame}`);
      }
      assertEqual(settled.join(), Array.from({ length: 12 }, (_, frame) => frame).join(), 'order');
      await Promise.all(tiles.map((tile) => tile.dispose()));
    });

    it('gives the same in the memory of earlier frames, which stays out of what others still read', async () => {
      const length = 16_384;
      const graph = chainGraph([length], [[{ kind: 'bias' }, ['bias']]]);
      const program = compileTile(graph, wholeRequest(graph));
      const tile = await engine.load(program, [new Float32Array(length).fill(1)]);
      const read: Float32Array[] = [];
      let inputs: Float32Array[] = [new Float32Array(length)];
      for (let frame = 0; frame < 6; frame++) {
        inputs[0]!.fill(frame);
        const { outputs, spentInputs } = await tile.run(inputs);
        assertEqual(
          outputs[0]!.every((value) => value === frame + 1),
          true,
          `frame ${frame}`,
        );
        if (frame % 2 === 0) tile.recycle?.(outputs);
        else read.push(outputs[0]!);
        assertEqual(spentInputs?.[0]?.length ?? length, length, 'length of what came back');
        inputs = [spentInputs?.[0] ?? new Float32Array(length)];
      }
      for (const [index, output] of read.entries()) {
        assertEqual(
          output.every((value) => value === 2 * index + 2),
          true,
          `what was kept, ${index}`,
        );
      }
      await tile.dispose();
    });

    it('refuses wrong buffers, and works on afterwards', async () => {
      const graph = singleOpGraph({ kind: 'bias' }, [[2]], ['bias']);
      const program = compileTile(graph, wholeRequest(graph));
      await assertFails(() => engine.load(program, []), 'too few weights');
      await assertFails(() => engine.load(program, [new Float32Array(3)]), 'a weight of the wrong size');
      const tile = await engine.load(program, [Float32Array.from([1, 2])]);
      await assertFails(() => tile.run([]), 'too few inputs');
      await assertFails(() => tile.run([new Float32Array(1)]), 'an input of the wrong size');
      assertClose((await tile.run([new Float32Array(2)])).outputs[0]!, [1, 2], 0, 'after the errors');
      await tile.dispose();
      await assertFails(() => tile.run([new Float32Array(2)]), 'a disposed tile');
    });

    it('names the op at which it fails, and leaks nothing', async () => {
      const graph = singleOpGraph({ kind: 'bias' }, [[2]], ['bias']);
      const program = compileTile(graph, wholeRequest(graph));
      const before = await engine.memory();
      const broken: TileProgram = {
        ...program,
        steps: program.steps.map((step) => ({ ...step, weights: [{ role: 'bias', index: 7 }] })),
      };
      // Whether loading or running finds out is the engine's affair.
      const error = await assertFails(async () => {
        const tile = await engine.load(broken, [new Float32Array(2)]);
        try {
          await tile.run([new Float32Array(2)]);
        } finally {
          await tile.dispose();
        }
      }, 'a broken program');
      if (!error.message.includes('y')) throw new Error(`the op is not named: ${error.message}`);
      assertSameMemory(await engine.memory(), before, 'after the failure');
    });

    it('is dead after dispose', async () => {
      const other = await create();
      const graph = singleOpGraph({ kind: 'identity' }, [[1]]);
      const program = compileTile(graph, wholeRequest(graph));
      const tile = await other.load(program, []);
      await other.dispose();
      await other.dispose();
      await assertFails(() => tile.run([new Float32Array(1)]), 'a tile of a disposed engine');
      await assertFails(() => other.load(program, []), 'a disposed engine');
      // The first engine does not mind.
      assertClose(
        (
          await runTile(engine, graph, wholeRequest(graph), {
            inputs: new Map([['x0', new Float32Array([4])]]),
            weights: new Map(),
          })
        ).outputs[0]!,
        [4],
        0,
        'the other engine',
      );
    });
  });
}

function assertEqual(actual: unknown, expected: unknown, what: string): void {
  if (actual !== expected) throw new Error(`${what}: ${String(actual)} instead of ${String(expected)}`);
}

function assertSameMemory(
  actual: { tensors: number; bytes: number },
  expected: { tensors: number; bytes: number },
  what: string,
): void {
  assertEqual(actual.tensors, expected.tensors, `tensors ${what}`);
  assertEqual(actual.bytes, expected.bytes, `bytes ${what}`);
}

async function assertFails(run: () => Promise<unknown>, what: string): Promise<PeerceptronError> {
  try {
    await run();
  } catch (error) {
    if (error instanceof PeerceptronError && error.code === 'ENGINE_FAILED') return error;
    throw new Error(`${what}: not ENGINE_FAILED but ${String(error)}`, { cause: error });
  }
  throw new Error(`${what} was accepted`);
}
