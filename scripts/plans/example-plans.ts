import { foldBatchNorm } from '../../src/graph/fold.ts';
import type { Graph } from '../../src/graph/graph.ts';
import { simplify } from '../../src/graph/simplify.ts';
import type { NetworkOptions } from '../../src/models/layers.ts';
import { NETWORKS, type NetworkName } from '../../src/models/presets.ts';
import { planBuilder, type PlanBuilder } from '../../src/planner/plan-builder.ts';
import { bands, channels, flowing, grid, partialSums, whole } from '../../src/planner/splits.ts';

export interface ExamplePlan {
  /** File name in `examples/plans/`, without the extension. */
  readonly name: string;
  readonly network: NetworkName;
  readonly description: string;
  /** The same layout on any size of the network. */
  readonly build: (graph: Graph) => PlanBuilder;
}

/** The graph that plans are for: as a model is loaded, simplified and with its batch norms folded. */
export const preparedNetwork = (network: NetworkName, options?: NetworkOptions): Graph =>
  foldBatchNorm(simplify(NETWORKS[network](options))).graph;

const four = [0, 1, 2, 3];
const rows = bands({ axis: 'height', peers: four });
const slices = channels({ peers: four });
const lanesOn = (peers: readonly number[]) => peers.map((peer) => ({ share: 1, split: whole(peer) }));
const halves = (first: 'depth' | 'height', second: 'height' | 'width') =>
  grid({
    cuts: [
      { axis: first, shares: [1, 1] },
      { axis: second, shares: [1, 1] },
    ],
    peers: four,
  });

const alexnet: readonly Omit<ExamplePlan, 'network'>[] = [
  {
    name: 'alexnet-5',
    description:
      'The 5-device layout of arXiv:1901.02537, the first of which only sends: convolutions, the units of the first dense layer on two peers, the other dense layers.',
    build: (graph) =>
      planBuilder(graph)
        .segment({ through: 'pool5', split: whole(0) })
        .segment({ through: 'fc6', split: channels({ peers: [1, 2] }) })
        .segment({ split: whole(3) }),
  },
  {
    name: 'alexnet-6',
    description:
      'The 6-device layout of arXiv:1901.02537, the first of which only sends: as with 5, and the convolutions on two peers that take frames in turn.',
    build: (graph) =>
      planBuilder(graph)
        .segment({ through: 'pool5', lanes: lanesOn([0, 1]) })
        .segment({ through: 'fc6', split: channels({ peers: [2, 3] }) })
        .segment({ split: whole(4) }),
  },
  {
    name: 'alexnet-4-mixed',
    description:
      'Four peers on every frame: row bands through the first two layers, output channels for the other convolutions, whose slices flow into the first dense layer; units for the rest.',
    build: (graph) =>
      planBuilder(graph)
        .segment({ through: 'pool1', split: rows })
        .segment({ through: 'pool2', split: rows })
        .layers({ through: 'pool5', split: slices })
        .segment({ through: 'fc6/dense', split: flowing() })
        .segment({ through: 'fc6', split: slices })
        .layers({ through: 'fc8/bias', split: slices })
        .segment({ split: whole(0) }),
  },
];

const vgg16: readonly Omit<ExamplePlan, 'network'>[] = [
  {
    name: 'vgg16-9',
    description:
      'The 9-device layout of arXiv:1901.02537, the first of which only sends: block 1, blocks 2 to 4 on three peers that take frames in turn, block 5, the units of the first dense layer on two peers, the other dense layers.',
    build: (graph) =>
      planBuilder(graph)
        .segment({ through: 'block1_pool', split: whole(0) })
        .segment({ through: 'block4_pool', lanes: lanesOn([1, 2, 3]) })
        .segment({ through: 'block5_pool', split: whole(4) })
        .segment({ through: 'fc1', split: channels({ peers: [5, 6] }) })
        .segment({ split: whole(7) }),
  },
  {
    name: 'vgg16-11',
    description:
      'The 11-device layout of arXiv:1901.02537, the first of which only sends: all convolutions on seven peers that take frames in turn, the units of the first dense layer on two peers, the other dense layers.',
    build: (graph) =>
      planBuilder(graph)
        .segment({ through: 'block5_pool', lanes: lanesOn([0, 1, 2, 3, 4, 5, 6]) })
        .segment({ through: 'fc1', split: channels({ peers: [7, 8] }) })
        .segment({ split: whole(9) }),
  },
  {
    name: 'vgg16-4-mixed',
    description:
      'Four peers on every frame: blocks 1 and 2 fused in row bands, block 3 as a 2×2 grid, output channels in blocks 4 and 5, units of the dense layers.',
    build: (graph) =>
      planBuilder(graph)
        .segment({ through: 'block2_pool', split: rows })
        .segment({ through: 'block3_pool', split: halves('height', 'width') })
        .layers({ through: 'predictions/bias', split: slices })
        .segment({ split: whole(0) }),
  },
];

const c3d: readonly Omit<ExamplePlan, 'network'>[] = [
  {
    name: 'c3d-filter-split',
    description:
      'C3D with the filters (output channels) of its first two convolutions on three peers, the other layers on a fourth.',
    build: (graph) =>
      planBuilder(graph)
        .layers({ through: 'pool2', split: channels({ peers: [0, 1, 2] }) })
        .segment({ split: whole(3) }),
  },
  {
    name: 'c3d-channel-split',
    description:
      'C3D with the input channels of its first two convolutions on three peers, which add up their partial sums slice by slice; the other layers on a fourth.',
    build: (graph) =>
      planBuilder(graph)
        .segment({ through: 'conv1a/conv', split: partialSums({ peers: [0, 1, 2] }) })
        .segment({ through: 'pool1', split: channels({ peers: [0, 1, 2] }) })
        .segment({ through: 'conv2a/conv', split: flowing() })
        .segment({ through: 'pool2', split: channels({ peers: [0, 1, 2] }) })
        .segment({ split: whole(3) }),
  },
  {
    name: 'c3d-4-mixed',
    description:
      'Four peers on every clip: halves of the frames by halves of the rows through the first three groups of convolutions, output channels for the others, units of the dense layers.',
    build: (graph) =>
      planBuilder(graph)
        .segment({ through: 'pool1', split: halves('depth', 'height') })
        .segment({ through: 'pool2', split: halves('depth', 'height') })
        .segment({ through: 'pool3', split: halves('depth', 'height') })
        .layers({ through: 'fc8/bias', split: slices })
        .segment({ split: whole(0) }),
  },
];

const xception: readonly Omit<ExamplePlan, 'network'>[] = [
  {
    name: 'xception-separable-split',
    description:
      'Xception with the separable convolutions of its middle flow on three peers: each takes its channels through the depthwise part and into a partial sum of the pointwise part. The first peer does the rest.',
    build: (graph) => {
      const three = [0, 1, 2];
      const builder = planBuilder(graph).segment({ through: 'block4_add', split: whole(0) });
      for (let block = 5; block <= 12; block++) {
        for (const part of ['sepconv1', 'sepconv2', 'sepconv3']) {
          builder.segment({ through: `block${block}_${part}`, split: partialSums({ peers: three }) });
        }
        builder.segment({ through: `block${block}_add`, split: channels({ peers: three }) });
      }
      return builder.segment({ split: whole(0) });
    },
  },
  {
    name: 'xception-4-mixed',
    description:
      'Four peers on every picture: row bands through the entry flow, shortcuts included; from the middle flow on channels, depthwise parts staying where the pointwise parts made them.',
    build: (graph) => {
      const builder = planBuilder(graph).segment({ through: 'block1_conv2_act', split: rows });
      for (const block of ['block2', 'block3', 'block4']) {
        // The shortcut is made beside the first half and waits for the second: two live tensors in bands.
        builder.segment({ through: `${block}_sepconv1_bn`, split: rows });
        builder.segment({ through: `${block}_add`, split: rows });
      }
      return builder.layers({ through: 'predictions/bias', split: slices }).segment({ split: whole(0) });
    },
  },
];

const of = (network: NetworkName, plans: readonly Omit<ExamplePlan, 'network'>[]): ExamplePlan[] =>
  plans.map((plan) => ({ ...plan, network }));

/** Everything in `examples/plans/`. */
export const EXAMPLE_PLANS: readonly ExamplePlan[] = [
  ...of('alexnet', alexnet),
  ...of('vgg16', vgg16),
  ...of('xception', xception),
  ...of('c3d', c3d),
];
