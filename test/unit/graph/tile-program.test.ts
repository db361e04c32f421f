import { describe, expect, it } from 'vitest';
import { contains, fullBox, isEmpty, type Box } from '../../../src/graph/box.ts';
import type { Graph } from '../../../src/graph/graph.ts';
import type { Op } from '../../../src/graph/op.ts';
import { tensorShapes } from '../../../src/graph/shapes.ts';
import { compileTile, slotBox } from '../../../src/graph/tile-program.ts';
import { randomNetworkCase } from '../../support/random-ops.ts';
import { Chain, lenet } from '../../support/small-networks.ts';

const relu: Op = { kind: 'activation', function: 'relu' };

describe('compileTile', () => {
  it('grows halos backwards through a fused segment', () => {
    const graph = new Chain([20, 8, 2]).conv('one', 3, 4, 1).conv('two', 3, 4, 1).graph('fused');
    const rows = (start: number, end: number): Box => [[start, end], [0, 8], [0, 4]]; // prettier-ignore
    const program = compileTile(graph, { ops: [0, 4], outputs: [{ tensor: 'two/bias', box: rows(10, 12) }] });
    expect(program.inputs).toEqual([{ tensor: 'input', box: [[8, 14], [0, 8], [0, 2]] }]); // prettier-ignore
    expect(program.steps.map(({ node, output }) => [node, output[0]])).toEqual([
      ['one', [9, 13]],
      ['one/bias', [9, 13]],
      ['two', [10, 12]],
      ['two/bias', [10, 12]],
    ]);
    expect(program.steps[2]!.inputs[0]!.padding).toEqual([[0, 0], [1, 1], [0, 0]]); // prettier-ignore
    const border = compileTile(graph, { ops: [0, 4], outputs: [{ tensor: 'two/bias', box: rows(0, 1) }] });
    // The first row of the second layer sees padding; of the first layer it needs rows 0 and 1, not the padded row −1.
    expect(border.steps[0]!.output[0]).toEqual([0, 2]);
    expect(border.inputs[0]!.box[0]).toEqual([0, 3]);
  });

  it('leaves out ops that contribute nothing', () => {
    const graph = new Chain([4, 4, 2])
      .add('a', relu)
      .add('b', relu, [], ['input'])
      .add('both', { kind: 'concat', axis: 2 }, [], ['a', 'b'])
      .graph('branches', ['both']);
    const box: Box = [[0, 4], [0, 4], [2, 4]]; // prettier-ignore
    const program = compileTile(graph, { ops: [0, 3], outputs: [{ tensor: 'both', box }] });
    expect(program.steps.map(({ node }) => node)).toEqual(['b', 'both']);
    expect(program.steps[1]!.inputs[0]).toMatchObject({ slot: -1 });
    expect(isEmpty(program.steps[1]!.inputs[0]!.region)).toBe(true);
    expect(program.steps[1]!.inputs[1]!.slot).toBe(1);
  });

  it('computes the hull of what branches need, once', () => {
    const graph = new Chain([16, 1])
      .add('trunk', relu)
      .add('near', { kind: 'max-pool', poolSize: [3], strides: [1], padding: [[1, 1]] }, [], ['trunk'])
      .add(
        'far',
        {
          kind: 'pad',
          padding: [
            [4, 0],
            [0, 0],
          ],
          value: 0,
        },
        [],
        ['trunk'],
      ) // prettier-ignore
      .graph('hull', ['near', 'far']);
    const program = compileTile(graph, {
      ops: [0, 3],
      outputs: [
        { tensor: 'near', box: [[8, 10], [0, 1]] }, // prettier-ignore
        { tensor: 'far', box: [[6, 7], [0, 1]] }, // prettier-ignore
      ],
    });
    // `near` needs 7…11, `far` needs 2…3.
    expect(program.steps[0]!.output).toEqual([[2, 11], [0, 1]]); // prettier-ignore
    expect(program.steps[1]!.inputs[0]).toEqual({ slot: 1, region: [[7, 11], [0, 1]], padding: [[0, 0], [0, 0]] }); // prettier-ignore
    expect(program.steps[2]!.inputs[0]!.region).toEqual([[2, 3], [0, 1]]); // prettier-ignore
  });

  it('makes a wanted tensor inside the segment as large as its readers need it', () => {
    const graph = new Chain([8, 1])
      .add('skip', relu)
      .add('deep', { kind: 'max-pool', poolSize: [2], strides: [1], padding: [[0, 0]] })
      .graph('skip', ['skip', 'deep']);
    const program = compileTile(graph, {
      ops: [0, 2],
      outputs: [
        { tensor: 'skip', box: [[0, 3], [0, 1]] }, // prettier-ignore
        { tensor: 'deep', box: [[0, 3], [0, 1]] }, // prettier-ignore
      ],
    });
    expect(slotBox(program, program.outputs[0]!.slot)[0]).toEqual([0, 4]);
    expect(program.outputs[0]!.box[0]).toEqual([0, 3]);
  });

  it('widens boxes along axes that an op cannot be cut along', () => {
    const graph = new Chain([6, 4])
      .add('soft', { kind: 'softmax', axis: 1 })
      .add('flat', { kind: 'reshape', shape: [24] })
      .graph('whole');
    const soft = compileTile(graph, { ops: [0, 1], outputs: [{ tensor: 'soft', box: [[1, 2], [0, 1]] }] }); // prettier-ignore
    expect(soft.steps[0]!.output).toEqual([[1, 2], [0, 4]]); // prettier-ignore
    expect(soft.outputs[0]!.box).toEqual([[1, 2], [0, 1]]); // prettier-ignore
    const flat = compileTile(graph, { ops: [0, 2], outputs: [{ tensor: 'flat', box: [[3, 5]] }] });
    expect(flat.steps[1]!.output).toEqual([[0, 24]]);
    expect(flat.inputs[0]!.box).toEqual([[0, 6], [0, 4]]); // prettier-ignore
  });

  it('names each weight box once, however many ops share it', () => {
    const chain = new Chain([4, 4, 2]).conv('one', 3, 2, 1);
    chain.add('two', chain.nodes[0]!.op);
    const nodes = chain.nodes.map((node) =>
      node.id === 'two' ? { ...node, weights: { kernel: 'one/kernel' } } : node,
    );
    const graph: Graph = { ...chain.graph('shared'), nodes };
    const whole = compileTile(graph, { ops: [0, 3], outputs: [{ tensor: 'two', box: fullBox([4, 4, 2]) }] });
    expect(whole.weights.map(({ name }) => name)).toEqual(['one/kernel', 'one/bias/bias']);
    // The last op needs one output channel of the shared kernel, the first one both.
    const slice = compileTile(graph, { ops: [0, 3], outputs: [{ tensor: 'two', box: [[0, 4], [0, 4], [0, 1]] }] }); // prettier-ignore
    expect(slice.weights.length).toBe(3);
  });

  it('applies a partial sum to the last op only', () => {
    const graph = lenet();
    const end = graph.nodes.findIndex(({ id }) => id === 'fc1') + 1;
    const reduce: Box = [[0, 5], [0, 5], [4, 8]]; // prettier-ignore
    const program = compileTile(graph, {
      ops: [end - 2, end],
      outputs: [{ tensor: 'fc1', box: [[0, 120]] }],
      reduce,
    });
    expect(program.steps.map(({ node, reduce: part }) => [node, part])).toEqual([
      ['pool2', undefined],
      ['fc1', reduce],
    ]);
    expect(program.steps[0]!.output).toEqual(reduce);
    expect(program.weights[0]!.box).toEqual([...reduce, [0, 120]]);
  });

  it('an empty request is an empty program', () => {
    const program = compileTile(lenet(), { ops: [0, 3], outputs: [{ tensor: 'relu1', box: [[0, 0], [0, 28], [0, 6]] }] }); // prettier-ignore
    expect(program).toEqual({ inputs: [], weights: [], steps: [], outputs: [] });
  });

  it('every region lies in its slot, every box in its tensor, on random networks', () => {
    for (let seed = 0; seed < 1000; seed++) {
      const { graph, request, description } = randomNetworkCase(seed);
      const program = compileTile(graph, request);
      const shapes = tensorShapes(graph);
      for (const { tensor, box } of program.inputs) {
        expect(contains(fullBox(shapes.get(tensor)!), box) && !isEmpty(box), description).toBe(true);
      }
      for (const [index, step] of program.steps.entries()) {
        expect(contains(fullBox(shapes.get(step.node)!), step.output), description).toBe(true);
        for (const { slot, region } of step.inputs) {
          if (isEmpty(region)) continue;
          expect(slot, description).toBeLessThan(program.inputs.length + index);
          expect(contains(slotBox(program, slot), region), description).toBe(true);
        }
      }
      for (const { slot, box } of program.outputs)
        expect(contains(slotBox(program, slot), box), description).toBe(true);
    }
  });
});
