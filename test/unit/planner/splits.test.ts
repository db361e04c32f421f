import { describe, expect, it } from 'vitest';
import { fullBox, shapeSize } from '../../../src/graph/box.ts';
import type { Graph } from '../../../src/graph/graph.ts';
import type { Op, Padding } from '../../../src/graph/op.ts';
import { tensorShapes } from '../../../src/graph/shapes.ts';
import { compilePlan } from '../../../src/planner/compiled-plan.ts';
import { planBuilder, type PlanBuilder } from '../../../src/planner/plan-builder.ts';
import {
  bands,
  channels,
  cutRanges,
  flowing,
  grid,
  partialSums,
  splitTiles,
  whole,
} from '../../../src/planner/splits.ts';
import { transfersOf, type Transfer } from '../../../src/planner/transfers.ts';
import { verifyPlan } from '../../../src/planner/verify-plan.ts';
import { asSessionId } from '../../../src/shared/ids.ts';
import { peerIdOf } from '../../support/memory-network.ts';
import { Chain, lenet, vgg16 } from '../../support/small-networks.ts';

const session = asSessionId('7'.repeat(32));
const peers = [1, 2, 3, 4].map(peerIdOf);
const four = [0, 1, 2, 3];
const opsThrough = (graph: Graph, from: string, to: string): [number, number] => [
  graph.nodes.findIndex(({ id }) => id === from),
  graph.nodes.findIndex(({ id }) => id === to) + 1,
];

/** All that crosses links for one frame; the plan is verified first. */
function sent(graph: Graph, builder: PlanBuilder): Transfer[] {
  const plan = builder.plan({ session, epoch: 0, peers });
  verifyPlan(graph, plan);
  return transfersOf(
    compilePlan(graph, plan),
    plan.segments.map(() => 0),
  );
}
const bytes = (transfers: readonly Transfer[], tensor: string): number =>
  transfers
    .filter((transfer) => transfer.tensor === tensor)
    .reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);

const invalid = (message: RegExp): Error =>
  expect.objectContaining({
    code: 'PLAN_INVALID',
    message: expect.stringMatching(message) as string,
  }) as Error;

describe('cutRanges', () => {
  it('cuts in proportion to the shares, and covers everything', () => {
    expect(cutRanges(28, { shares: [1, 1, 1] })).toEqual([
      [0, 9],
      [9, 19],
      [19, 28],
    ]);
    expect(cutRanges(10, { shares: [3, 1, 1] })).toEqual([
      [0, 6],
      [6, 8],
      [8, 10],
    ]);
  });

  it('makes empty ranges where there are more parts than elements', () => {
    const ranges = cutRanges(2, { shares: [1, 1, 1, 1] });
    expect(ranges.map(([start, end]) => end - start).sort()).toEqual([0, 0, 1, 1]);
  });

  it('keeps cuts on multiples, the end aside', () => {
    expect(cutRanges(27, { shares: [1, 1, 1], multipleOf: 2 })).toEqual([
      [0, 10],
      [10, 18],
      [18, 27],
    ]);
    expect(cutRanges(3, { shares: [1, 1], multipleOf: 4 })).toEqual([
      [0, 0],
      [0, 3],
    ]);
  });
});

describe('splitTiles', () => {
  const graph = lenet();
  const first = opsThrough(graph, 'conv1', 'pool1');

  it('makes row and column bands', () => {
    const tiles = splitTiles(graph, first, bands({ axis: 'height', peers: [0, 1], shares: [1, 3] }));
    expect(tiles).toEqual([
      {
        peer: 0,
        outputs: [
          {
            tensor: 'pool1',
            box: [
              [0, 4],
              [0, 14],
              [0, 6],
            ],
          },
        ],
      },
      {
        peer: 1,
        outputs: [
          {
            tensor: 'pool1',
            box: [
              [4, 14],
              [0, 14],
              [0, 6],
            ],
          },
        ],
      },
    ]);
    const columns = splitTiles(graph, first, bands({ axis: 'width', peers: [0, 1] }));
    expect(columns[1]!.outputs[0]!.box).toEqual([
      [0, 14],
      [7, 14],
      [0, 6],
    ]);
  });

  it('makes grids, row-major', () => {
    const cuts = [
      { axis: 'height', shares: [1, 1] },
      { axis: 'width', shares: [1, 1] },
    ] as const;
    const tiles = splitTiles(graph, first, grid({ cuts, peers: [3, 2, 1, 0] }));
    expect(tiles.map(({ peer, outputs }) => [peer, ...outputs[0]!.box.slice(0, 2)])).toEqual([
      [3, [0, 7], [0, 7]],
      [2, [0, 7], [7, 14]],
      [1, [7, 14], [0, 7]],
      [0, [7, 14], [7, 14]],
    ]);
  });

  it('makes output channels and units, partial sums over input channels and over the rows of a dense input', () => {
    const conv2 = opsThrough(graph, 'conv2', 'conv2');
    expect(splitTiles(graph, conv2, channels({ peers: [0, 1] }))[1]!.outputs[0]!.box).toEqual([
      [0, 10],
      [0, 10],
      [8, 16],
    ]);
    expect(splitTiles(graph, conv2, partialSums({ peers: [0, 1] })).map(({ reduce }) => reduce)).toEqual([
      [[0, 3]],
      [[3, 6]],
    ]);
    const fc1 = opsThrough(graph, 'fc1', 'fc1');
    expect(splitTiles(graph, fc1, channels({ peers: [0, 1] }))[0]!.outputs[0]!.box).toEqual([[0, 60]]);
    expect(
      splitTiles(graph, fc1, partialSums({ axis: 'height', peers: [0, 1] })).map(({ reduce }) => reduce),
    ).toEqual([
      [
        [0, 3],
        [0, 5],
        [0, 16],
      ],
      [
        [3, 5],
        [0, 5],
        [0, 16],
      ],
    ]);
  });

  it.each([
    ['a softmax cut', 'fc3/bias', 'softmax', channels({ peers: [0, 1] }), /'softmax'.*channel/],
    ['rows of a vector', 'fc1', 'fc1', bands({ axis: 'height', peers: [0, 1] }), /'fc1'.*no height.*channel/],
    ['sums of a pool', 'pool1', 'pool1', partialSums({ peers: [0, 1] }), /'pool1'.*partial sums/],
    [
      'rows of a convolution summed',
      'conv2',
      'conv2',
      partialSums({ axis: 'height', peers: [0, 1] }),
      /'conv2'.*no height/,
    ],
    [
      'peers that do not match',
      'conv2',
      'conv2',
      { ...channels({ peers: [0, 1] }), peers: [0] },
      /2 tiles.*1 peers/,
    ],
    ['shares of nothing', 'conv2', 'conv2', channels({ peers: [0, 1], shares: [0, 0] }), /shares/],
    ['a share below zero', 'conv2', 'conv2', channels({ peers: [0, 1], shares: [2, -1] }), /shares/],
    [
      'one axis cut twice',
      'conv2',
      'conv2',
      grid({
        cuts: [
          { axis: 'width', shares: [1, 1] },
          { axis: 'width', shares: [1] },
        ],
        peers: [0, 1],
      }),
      /width twice/,
    ],
  ] as const)('refuses %s', (_, from, to, split, message) => {
    expect(() => splitTiles(graph, opsThrough(graph, from, to), split)).toThrowError(invalid(message));
  });
});

describe('what crosses links', () => {
  const float = 4;

  it('is the halo between row bands, and nothing of what a peer made itself', () => {
    const graph = new Chain([16, 10, 3]).conv('a', 3, 5, 1).conv('b', 5, 7, 2).graph('two-convs');
    const rows = bands({ axis: 'height', peers: four });
    const transfers = sent(
      graph,
      planBuilder(graph).segment({ through: 'a/bias', split: rows }).segment({ split: rows }),
    );
    // Three borders, two rows each way.
    expect(bytes(transfers, 'a/bias')).toBe(3 * 2 * 2 * 10 * 5 * float);
    // Rows of the input travel with their halo: one row more at each side of a border.
    expect(bytes(transfers, 'input')).toBe((16 + 3 * 2) * 10 * 3 * float);
  });

  it('is the halo along every axis of a grid, frames of a clip included', () => {
    const padding: Padding[] = [
      [1, 1],
      [1, 1],
      [1, 1],
    ];
    const conv = (outChannels: number): Op => ({
      kind: 'conv',
      kernelSize: [3, 3, 3],
      strides: [1, 1, 1],
      dilations: [1, 1, 1],
      padding,
      groups: 1,
      outChannels,
    });
    const graph = new Chain([8, 6, 6, 2])
      .add('a', conv(3), ['kernel'])
      .add('b', conv(2), ['kernel'])
      .graph('clip');
    const frames = bands({ axis: 'depth', peers: [0, 1] });
    const deep = sent(
      graph,
      planBuilder(graph).segment({ through: 'a', split: frames }).segment({ split: frames }),
    );
    expect(bytes(deep, 'a')).toBe(2 * 6 * 6 * 3 * float);

    const cuts = [
      { axis: 'depth', shares: [1, 1] },
      { axis: 'width', shares: [1, 1] },
    ] as const;
    const cells = grid({ cuts, peers: four });
    const both = sent(
      graph,
      planBuilder(graph).segment({ through: 'a', split: cells }).segment({ split: cells }),
    );
    // Each cell is 4×6×3 and needs 5×6×4 of which it has all but the border.
    expect(bytes(both, 'a')).toBe(4 * (5 * 6 * 4 - 4 * 6 * 3) * 3 * float);
  });

  it('is a gather of what the others made, between output channels of two convolutions', () => {
    const graph = new Chain([9, 9, 4]).conv('a', 3, 8, 1).conv('b', 3, 8, 1).graph('two-convs');
    const split = channels({ peers: four });
    const transfers = sent(graph, planBuilder(graph).layers({ split }));
    const tensor = 9 * 9 * 8 * float;
    expect(bytes(transfers, 'a/bias')).toBe(3 * tensor);
  });

  it('is a reduce-scatter between partial sums and slices: each consumer gets its own box of every partial', () => {
    const graph = new Chain([9, 9, 8]).conv('a', 3, 8, 1).relu('r').graph('sums');
    const builder = (): PlanBuilder =>
      planBuilder(graph).segment({ through: 'a', split: partialSums({ peers: four }) });
    const tensor = 9 * 9 * 8 * float;
    // Four partials, each sent but for the quarter that its own peer consumes.
    const scattered = sent(graph, builder().segment({ split: channels({ peers: four }) }));
    expect(bytes(scattered, 'a')).toBe(3 * tensor);
    const rows = sent(graph, builder().segment({ split: bands({ axis: 'height', peers: four }) }));
    expect(bytes(rows, 'a')).toBe(3 * tensor);
    expect(bytes(sent(graph, builder().segment({ split: whole(2) })), 'a')).toBe(3 * tensor);
  });

  it('is nothing between row bands and a dense layer that sums over them', () => {
    const graph = vgg16();
    const transfers = sent(
      graph,
      planBuilder(graph)
        .segment({ through: 'pool4', split: whole(0) })
        .segment({ through: 'pool5', split: bands({ axis: 'height', peers: four, shares: [1, 2, 2, 2] }) })
        .segment({ through: 'fc1', split: flowing() })
        .segment({ split: whole(3) }),
    );
    expect(bytes(transfers, 'pool5')).toBe(0);
    // Three of the four partial sums travel to the peer that adds them.
    expect(bytes(transfers, 'fc1')).toBe(3 * 4096 * float);
  });

  it('is nothing between units and a dense layer that sums over them, biases and activations in between', () => {
    const graph = lenet();
    const transfers = sent(
      graph,
      planBuilder(graph)
        .segment({ through: 'pool2', split: channels({ peers: four }) })
        .segment({ through: 'fc1', split: flowing() })
        .segment({ through: 'relu3', split: channels({ peers: four }) })
        .segment({ through: 'fc2', split: flowing() })
        .segment({ through: 'fc2/bias', split: channels({ peers: four }) })
        .segment({ through: 'fc3', split: flowing() })
        .segment({ split: whole(0) }),
    );
    for (const tensor of ['pool2', 'relu3', 'fc2/bias']) expect(bytes(transfers, tensor), tensor).toBe(0);
    expect(bytes(transfers, 'fc1')).toBe(3 * 120 * float);
  });

  it('is nothing between channel slices through depthwise convolutions, pools and sums of branches', () => {
    const depthwise: Op = {
      kind: 'conv',
      kernelSize: [3, 3],
      strides: [1, 1],
      dilations: [1, 1],
      padding: [
        [1, 1],
        [1, 1],
      ],
      groups: 8,
      outChannels: 8,
    };
    const graph = new Chain([6, 6, 3])
      .conv('stem', 3, 8, 1)
      .add('dw', depthwise, ['kernel'])
      .relu('r')
      .add('sum', { kind: 'merge', mode: 'add' }, [], ['stem/bias', 'r'])
      .pool('pool')
      .graph('residual');
    const split = channels({ peers: four });
    const transfers = sent(
      graph,
      planBuilder(graph)
        .segment({ through: 'stem/bias', split })
        .segment({ through: 'dw', split })
        .segment({ through: 'sum', split })
        .segment({ split }),
    );
    for (const tensor of ['stem/bias', 'dw', 'sum']) expect(bytes(transfers, tensor), tensor).toBe(0);
    // The result is all that goes back.
    expect(bytes(transfers, 'pool')).toBe(3 * 3 * 8 * float);

    const rows = bands({ axis: 'height', peers: [0, 1] });
    const banded = sent(
      graph,
      planBuilder(graph)
        .segment({ through: 'dw', split: rows })
        .segment({ through: 'sum', split: rows })
        .segment({ split: whole(0) }),
    );
    // Two live tensors across the cut, each with its own bands: the sum finds both where they were made.
    expect(bytes(banded, 'stem/bias')).toBe(0);
    expect(bytes(banded, 'dw')).toBe(0);
  });

  it('never is a tensor that was fused away', () => {
    const graph = lenet();
    const rows = bands({ axis: 'height', peers: four });
    const transfers = sent(
      graph,
      planBuilder(graph)
        .segment({ through: 'pool2', split: rows })
        .segment({ split: whole(0) }),
    );
    expect(new Set(transfers.map(({ tensor }) => tensor))).toEqual(new Set(['input', 'pool2', 'softmax']));
    const pooled = shapeSize(tensorShapes(graph).get('pool2')!) * float;
    const own = 5 * 16 * float; // one of the five rows is the consumer's own
    expect(bytes(transfers, 'pool2')).toBe(pooled - own);
  });
});

describe('planBuilder', () => {
  const graph = lenet();

  it('says which ops are missing, unknown, or taken already', () => {
    const started = planBuilder(graph).segment({ through: 'pool1', split: whole(0) });
    expect(() => started.file()).toThrowError(invalid(/from 'conv2' on/));
    expect(() => started.segment({ through: 'conv9', split: whole(0) })).toThrowError(
      invalid(/no op 'conv9'/),
    );
    expect(() => started.segment({ through: 'input', split: whole(0) })).toThrowError(
      invalid(/input of the model/),
    );
    expect(() => started.segment({ through: 'conv1', split: whole(0) })).toThrowError(
      invalid(/go on from 'conv2'/),
    );
    const done = started.segment({ split: whole(0) });
    expect(() => done.segment({ split: whole(0) })).toThrowError(invalid(/every op/));
    expect(() => done.plan({ session, epoch: 0, peers: [] })).toThrowError(
      expect.objectContaining({ code: 'PLAN_NO_PEERS' }) as Error,
    );
  });

  it('begins a layer where channels mix, or where it is told to', () => {
    const split = channels({ peers: [0, 1] });
    const firsts = (builder: PlanBuilder): unknown[] => builder.file().segments.map(({ ops }) => ops[0]);
    const rest = planBuilder(graph)
      .layers({ through: 'fc3/bias', split })
      .segment({ split: whole(0) });
    expect(firsts(rest)).toEqual(['conv1', 'conv2', 'fc1', 'fc2', 'fc3', 'softmax']);
    const pools = planBuilder(graph)
      .layers({ through: 'pool2', split, beginsAt: ({ op }) => op.kind === 'max-pool' })
      .segment({ split: whole(0) });
    expect(firsts(pools)).toEqual(['conv1', 'pool1', 'pool2', 'fc1']);
  });

  it('deals frames to lanes, and lets each lane flow on by itself', () => {
    const lanes = [
      { share: 2, split: bands({ axis: 'height', peers: [0, 1] }) },
      { share: 1, split: bands({ axis: 'height', peers: [2, 3] }) },
    ];
    const plan = planBuilder(graph)
      .segment({ through: 'pool2', lanes })
      .segment({ through: 'fc1', lanes: lanes.map(({ share }) => ({ share, split: flowing() })) })
      .segment({ split: whole(0) })
      .plan({ session, epoch: 0, peers });
    verifyPlan(graph, plan);
    expect(plan.segments[1]!.lanes.map(({ tiles }) => tiles.map(({ peer }) => peer))).toEqual([
      [peers[0], peers[1]],
      [peers[2], peers[3]],
    ]);
  });

  it('refuses to let partial sums flow on unsummed, inputs that nobody made, and rows into channels', () => {
    const summed = planBuilder(graph)
      .segment({ through: 'pool2', split: whole(0) })
      .segment({ through: 'fc1', split: partialSums({ peers: [0, 1] }) });
    expect(() => summed.segment({ through: 'fc2', split: flowing() })).toThrowError(
      invalid(/itself made as partial sums/),
    );
    expect(() => planBuilder(graph).segment({ through: 'conv1', split: flowing() })).toThrowError(
      invalid(/requester/),
    );
    const banded = planBuilder(graph).segment({
      through: 'pool1',
      split: bands({ axis: 'height', peers: [0, 1] }),
    });
    expect(() => banded.segment({ through: 'conv2', split: flowing() })).toThrowError(
      invalid(/cut along its height/),
    );
    expect(() => banded.segment({ through: 'fc1', split: flowing() })).toThrowError(invalid(/element-wise/));
  });

  it('leaves out of a flowing split the peers that made nothing', () => {
    const plan = planBuilder(graph)
      .segment({ through: 'pool2', split: bands({ axis: 'height', peers: four, shares: [1, 0, 1, 1] }) })
      .segment({ through: 'fc1', split: flowing() })
      .segment({ split: whole(0) })
      .plan({ session, epoch: 0, peers });
    verifyPlan(graph, plan);
    expect(plan.segments[1]!.lanes[0]!.tiles.map(({ peer }) => peer)).toEqual([peers[0], peers[2], peers[3]]);
    const whole1 = fullBox(tensorShapes(graph).get('fc1')!);
    expect(
      plan.segments[1]!.lanes[0]!.tiles.every(({ outputs }) => outputs[0]!.box[0]![1] === whole1[0]![1]),
    ).toBe(true);
  });
});
