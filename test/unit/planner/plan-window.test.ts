import { describe, expect, it } from 'vitest';
import { compilePlan } from '../../../src/planner/compiled-plan.ts';
import { memoryPerPeer } from '../../../src/planner/memory.ts';
import { pipelinePlan } from '../../../src/planner/pipeline-plan.ts';
import type { Plan } from '../../../src/planner/plan.ts';
import { planWindow, windowWithin } from '../../../src/planner/plan-window.ts';
import { asSessionId } from '../../../src/shared/ids.ts';
import { peerIdOf } from '../../support/memory-network.ts';
import { lenet } from '../../support/small-networks.ts';

const session = asSessionId('7'.repeat(32));

/** Per segment, its lanes, each as the numbers of its peers. */
const planOf = (...segments: number[][][]): Plan => ({
  session,
  epoch: 0,
  model: 'test',
  segments: segments.map((lanes, index) => ({
    ops: [index, index + 1],
    lanes: lanes.map((peers) => ({
      share: 1,
      tiles: peers.map((peer) => ({ peer: peerIdOf(peer), outputs: [] })),
    })),
  })),
});

describe('planWindow', () => {
  it.each([
    ['one peer', planOf([[1]]), 2, 2],
    ['a pipeline of three', planOf([[1]], [[2]], [[3]]), 6, 4],
    ['bands over the same peers, segment by segment', planOf([[1, 2, 3]], [[1, 2, 3]], [[1]]), 2, 2],
    ['three replicas before one peer', planOf([[1], [2], [3]], [[4]]), 8, 5],
    ['bands, then others', planOf([[1, 2]], [[1]], [[3]]), 4, 3],
    ['very many replicas', planOf(Array.from({ length: 40 }, (_, peer) => [peer])), 32, 32],
  ])('keeps the stages of %s busy', (_, plan, forRate, forLatency) => {
    expect(planWindow(plan)).toBe(forRate);
    expect(planWindow(plan, 'latency')).toBe(forLatency);
  });

  it('is smaller where the memory of a peer ends, and 1 at least', () => {
    const peers = [1, 2, 3].map((index) => ({ id: peerIdOf(index), speed: 1 }));
    const compiled = compilePlan(lenet(), pipelinePlan({ graph: lenet(), session, epoch: 0, peers }));
    const need = (window: number): number => memoryPerPeer(compiled, window).get(peerIdOf(1))!.totalBytes;
    expect(need(3)).toBeLessThan(need(4));
    const within = (bytes: number): number => windowWithin(compiled, new Map([[peerIdOf(1), bytes]]));
    expect(within(need(6))).toBe(6);
    expect(within(need(4) - 1)).toBe(3);
    expect(within(0)).toBe(1);
  });
});
