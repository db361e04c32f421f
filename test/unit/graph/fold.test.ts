import { describe, expect, it } from 'vitest';
import { createReferenceEngine } from '../../../src/engine/reference.ts';
import { fullBox, type Box } from '../../../src/graph/box.ts';
import { deriveWeights, foldBatchNorm, type FoldedGraph } from '../../../src/graph/fold.ts';
import type { Graph } from '../../../src/graph/graph.ts';
import type { ConvOp, Op } from '../../../src/graph/op.ts';
import { verifyGraph } from '../../../src/graph/parse.ts';
import { cropRegion } from '../../../src/graph/region-copy.ts';
import { tensorShapes, weightShapes } from '../../../src/graph/shapes.ts';
import { simplify } from '../../../src/graph/simplify.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import {
  largestDifference,
  maxAbs,
  randomBox,
  randomGraph,
  randomInputs,
  randomWeights,
  runWhole,
  type Tensors,
} from '../../support/random-ops.ts';
import { Chain } from '../../support/small-networks.ts';

const engine = createReferenceEngine();
const norm: Op = { kind: 'batch-norm', epsilon: 1e-3, scale: true, center: true };
const roles = ['mean', 'variance', 'gamma', 'beta'];
const kinds = (graph: Graph): string[] => graph.nodes.map(({ id, op }) => `${id}:${op.kind}`);

const readerOf = (graph: Graph, weights: Tensors) => async (name: string, box: Box) =>
  cropRegion(weights.get(name)!, fullBox(weightShapes(graph).get(name)!), box);

/** The folded graph's weights, all of them. */
async function foldedWeights(graph: Graph, folded: FoldedGraph, weights: Tensors): Promise<Tensors> {
  const read = readerOf(graph, weights);
  const derived = await Promise.all(
    folded.weights.map(
      async (recipe) => [recipe.name, await deriveWeights(recipe, fullBox(recipe.shape), read)] as const,
    ),
  );
  return new Map([...weights, ...derived]);
}

async function expectSameOutputs(
  graph: Graph,
  other: Graph,
  weights: Tensors,
  otherWeights: Tensors,
  seed: number,
) {
  const inputs = randomInputs(seededRandom(seed), graph);
  const before = await runWhole(engine, graph, inputs, weights);
  const after = await runWhole(engine, other, inputs, otherWeights);
  expect(other.outputs).toEqual(graph.outputs);
  for (const output of graph.outputs) {
    const expected = before.get(output)!;
    expect(largestDifference(after.get(output)!, expected), `seed ${seed}: ${output}`).toBeLessThanOrEqual(
      1e-5 * maxAbs(expected) + 1e-6,
    );
  }
}

describe('foldBatchNorm', () => {
  it('folds into convolutions with and without bias, depthwise and dense layers; ids that remain are those that were', async () => {
    const depthwise: ConvOp = {
      kind: 'conv',
      kernelSize: [3, 3],
      strides: [1, 1],
      dilations: [1, 1],
      padding: [[1, 1], [1, 1]], // prettier-ignore
      groups: 6,
      outChannels: 6,
    };
    const graph = new Chain([6, 6, 3])
      .conv('c', 3, 6, 1)
      .add('c/norm', norm, roles)
      .relu('r')
      .add('d', depthwise, ['kernel'])
      .add('d/norm', { ...norm, scale: false }, ['mean', 'variance', 'beta'])
      .dense('f', 5)
      .add('f/norm', { ...norm, center: false }, ['mean', 'variance', 'gamma'])
      .graph('folds');
    const folded = foldBatchNorm(graph);
    expect(kinds(folded.graph)).toEqual([
      'c:conv',
      'c/norm:bias',
      'r:activation',
      'd:conv',
      'd/norm:bias',
      'f:dense',
      'f/norm:bias',
    ]);
    verifyGraph(folded.graph);
    const weights = randomWeights(seededRandom(1), graph);
    await expectSameOutputs(graph, folded.graph, weights, await foldedWeights(graph, folded, weights), 2);
  });

  it('leaves a batch norm alone whose input someone else reads, or that is an output, or that follows no linear op', () => {
    const graph = new Chain([6, 6, 3])
      .add('first', norm, roles)
      .conv('c', 3, 3, 1)
      .add('c/norm', norm, roles)
      .add('sum', { kind: 'merge', mode: 'add' }, [], ['c/norm', 'c/bias'])
      .conv('e', 3, 3, 1)
      .add('e/norm', norm, roles)
      .add('relu', { kind: 'activation', function: 'relu' })
      .add('after', norm, roles)
      .graph('stays', ['e/bias', 'after']);
    const folded = foldBatchNorm(graph);
    expect(folded.weights).toEqual([]);
    expect(folded.graph).toBe(graph);
  });

  it('folds each use of a shared kernel by itself, under names that are free', async () => {
    const chain = new Chain([4, 4, 2]).add('k/folded-kernel', { kind: 'bias' }, ['bias']);
    const conv: ConvOp = { kind: 'conv', kernelSize: [1, 1], strides: [1, 1], dilations: [1, 1], padding: [[0, 0], [0, 0]], groups: 1, outChannels: 2 }; // prettier-ignore
    chain.add('a', conv).add('k', norm, roles).add('b', conv).add('l', norm, roles);
    const nodes = chain.nodes.map((node) => {
      if (node.op.kind === 'conv') return { ...node, weights: { kernel: 'shared' } };
      return node.op.kind === 'bias' ? { ...node, weights: { bias: 'k/folded-bias' } } : node;
    });
    const graph = { ...chain.graph('shared'), nodes };
    const folded = foldBatchNorm(graph);
    const names = folded.weights.map(({ name }) => name);
    expect(new Set([...names, 'shared', 'k/folded-bias']).size).toBe(names.length + 2);
    verifyGraph(folded.graph);
    const weights = randomWeights(seededRandom(3), graph);
    await expectSameOutputs(graph, folded.graph, weights, await foldedWeights(graph, folded, weights), 4);
  });

  it('derives any box of a folded weight from the same box of the originals', async () => {
    const graph = new Chain([6, 6, 3]).conv('c', 3, 6, 1).add('c/norm', norm, roles).graph('boxes');
    const { weights: recipes } = foldBatchNorm(graph);
    const weights = randomWeights(seededRandom(5), graph);
    const read = readerOf(graph, weights);
    for (const recipe of recipes) {
      const whole = await deriveWeights(recipe, fullBox(recipe.shape), read);
      for (let seed = 0; seed < 200; seed++) {
        const box = randomBox(seededRandom(seed), recipe.shape, 0.05);
        expect(await deriveWeights(recipe, box, read), `seed ${seed}`).toEqual(
          cropRegion(whole, fullBox(recipe.shape), box),
        );
      }
    }
  });

  it('computes what the formulas say', async () => {
    const recipe = { name: 'f', norm: { mean: 'm', variance: 'v', gamma: 'g', beta: 'b', epsilon: 1 } };
    const data: Record<string, number[]> = {
      m: [1, 2],
      v: [3, 0],
      g: [2, 10],
      b: [5, 6],
      k: [1, 2, 3, 4],
      s: [7, 8],
    };
    const read = async (name: string) => Float32Array.from(data[name]!);
    const kernel = await deriveWeights(
      { ...recipe, role: 'kernel', source: 'k', shape: [2, 2] },
      fullBox([2, 2]),
      read,
    );
    expect([...kernel]).toEqual([1, 20, 3, 40]);
    const bias = await deriveWeights(
      { ...recipe, role: 'bias', source: 's', shape: [2] },
      fullBox([2]),
      read,
    );
    expect([...bias]).toEqual([7 - 1 + 5, (8 - 2) * 10 + 6]);
    const fresh = await deriveWeights({ ...recipe, role: 'bias', shape: [2] }, fullBox([2]), read);
    expect([...fresh]).toEqual([-1 + 5, -2 * 10 + 6]);
  });

  it('random networks compute the same folded and simplified', async () => {
    let folds = 0;
    let removals = 0;
    for (let seed = 0; seed < 1200; seed++) {
      const graph = randomGraph(seededRandom(seed));
      const weights = randomWeights(seededRandom(seed + 1), graph);
      const simple = simplify(graph);
      verifyGraph(simple);
      const folded = foldBatchNorm(simple);
      verifyGraph(folded.graph);
      folds += folded.weights.length;
      removals += graph.nodes.length - simple.nodes.length;
      await expectSameOutputs(
        graph,
        folded.graph,
        weights,
        await foldedWeights(simple, folded, weights),
        seed,
      );
    }
    expect(folds).toBeGreaterThan(20);
    expect(removals).toBeGreaterThan(50);
  });
});

describe('simplify', () => {
  const relu: Op = { kind: 'activation', function: 'relu' };
  const same: Op = { kind: 'identity' };

  it('removes chains of ops that do nothing', () => {
    const graph = new Chain([4, 4, 2])
      .add('drop1', same)
      .add('r', relu)
      .add('drop2', same)
      .add('same', { kind: 'reshape', shape: [4, 4, 2] })
      .add('none', {
        kind: 'pad',
        padding: [
          [0, 0],
          [0, 0],
          [0, 0],
        ],
        value: 3,
      }) // prettier-ignore
      .add('one', { kind: 'concat', axis: 0 })
      .add('end', relu)
      .graph('chains');
    expect(simplify(graph).nodes).toEqual([
      { id: 'r', op: relu, inputs: ['input'], weights: {} },
      { id: 'end', op: relu, inputs: ['r'], weights: {} },
    ]);
  });

  it('keeps the ids of outputs: the op in front takes over the name', () => {
    const graph = new Chain([3])
      .add('r', relu)
      .add('out', same)
      .add('side', relu, [], ['r'])
      .graph('names', ['out', 'side']);
    const simple = simplify(graph);
    expect(kinds(simple)).toEqual(['out:activation', 'side:activation']);
    expect(simple.nodes[1]!.inputs).toEqual(['out']);
    verifyGraph(simple);
  });

  it('keeps an identity where both names are asked for, or where the output is an input', () => {
    const both = new Chain([3]).add('r', relu).add('out', same).graph('both', ['r', 'out']);
    expect(kinds(simplify(both))).toEqual(['r:activation', 'out:identity']);
    const twice = new Chain([3])
      .add('r', relu)
      .add('a', same, [], ['r'])
      .add('b', same, [], ['r'])
      .graph('twice', ['a', 'b']);
    expect(kinds(simplify(twice))).toEqual(['a:activation', 'b:identity']);
    const through = new Chain([3]).add('out', { kind: 'reshape', shape: [3] }).graph('through');
    expect(kinds(simplify(through))).toEqual(['out:identity']);
    for (const graph of [both, twice, through]) verifyGraph(simplify(graph));
  });

  it('gives spatial zero padding to the convolutions behind it, and only then', async () => {
    const pad = (value: number, channels = 0): Op => ({ kind: 'pad', padding: [[0, 1], [1, 0], [0, channels]], value }); // prettier-ignore
    const graph = new Chain([5, 5, 2]).add('p', pad(0)).conv('c', 3, 4, 1, 2).graph('absorbs');
    const simple = simplify(graph);
    expect(kinds(simple)).toEqual(['c:conv', 'c/bias:bias']);
    expect(simple.nodes[0]!.op).toMatchObject({ padding: [[1, 2], [2, 1]] }); // prettier-ignore
    const weights = randomWeights(seededRandom(9), graph);
    await expectSameOutputs(graph, simple, weights, weights, 10);
    expect(tensorShapes(simple).get('c')).toEqual(tensorShapes(graph).get('c'));

    const stays = (op: Op) =>
      kinds(simplify(new Chain([5, 5, 2]).add('p', op).conv('c', 3, 4).graph('stays')))[0];
    expect(stays(pad(1))).toBe('p:pad');
    expect(stays(pad(0, 1))).toBe('p:pad');
    const pooled = new Chain([5, 5, 2]).add('p', pad(0)).pool('m').graph('pooled');
    expect(kinds(simplify(pooled))).toEqual(['p:pad', 'm:max-pool']);
    const shared = new Chain([5, 5, 2])
      .add('p', pad(0))
      .conv('c', 3, 4)
      .add('r', relu, [], ['p'])
      .graph('shared', ['c/bias', 'r']);
    expect(kinds(simplify(shared))[0]).toBe('p:pad');
  });
});
