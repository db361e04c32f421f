import { describe, expect, it } from 'vitest';
import { foldBatchNorm } from '../../../src/graph/fold.ts';
import { graphCost } from '../../../src/graph/inspect.ts';
import { parseGraph, serializeGraph, verifyGraph } from '../../../src/graph/parse.ts';
import { tensorShapes, weightShapes } from '../../../src/graph/shapes.ts';
import { NETWORK_NAMES, NETWORKS } from '../../../src/models/presets.ts';

describe('the published networks', () => {
  it.each([
    ['alexnet', 61_100_840, 0.71, [1000]],
    ['vgg16', 138_357_544, 15.47, [1000]],
    ['xception', 22_910_480, 8.36, [1000]],
    ['c3d', 79_991_015, 38.55, [487]],
  ] as const)('%s has %i parameters and %d G multiply-accumulates', (name, parameters, gigaMacs, output) => {
    const graph = NETWORKS[name]();
    const report = graphCost(graph);
    expect(report.parameters).toBe(parameters);
    expect(report.macs / 1e9).toBeCloseTo(gigaMacs, 2);
    expect(tensorShapes(graph).get(graph.outputs[0]!)).toEqual(output);
  });

  it.each(NETWORK_NAMES)(
    '%s is a sound graph, travels as JSON, and says how pictures become its input',
    (name) => {
      const graph = NETWORKS[name]();
      verifyGraph(graph);
      expect(parseGraph(JSON.parse(serializeGraph(graph)))).toEqual(graph);
      expect(graph.inputs[0]!.image).toBeDefined();
    },
  );

  it.each([
    ['alexnet', 'pool1', [27, 27, 64]],
    ['alexnet', 'pool5', [6, 6, 256]],
    ['alexnet', 'fc6', [4096]],
    ['vgg16', 'block1_conv2', [224, 224, 64]],
    ['vgg16', 'block5_pool', [7, 7, 512]],
    ['xception', 'block1_conv1_act', [149, 149, 32]],
    ['xception', 'block1_conv2_act', [147, 147, 64]],
    ['xception', 'block2_add', [74, 74, 128]],
    ['xception', 'block4_add', [19, 19, 728]],
    ['xception', 'block12_add', [19, 19, 728]],
    ['xception', 'block13_add', [10, 10, 1024]],
    ['xception', 'block14_sepconv2_act', [10, 10, 2048]],
    ['c3d', 'pool1', [16, 56, 56, 64]],
    ['c3d', 'pool4', [2, 7, 7, 512]],
    ['c3d', 'pool5', [1, 4, 4, 512]],
  ] as const)('%s: %s has the published shape', (name, tensor, shape) => {
    expect(tensorShapes(NETWORKS[name]()).get(tensor)).toEqual(shape);
  });

  it("folds every one of Xception's 40 batch norms, which leaves 22,828,688 parameters", () => {
    const folded = foldBatchNorm(NETWORKS.xception());
    expect(folded.graph.nodes.filter(({ op }) => op.kind === 'batch-norm')).toEqual([]);
    expect(folded.weights).toHaveLength(80);
    // Of the four vectors of a batch norm (27,264 elements each, altogether) one is left: the bias.
    expect(graphCost(folded.graph).parameters).toBe(22_910_480 - 3 * 27_264);
  });

  it.each(NETWORK_NAMES)('%s also comes narrower and smaller, with the same layers', (name) => {
    const inputShape = name === 'c3d' ? [16, 32, 32, 3] : [71, 71, 3];
    const small = NETWORKS[name]({ width: 1 / 16, classes: 7, inputShape });
    verifyGraph(small);
    expect(tensorShapes(small).get(small.outputs[0]!)).toEqual([7]);
    expect([...weightShapes(small).keys()]).toEqual([...weightShapes(NETWORKS[name]()).keys()]);
  });
});
