import { describe, expect, it } from 'vitest';
import type { Graph } from '../../../src/graph/graph.ts';
import { compileTile, type TileProgram } from '../../../src/graph/tile-program.ts';
import { compilePlan } from '../../../src/planner/compiled-plan.ts';
import { memoryOfTiles, memoryPerPeer, sharedBytes } from '../../../src/planner/memory.ts';
import type { Plan } from '../../../src/planner/plan.ts';
import { planProblems } from '../../../src/planner/verify-plan.ts';
import { windowWithin } from '../../../src/planner/plan-window.ts';
import { asSessionId } from '../../../src/shared/ids.ts';
import { peerIdOf } from '../../support/memory-network.ts';
import { Chain } from '../../support/small-networks.ts';

const kernel = (id: string, input: string, units: number): Graph['nodes'][number] => ({
  id,
  op: { kind: 'dense', units },
  inputs: [input],
  weights: { kernel: `${id}/kernel` },
});

/** Weights of 100 × 40, 40 × 60 and 60 × 5 floats: 16,000, 9,600 and 1,200 bytes. */
const graph: Graph = {
  name: 'three dense layers',
  inputs: [{ id: 'in', shape: [100] }],
  nodes: [kernel('a', 'in', 40), kernel('b', 'a', 60), kernel('c', 'b', 5)],
  outputs: ['c'],
};
const weights = { a: 16_000, b: 9_600, c: 1_200 };

/** Ops `[start, end)` with the units `range` of the last. */
const tile = (start: number, end: number, range?: readonly [number, number]): TileProgram => {
  const last = graph.nodes[end - 1]!;
  const units = last.op.kind === 'dense' ? last.op.units : 0;
  return compileTile(graph, {
    ops: [start, end],
    outputs: [{ tensor: last.id, box: [range ?? [0, units]] }],
  });
};

describe('memory of tiles', () => {
  it('is two copies for every tile anew, and the activations, on an engine that packs', () => {
    const bands = [tile(0, 1, [0, 10]), tile(0, 1, [0, 10])];
    const one = 100 * 10 * 4;
    // Two frames of 100 inputs for each of two tiles; 10 outputs of the one that runs.
    const activationBytes = 2 * 2 * 400 + 40;
    expect(memoryOfTiles(bands, 2)).toEqual({
      weightBytes: one,
      activationBytes,
      totalBytes: 4 * one + activationBytes,
    });
    expect(memoryOfTiles(bands, 2, 'packed')).toEqual(memoryOfTiles(bands, 2));
  });

  it('is one copy, and the slices of the tile that is loaded, on an engine that holds weights once', () => {
    const layers = [tile(0, 1), tile(1, 2), tile(2, 3)];
    const total = weights.a + weights.b + weights.c;
    const { weightBytes, totalBytes } = memoryOfTiles(layers, 1, 'once');
    expect(weightBytes).toBe(total);
    // The worst moment is the second layer: both are on the engine, its slice is there as it came too, and it runs: its input as it came and on the engine, and its output.
    expect(totalBytes).toBe(weights.a + 2 * weights.b + 4 * (40 + (40 + 60)));
    expect(totalBytes).toBeLessThan(memoryOfTiles(layers, 1).totalBytes);
  });

  it('counts all slices of a tile that come together', () => {
    const { totalBytes } = memoryOfTiles([tile(0, 3)], 1, 'once');
    const total = weights.a + weights.b + weights.c;
    // Its input as it came and on the engine, and what is made of it first.
    expect(totalBytes).toBe(2 * total + 4 * (100 + (100 + 40)));
  });

  it('counts the panels that the largest filter is copied by, where that is more than what then runs', () => {
    const small = new Chain([4, 4, 8]).conv('first', 3, 16, 1).conv('second', 3, 32, 1).graph('filters');
    const program = compileTile(small, {
      ops: [0, small.nodes.length],
      outputs: [{ tensor: small.outputs[0]!, box: [[0, 4], [0, 4], [0, 32]] }],
    }); // prettier-ignore
    const largest = 4 * 3 * 3 * 16 * 32;
    const total = 4 * (3 * 3 * 8 * 16 + 16 + 3 * 3 * 16 * 32 + 32);
    expect(memoryOfTiles([program], 1, 'once').totalBytes).toBe(2 * total + largest);
  });

  it('counts the frames in flight where they take more than loading did', () => {
    const { totalBytes, activationBytes } = memoryOfTiles([tile(2, 3)], 40, 'once');
    expect(activationBytes).toBe(40 * 60 * 4 + (60 + 5) * 4);
    expect(totalBytes).toBe(weights.c + activationBytes);
  });

  it('counts a slice that later tiles wait for, once as it came beside the copy of the tile', () => {
    const band = tile(0, 1, [0, 10]);
    const one = 100 * 10 * 4;
    const pair = memoryOfTiles([band, band], 1, 'once');
    expect(pair.weightBytes).toBe(one);
    const running = 4 * (100 + (100 + 10));
    // While the first is loaded: on the engine, kept for the second, and as it came.
    expect(pair.totalBytes).toBe(3 * one + running);
    expect(memoryOfTiles([band], 1, 'once').totalBytes).toBe(2 * one + running);
  });
});

describe('what tiles share with others that are loaded', () => {
  it('is equal slices, each once, on an engine that holds weights once', () => {
    const held = [tile(0, 1), tile(1, 2, [0, 30])];
    expect(sharedBytes([tile(0, 2), tile(2, 3)], held, 'once')).toBe(weights.a);
    expect(sharedBytes([tile(0, 1), tile(0, 1)], held, 'once')).toBe(weights.a);
    expect(sharedBytes([tile(0, 1, [0, 20])], held, 'once')).toBe(0);
  });

  it('is equal tiles, with both copies of their weights, on an engine that packs', () => {
    const held = [tile(0, 1), tile(1, 2)];
    expect(sharedBytes([tile(0, 1), tile(2, 3)], held)).toBe(2 * weights.a);
    expect(sharedBytes([tile(0, 2)], held)).toBe(0);
  });
});

describe('memory of a plan', () => {
  const second = peerIdOf(2);
  const on = (peer: number, op: number) => {
    const { id } = graph.nodes[op]!;
    const tile = { peer: peerIdOf(peer), outputs: [{ tensor: id, box: [[0, [40, 60, 5][op]!]] as const }] };
    return { ops: [op, op + 1] as const, lanes: [{ share: 1, tiles: [tile] }] };
  };
  const plan: Plan = {
    session: asSessionId('7'.repeat(32)),
    epoch: 0,
    model: graph.name,
    segments: [on(2, 0), on(2, 1), on(1, 2)],
  };
  const compiled = compilePlan(graph, plan);
  const storageOf = (peer: string) => (peer === second ? ('once' as const) : undefined);

  it('goes by the engine of every peer', () => {
    const packed = memoryPerPeer(compiled, 2);
    const mixed = memoryPerPeer(compiled, 2, storageOf);
    const programs = compiled.tilesOf(second).map((at) => compiled.program(at.segment, at.lane, at.tile));
    expect(mixed.get(second)).toEqual(memoryOfTiles(programs, 2, 'once'));
    expect(mixed.get(second)).not.toEqual(packed.get(second));
    expect(mixed.get(peerIdOf(1))).toEqual(packed.get(peerIdOf(1)));
  });

  it('decides whether a plan fits, and how many frames do', () => {
    const need = (window: number): number =>
      memoryPerPeer(compiled, window, storageOf).get(second)!.totalBytes;
    const memoryBytes = new Map([[second, need(1)]]);
    expect(planProblems(graph, plan, { memoryBytes, weightStorageOf: storageOf })).toEqual([]);
    expect(planProblems(graph, plan, { memoryBytes })).toMatchObject([{ rule: 'PL7' }]);
    // Two stages could use four frames.
    expect(need(40)).toBeLessThan(need(41));
    const offers = new Map([[second, need(1)]]);
    expect(windowWithin(compiled, offers, 'rate', storageOf)).toBe(4);
    expect(windowWithin(compiled, offers)).toBe(1);
  });
});
