import type { Engine, EngineMemory } from '../../src/engine/engine.ts';
import { createReferenceEngine } from '../../src/engine/reference.ts';
import { boxSize, fullBox, isEmpty, isPartition, shapeSize } from '../../src/graph/box.ts';
import { OP_KINDS } from '../../src/graph/ops/index.ts';
import { transferRegion } from '../../src/graph/region-copy.ts';
import { compileTile } from '../../src/graph/tile-program.ts';
import { seededRandom } from '../../src/shared/random.ts';
import { largestDifference, maxAbs } from '../support/random-ops.ts';
import type { Harness } from './engine-suite.ts';
import { programInputs, programWeights, randomTensors, wholeRequest, type Values } from './engine-tile.ts';
import { SPLIT_KINDS, splitCase, type Piece, type SplitCase } from './split-cases.ts';

export interface SplitSuiteOptions {
  /** Of each op under each kind of split; each with ops, shapes and data of its own. */
  readonly casesPerPair: number;
  /** What the engine must call itself: a suite that runs on a fallback proves nothing. */
  readonly engineName: string;
  /** Relative to the largest value of the output; default 1e-4. */
  readonly tolerance?: number;
}

/** Where everything cancels, a share of the largest value is less than what single precision can tell apart. */
const ROUNDING = 1e-6;

/**
 * Every op under every kind of split that is legal for it: each tile is given the boxes that it asks for and nothing
 * else, and what the tiles make together equals the unsplit op, on this engine and on the reference engine.
 */
export function splitSuite(
  { describe, it, before, after }: Harness,
  name: string,
  create: () => Promise<Engine>,
  { casesPerPair, engineName, tolerance = 1e-4 }: SplitSuiteOptions,
): void {
  describe(`splits on ${name}`, () => {
    const reference = createReferenceEngine();
    let engine: Engine;
    let idle: EngineMemory;
    before(async () => {
      engine = await create();
      if (engine.name !== engineName) throw new Error(`the engine is ${engine.name}, not ${engineName}`);
      idle = await engine.memory();
    });
    after(async () => {
      await engine.dispose();
    });

    const check = async (split: SplitCase, seed: number): Promise<void> => {
      const tensors = randomTensors(split.graph, seed);
      const joined = await runSplit(engine, split, tensors);
      const request = wholeRequest(split.graph);
      const comparisons = [
        ['unsplit', (await runRequest(engine, split, request, tensors))!],
        ['unsplit on the reference engine', (await runRequest(reference, split, request, tensors))!],
      ] as const;
      for (const [what, expected] of comparisons) {
        const worst = largestDifference(joined, expected);
        if (!(worst <= tolerance * maxAbs(expected) + ROUNDING)) {
          throw new Error(`differs by ${worst} from ${what}, whose largest value is ${maxAbs(expected)}`);
        }
      }
    };

    for (const [kindIndex, kind] of OP_KINDS.entries()) {
      for (const [splitIndex, split] of SPLIT_KINDS.entries()) {
        if (!split.legalFor(kind)) continue;
        it(`${kind}: ${split.title}`, async () => {
          for (let index = 0; index < casesPerPair; index++) {
            const seed = (kindIndex * 100 + splitIndex) * 1000 + index;
            const drawn = splitCase(seededRandom(seed), kind, split);
            try {
              await check(drawn, seed);
            } catch (error) {
              throw new Error(`seed ${seed}: ${drawn.description}: ${String(error)}`, { cause: error });
            }
          }
        });
      }
    }

    it('leaves nothing behind', async () => {
      const { tensors, bytes } = await engine.memory();
      if (tensors !== idle.tensors || bytes !== idle.bytes) {
        throw new Error(`${tensors - idle.tensors} tensors of ${bytes - idle.bytes} bytes`);
      }
    });
  });
}

type Tensors = { readonly inputs: Values; readonly weights: Values };

/** All tiles, put together: boxes side by side, partial sums added in the order of the tiles. */
async function runSplit(engine: Engine, split: SplitCase, tensors: Tensors): Promise<Float32Array> {
  const whole = fullBox(split.output);
  checkCovers(split);
  // Not a number wherever no tile wrote.
  const joined = new Float32Array(shapeSize(split.output)).fill(split.pieces[0]!.reduce ? 0 : NaN);
  for (const piece of split.pieces) {
    const request = {
      ops: [0, split.graph.nodes.length] as const,
      outputs: [{ tensor: split.graph.outputs[0]!, box: piece.box }],
      ...(piece.reduce ? { reduce: piece.reduce } : {}),
    };
    const part = await runRequest(engine, split, request, tensors);
    if (isEmpty(piece.box)) {
      if (part) throw new Error('an empty tile made something');
      continue;
    }
    if (part?.length !== boxSize(piece.box)) throw new Error(`a tile made ${part?.length} elements`);
    transferRegion(part, piece.box, joined, whole, piece.box, piece.reduce ? 'add' : 'copy');
  }
  return joined;
}

async function runRequest(
  engine: Engine,
  { graph }: SplitCase,
  request: Parameters<typeof compileTile>[1],
  { inputs, weights }: Tensors,
): Promise<Float32Array | undefined> {
  const program = compileTile(graph, request);
  const tile = await engine.load(program, programWeights(graph, program, weights));
  try {
    return (await tile.run(programInputs(graph, program, inputs))).outputs[0];
  } finally {
    await tile.dispose();
  }
}

/** Throws unless (output box × reduce box) of the pieces cover the whole exactly: the fault would be the generator's. */
function checkCovers({ pieces, output }: SplitCase): void {
  const product = ({ box, reduce = [] }: Piece) => [...box, ...reduce];
  const domain = pieces[0]!.reduce?.map((_, axis) => [0, Math.max(...pieces.map(({ reduce }) => reduce![axis]![1]))] as const); // prettier-ignore
  if (!isPartition([...fullBox(output), ...(domain ?? [])], pieces.map(product))) {
    throw new Error('the pieces do not partition the output');
  }
}
