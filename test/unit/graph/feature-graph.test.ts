import { describe, expect, it } from 'vitest';
import { featureGraph } from '../../../src/graph/feature-graph.ts';
import { verifyGraph } from '../../../src/graph/parse.ts';
import { tensorShapes, weightShapes } from '../../../src/graph/shapes.ts';
import { NETWORKS } from '../../../src/models/presets.ts';
import { Chain, lenet } from '../../support/small-networks.ts';

const outputOf = (graph: ReturnType<typeof featureGraph>) => {
  const [output] = graph.outputs;
  return [output, tensorShapes(graph).get(output!)];
};

describe('the features of a network', () => {
  it('are what its last dense layer takes, and nothing behind that is needed', () => {
    const features = featureGraph({ ...lenet(), labels: [...'0123456789'] });
    verifyGraph(features);
    expect(outputOf(features)).toEqual(['relu4', [84]]);
    expect(features.labels).toBeUndefined();
    expect([...weightShapes(features).keys()]).not.toContain('fc3/kernel');
    expect([...weightShapes(features).keys()]).toContain('fc2/kernel');
  });

  it.each([
    ['alexnet', [4096]],
    ['vgg16', [4096]],
    ['xception', [2048]],
    ['c3d', [4096]],
  ] as const)('of %s are a vector of %j', (name, shape) => {
    const features = featureGraph(NETWORKS[name]());
    verifyGraph(features);
    expect(outputOf(features)[1]).toEqual(shape);
  });

  it('of a network without a dense layer are what its last convolution takes', () => {
    const graph = new Chain([8, 8, 3])
      .conv('a', 3, 4, 1)
      .relu('b')
      .conv('c', 1, 5)
      .add('d', { kind: 'global-pool', mode: 'avg', keepDims: false })
      .graph('squeezed');
    const features = featureGraph(graph);
    verifyGraph(features);
    expect(outputOf(features)).toEqual(['b', [8, 8, 4]]);
  });

  it('of a single layer are its answer', () => {
    const graph = new Chain([4]).dense('only', 3).graph('single');
    expect(outputOf(featureGraph(graph))).toEqual(['only/bias', [3]]);
  });
});
