import { describe, expect, it } from 'vitest';
import { compilePlan } from '../../../src/planner/compiled-plan.ts';
import { frameTraffic, isLossyTraffic, withCodec } from '../../../src/planner/plan-codec.ts';
import { planBuilder } from '../../../src/planner/plan-builder.ts';
import { parsePlanFile } from '../../../src/planner/plan-file.ts';
import type { Plan } from '../../../src/planner/plan.ts';
import { partialSums, whole } from '../../../src/planner/splits.ts';
import { planProblems } from '../../../src/planner/verify-plan.ts';
import { asSessionId } from '../../../src/shared/ids.ts';
import { peerIdOf } from '../../support/memory-network.ts';
import { lenet } from '../../support/small-networks.ts';

const graph = lenet();
const dense = graph.nodes.findIndex(({ op }) => op.kind === 'dense');

/** Convolutions on peer 1, the first dense layer as partial sums on 2 and 3, the rest on 1. */
function plan(): Plan {
  const file = planBuilder(graph)
    .segment({ through: graph.nodes[dense - 1]!.id, split: whole(0) })
    .segment({ through: graph.nodes[dense]!.id, split: partialSums({ peers: [1, 2] }) })
    .segment({ split: whole(0) })
    .file('a test');
  const peers = [1, 2, 3].map(peerIdOf);
  return parsePlanFile(file, { graph, session: asSessionId('7'.repeat(32)), epoch: 0, peers });
}

describe('withCodec', () => {
  it('touches activations between peers, and neither partial sums nor results nor what the plan says', () => {
    const lossy = withCodec(graph, plan(), 'f16');
    expect(planProblems(graph, lossy)).toEqual([]);
    const codecs = lossy.segments.map(({ lanes }) =>
      lanes[0]!.tiles.map(({ outputs }) => outputs[0]!.codec ?? 'nothing'),
    );
    expect(codecs).toEqual([['f16'], ['nothing', 'nothing'], ['nothing']]);
    const again = withCodec(graph, lossy, 'u8');
    expect(again).toEqual(lossy);
  });
});

describe('frameTraffic', () => {
  it('counts every stream between peers and requester once, by codec', () => {
    const compiled = compilePlan(graph, withCodec(graph, plan(), 'f16'));
    const lanes = [0, 0, 0];
    const input = graph.inputs[0]!;
    const traffic = frameTraffic(compiled, lanes, new Set([input.id]));
    const size = (box: readonly (readonly [number, number])[]): number =>
      box.reduce((product, [start, end]) => product * (end - start), 1);
    const middle = size(compiled.program(0, 0, 0).outputs[0]!.box);
    const units = size(compiled.program(1, 0, 0).outputs[0]!.box);
    const result = size(compiled.program(2, 0, 0).outputs[0]!.box);
    expect(traffic).toEqual([
      { codec: 'pixels', pieces: 1, bytes: 28 * 28 + 16, f32Bytes: 28 * 28 * 4 },
      // Each half of the sum takes half of the channels.
      { codec: 'f16', pieces: 2, bytes: middle * 2, f32Bytes: middle * 4 },
      { codec: 'f32', pieces: 3, bytes: (2 * units + result) * 4, f32Bytes: (2 * units + result) * 4 },
    ]);
    expect(isLossyTraffic(traffic)).toBe(true);
    const exact = frameTraffic(compilePlan(graph, plan()), lanes);
    expect(exact.map(({ codec }) => codec)).toEqual(['f32']);
    expect(isLossyTraffic(exact)).toBe(false);
  });
});
