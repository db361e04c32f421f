import { describe, expect, it } from 'vitest';
import { graphCost } from '../../../src/graph/inspect.ts';
import { Chain, lenet, vgg16 } from '../../support/small-networks.ts';

describe('graphCost', () => {
  it('LeNet-5: parameters, multiply-accumulates and layers as worked out by hand', () => {
    const report = graphCost(lenet());
    expect(report.parameters).toBe(61_706);
    expect(report.macs).toBe(416_520);
    const layer = (id: string) => report.layers.find((one) => one.id === id)!;
    expect(layer('conv1')).toEqual({
      id: 'conv1',
      op: 'conv',
      outputShape: [28, 28, 6],
      parameters: 150,
      macs: 28 * 28 * 6 * 25,
      outputBytes: 4 * 28 * 28 * 6,
      tileableAxes: [0, 1, 2],
      reducible: true,
    });
    expect(layer('conv2')).toMatchObject({ parameters: 2400, macs: 240_000, outputShape: [10, 10, 16] });
    expect(layer('fc1')).toMatchObject({
      parameters: 48_000,
      macs: 48_000,
      reducible: true,
      tileableAxes: [0],
    });
    expect(layer('pool1')).toMatchObject({
      parameters: 0,
      macs: 0,
      outputShape: [14, 14, 6],
      reducible: false,
    });
    expect(layer('softmax')).toMatchObject({ tileableAxes: [], reducible: false });
  });

  it('VGG16: the published figures', () => {
    const report = graphCost(vgg16());
    expect(report.parameters).toBe(138_357_544);
    expect(report.macs).toBe(15_470_264_320);
    expect(report.layers.find(({ id }) => id === 'pool5')!.outputBytes).toBe(4 * 7 * 7 * 512);
    expect(report.layers.find(({ id }) => id === 'conv1_2')!.outputBytes).toBe(12_845_056);
  });

  it('lists what is live at every cut, skips and inputs included', () => {
    const graph = new Chain([2, 2, 3])
      .add('a', { kind: 'identity' })
      .add('b', { kind: 'activation', function: 'relu' })
      .add('c', { kind: 'activation', function: 'tanh' })
      .add('sum', { kind: 'merge', mode: 'add' }, [], ['a', 'c', 'input'])
      .add('side', { kind: 'activation', function: 'exp' }, [], ['b'])
      .graph('skips', ['sum', 'side']);
    const cuts = graphCost(graph).cuts.map(({ after, tensors }) => [
      after,
      tensors.map(({ id }) => id).sort(),
    ]);
    expect(cuts).toEqual([
      [0, ['a', 'input']],
      [1, ['a', 'b', 'input']],
      [2, ['a', 'b', 'c', 'input']],
      [3, ['b']],
    ]);
    expect(graphCost(graph).cuts[3]!.bytes).toBe(48);
  });

  it('counts a shared weight once', () => {
    const chain = new Chain([4, 4, 2]).conv('one', 3, 2, 1);
    chain.add('two', chain.nodes[0]!.op);
    const nodes = chain.nodes.map((node) =>
      node.id === 'two' ? { ...node, weights: { kernel: 'one/kernel' } } : node,
    );
    const report = graphCost({ ...chain.graph('shared'), nodes });
    expect(report.parameters).toBe(3 * 3 * 2 * 2 + 2);
    expect(report.macs).toBe(2 * 16 * 2 * 18);
  });
});
