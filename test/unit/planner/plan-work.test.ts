import { describe, expect, it } from 'vitest';
import { graphCost } from '../../../src/graph/inspect.ts';
import { compilePlan } from '../../../src/planner/compiled-plan.ts';
import { planBuilder } from '../../../src/planner/plan-builder.ts';
import { macsPerPeer, partOfWork } from '../../../src/planner/plan-work.ts';
import { bands, channels, whole } from '../../../src/planner/splits.ts';
import { asSessionId } from '../../../src/shared/ids.ts';
import { peerIdOf } from '../../support/memory-network.ts';
import { lenet } from '../../support/small-networks.ts';

const graph = lenet();
const { macs } = graphCost(graph);
const peers = [0, 1, 2].map(peerIdOf);
const to = { session: asSessionId('e'.repeat(32)), epoch: 0, peers };
const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);

describe('the work of a plan', () => {
  it('is the whole network for a single device', () => {
    const compiled = compilePlan(
      graph,
      planBuilder(graph)
        .segment({ split: whole(0) })
        .plan(to),
    );
    expect(macsPerPeer(compiled)).toEqual(new Map([[peers[0], macs]]));
    expect(partOfWork(compiled, peers[0]!)).toBe(1);
    expect(partOfWork(compiled, peers[1]!)).toBe(0);
  });

  it('is dealt out by channels without a rest', () => {
    const plan = planBuilder(graph)
      .layers({ split: channels({ peers: [0, 1] }), through: 'fc3' })
      .segment({ split: whole(0) })
      .plan(to);
    const compiled = compilePlan(graph, plan);
    expect(sum(macsPerPeer(compiled).values())).toBeCloseTo(macs, 6);
    expect(partOfWork(compiled, peers[0]!) + partOfWork(compiled, peers[1]!)).toBeCloseTo(1, 12);
  });

  it('has what bands compute twice, and counts a lane by its share', () => {
    const plan = planBuilder(graph)
      .segment({ through: 'pool2', split: bands({ axis: 'height', peers: [0, 1] }) })
      .segment({
        lanes: [
          { share: 3, split: whole(1) },
          { share: 1, split: whole(2) },
        ],
      })
      .plan(to);
    const work = macsPerPeer(compilePlan(graph, plan));
    expect(sum(work.values())).toBeGreaterThan(macs);
    const dense = graphCost(graph)
      .layers.filter(({ op }) => op === 'dense')
      .reduce((total, layer) => total + layer.macs, 0);
    expect(work.get(peers[2]!)).toBeCloseTo(dense / 4, 6);
  });
});
