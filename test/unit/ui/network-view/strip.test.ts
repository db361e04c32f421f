import { describe, expect, it } from 'vitest';
import { graphCost } from '../../../../src/graph/inspect.ts';
import { NETWORKS } from '../../../../src/models/presets.ts';
import { planBuilder } from '../../../../src/planner/plan-builder.ts';
import { bands, channels, partialSums, whole } from '../../../../src/planner/splits.ts';
import { asSessionId } from '../../../../src/shared/ids.ts';
import { peersInOrder, stripOf, stripOps, STRIP_WIDTH } from '../../../../src/ui/network-view/strip.ts';
import { peerIdOf } from '../../../support/memory-network.ts';
import { Chain, lenet } from '../../../support/small-networks.ts';

const to = { session: asSessionId('e'.repeat(32)), epoch: 0, peers: [0, 1, 2, 3].map(peerIdOf) };

describe('the ops of a network, side by side', () => {
  it.each(Object.entries(NETWORKS))('of %s fill the strip, none too narrow to be hit', (_, build) => {
    const ops = stripOps(build());
    let x = 0;
    for (const op of ops) {
      expect(op.x).toBeCloseTo(x, 6);
      expect(op.width).toBeGreaterThan(0.3 * (STRIP_WIDTH / ops.length) * 0.5);
      x += op.width;
    }
    expect(x).toBeCloseTo(STRIP_WIDTH, 6);
  });

  it('are the wider the more they compute', () => {
    const graph = lenet();
    const { layers } = graphCost(graph);
    const ops = stripOps(graph);
    const byMacs = [...ops].sort((a, b) => layers[a.index]!.macs - layers[b.index]!.macs);
    const widths = byMacs.map(({ width }) => width);
    expect(widths).toEqual(widths.toSorted((a, b) => a - b));
    expect(ops.reduce((sum, { part }) => sum + part, 0)).toBeCloseTo(1, 9);
  });

  it('are equal where nothing is multiplied', () => {
    const graph = new Chain([4, 4, 1]).relu('a').relu('b').graph('light');
    expect(stripOps(graph).map(({ width }) => width)).toEqual([STRIP_WIDTH / 2, STRIP_WIDTH / 2]);
  });
});

describe('the bands of a plan', () => {
  const graph = lenet();
  const plan = planBuilder(graph)
    .segment({ through: 'pool2', split: bands({ axis: 'height', peers: [0, 1], shares: [1, 1] }) })
    .segment({ through: 'fc1', split: partialSums({ peers: [2, 0] }) })
    .segment({
      lanes: [
        { share: 3, split: whole(3) },
        { share: 1, split: whole(1) },
      ],
    })
    .plan(to);
  const { ops, bands: found } = stripOf(graph, plan);

  it('cover every segment from top to bottom, and lie over its ops', () => {
    for (const segment of [0, 1, 2]) {
      const own = found.filter((band) => band.segment === segment);
      expect(own[0]!.y).toBe(0);
      for (const [index, { y, height }] of own.entries())
        expect(y + height).toBeCloseTo(own[index + 1]?.y ?? 1, 9);
      const [start, end] = plan.segments[segment]!.ops;
      expect(own[0]!.x).toBe(ops[start]!.x);
      expect(own[0]!.x + own[0]!.width).toBeCloseTo(ops[end - 1]!.x + ops[end - 1]!.width, 6);
    }
  });

  it('are as high as their part of the output, the contraction, or the frames', () => {
    const heights = (segment: number) =>
      found.filter((band) => band.segment === segment).map(({ height }) => height);
    // Five rows cannot be halved.
    expect(heights(0).toSorted((a, b) => a - b)).toEqual([expect.closeTo(0.4, 6), expect.closeTo(0.6, 6)]);
    expect(heights(1).reduce((sum, height) => sum + height, 0)).toBeCloseTo(1, 9);
    expect(heights(2)).toEqual([expect.closeTo(0.75, 9), expect.closeTo(0.25, 9)]);
  });

  it('leave out tiles that have nothing to do', () => {
    const idle = planBuilder(graph)
      .layers({ split: channels({ peers: [0, 1, 2, 3], shares: [1, 1, 1, 0] }), through: 'fc3' })
      .segment({ split: whole(0) })
      .plan(to);
    expect(stripOf(graph, idle).bands.every(({ peer }) => peer !== peerIdOf(3))).toBe(true);
  });

  it('name peers in the order of the plan', () => {
    expect(peersInOrder(plan)).toEqual([0, 1, 2, 3].map(peerIdOf));
  });
});
