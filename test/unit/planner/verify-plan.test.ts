import { describe, expect, it } from 'vitest';
import { fullBox, type Box } from '../../../src/graph/box.ts';
import { tensorShapes } from '../../../src/graph/shapes.ts';
import { parsePlan } from '../../../src/planner/parse-plan.ts';
import { pipelinePlan } from '../../../src/planner/pipeline-plan.ts';
import type { Lane, Plan, Tile } from '../../../src/planner/plan.ts';
import { planProblems, verifyPlan, type PlanRule } from '../../../src/planner/verify-plan.ts';
import { asSessionId } from '../../../src/shared/ids.ts';
import { peerIdOf } from '../../support/memory-network.ts';
import { lenet } from '../../support/small-networks.ts';

const graph = lenet();
const shapes = tensorShapes(graph);
const session = asSessionId('5'.repeat(32));
const peers = [1, 2, 3].map(peerIdOf);
const pipeline = pipelinePlan({ graph, session, epoch: 0, peers: peers.map((id) => ({ id, speed: 1 })) });
const indexOf = (kind: string): number => graph.nodes.findIndex(({ op }) => op.kind === kind);

/** One op as its own segment with the given tiles; the rest in one tile before and one after. */
function around(index: number, tiles: readonly Tile[]): Plan {
  const whole = (start: number, end: number) => {
    const last = graph.nodes[end - 1]!.id;
    const lane: Lane = {
      share: 1,
      tiles: [{ peer: peers[0]!, outputs: [{ tensor: last, box: fullBox(shapes.get(last)!) }] }],
    };
    return { ops: [start, end] as const, lanes: [lane] };
  };
  const segments = [
    ...(index > 0 ? [whole(0, index)] : []),
    { ops: [index, index + 1] as const, lanes: [{ share: 1, tiles }] },
    ...(index + 1 < graph.nodes.length ? [whole(index + 1, graph.nodes.length)] : []),
  ];
  return { session, epoch: 0, model: graph.name, segments };
}

const boxOf = (index: number): Box => fullBox(shapes.get(graph.nodes[index]!.id)!);
const tile = (index: number, box: Box, reduce?: Box): Tile => ({
  peer: peers[1]!,
  outputs: [{ tensor: graph.nodes[index]!.id, box }],
  ...(reduce ? { reduce } : {}),
});
const cut = (box: Box, axis: number, range: Box[number]): Box =>
  box.map((known, i) => (i === axis ? range : known));
const rules = (plan: Plan): PlanRule[] => planProblems(graph, plan).map(({ rule }) => rule);

describe('verifyPlan', () => {
  it('accepts a pipeline', () => {
    expect(planProblems(graph, pipeline)).toEqual([]);
  });

  it('[PL1] refuses gaps, overlaps, and ops in no segment', () => {
    const [first, second, third] = pipeline.segments as [
      Plan['segments'][0],
      Plan['segments'][0],
      Plan['segments'][0],
    ];
    expect(rules({ ...pipeline, segments: [first, third] })).toEqual(['PL1']);
    expect(rules({ ...pipeline, segments: [first, first, second, third] })).toEqual(['PL1']);
    expect(rules({ ...pipeline, segments: [first, second] })).toEqual(['PL1']);
    expect(rules({ ...pipeline, segments: [] })).toEqual(['PL1']);
  });

  it('[PL2] refuses a segment without lanes, without tiles, or with a share of nothing', () => {
    const replaceLanes = (lanes: readonly Lane[]): Plan => ({
      ...pipeline,
      segments: pipeline.segments.map((segment, index) => (index === 1 ? { ...segment, lanes } : segment)),
    });
    expect(rules(replaceLanes([]))).toEqual(['PL2']);
    expect(rules(replaceLanes([{ share: 1, tiles: [] }]))).toContain('PL2');
    expect(rules(replaceLanes([{ ...pipeline.segments[1]!.lanes[0]!, share: 0 }]))).toEqual(['PL2']);
  });

  it('[PL3] refuses a tile without an output for a live tensor, or with one too many', () => {
    const conv = indexOf('conv');
    const good = tile(conv, boxOf(conv));
    expect(rules(around(conv, [{ ...good, outputs: [] }]))).toContain('PL3');
    expect(rules(around(conv, [{ ...good, outputs: [...good.outputs, ...good.outputs] }]))).toContain('PL3');
  });

  it('[PL4] refuses boxes that overlap or leave a hole, per axis', () => {
    const conv = indexOf('conv');
    const box = boxOf(conv);
    for (const [axis, [, end]] of box.entries()) {
      const split = (a: Box[number], b: Box[number]): PlanRule[] =>
        rules(around(conv, [tile(conv, cut(box, axis, a)), tile(conv, cut(box, axis, b))]));
      expect(split([0, 2], [2, end])).toEqual([]);
      expect(split([0, 3], [2, end])).toEqual(['PL4']);
      expect(split([0, 1], [2, end])).toEqual(['PL4']);
    }
  });

  it('names op, axis and reason', () => {
    const conv = indexOf('conv');
    const box = boxOf(conv);
    const said = (...tiles: Tile[]): string => planProblems(graph, around(conv, tiles))[0]!.message;
    const rows = (range: Box[number]): Tile => tile(conv, cut(box, 0, range));
    expect(said(rows([0, 12]), rows([12, 28]), rows([10, 13]))).toMatch(
      /op 'conv1' \(conv\) exactly once, and tiles 0 and 2 both make height 10:12$/,
    );
    expect(said(rows([0, 12]), rows([15, 28]))).toMatch(/no tile makes height 12:15$/);
    expect(said(tile(conv, cut(cut(box, 0, [0, 28]), 1, [0, 9])))).toMatch(/no tile makes width 9:28$/);
    expect(said(rows([0, 29]))).toMatch(
      /op 'conv1' \(conv\): .* 0:29 along its height \(axis 0\), which goes from 0 to 28/,
    );
    expect(said(tile(conv, box.slice(1)))).toMatch(/has 2 axes, and \[28, 28, 6\] has 3/);
    const dense = indexOf('dense');
    const input = fullBox(shapes.get(graph.nodes[dense]!.inputs[0]!)!);
    const sums = [
      tile(dense, boxOf(dense), cut(input, 0, [0, 2])),
      tile(dense, boxOf(dense), cut(input, 0, [3, 5])),
    ];
    expect(planProblems(graph, around(dense, sums))[0]!.message).toMatch(
      /op 'fc1' .* no tile makes input height 2:3$/,
    );
    const pool = indexOf('max-pool');
    expect(planProblems(graph, around(pool, [tile(pool, boxOf(pool), [[0, 3]])]))[0]!.message).toMatch(
      /op 'pool1' \(max-pool\) cannot be computed as partial sums/,
    );
    const only = (ops: [number, number][]): string =>
      planProblems(graph, { ...pipeline, segments: ops.map((range) => ({ ops: range, lanes: [] })) })[0]!
        .message;
    expect(
      only([
        [0, 2],
        [4, 6],
      ]),
    ).toMatch(/leaves out op 2, 'relu1' to op 3, 'pool1'/);
    expect(
      only([
        [0, 2],
        [1, 6],
      ]),
    ).toMatch(/begins with op 1, 'conv1\/bias', .*: go on from op 2, 'relu1'/);
    expect(only([[0, 99]])).toMatch(/has only \d+/);
  });

  it('[PL4] counts the contraction as part of the partition', () => {
    const dense = indexOf('dense');
    const box = boxOf(dense);
    const input = fullBox(shapes.get(graph.nodes[dense]!.inputs[0]!)!);
    const axis = input.length - 1;
    const parts = (a: Box[number], b: Box[number]): PlanRule[] =>
      rules(around(dense, [tile(dense, box, cut(input, axis, a)), tile(dense, box, cut(input, axis, b))]));
    const [, end] = input[axis]!;
    expect(parts([0, 3], [3, end])).toEqual([]);
    expect(parts([0, 4], [3, end])).toEqual(['PL4']);
    expect(parts([0, 2], [3, end])).toEqual(['PL4']);
  });

  it('[PL5] refuses boxes outside the tensor, and cuts along an axis that cannot be cut', () => {
    const conv = indexOf('conv');
    const outside = cut(boxOf(conv), 0, [0, 99]);
    expect(rules(around(conv, [tile(conv, outside)]))).toContain('PL5');
    const softmax = graph.nodes.length - 1;
    expect(graph.nodes[softmax]!.op.kind).toBe('softmax');
    const problems = planProblems(
      graph,
      around(softmax, [tile(softmax, [[0, 4]]), tile(softmax, [[4, 10]])]),
    );
    expect(problems.map(({ rule }) => rule)).toEqual(['PL5', 'PL5']);
    expect(problems[0]!.message).toContain(graph.nodes[softmax]!.id);
    expect(problems[0]!.message).toContain('axis 0');
  });

  it('[PL6] refuses partial sums of an op that is not linear, or out of its domain', () => {
    const relu = indexOf('activation');
    expect(rules(around(relu, [tile(relu, boxOf(relu), [[0, 1]])]))).toContain('PL6');
    const dense = indexOf('dense');
    expect(rules(around(dense, [tile(dense, boxOf(dense), [[0, 1]])]))).toContain('PL6');
  });

  it('[PL7] refuses a plan that does not fit, saying how much is missing', () => {
    const memoryBytes = new Map([[peers[2]!, 1000]]);
    const problems = planProblems(graph, pipeline, { memoryBytes });
    expect(problems.map(({ rule }) => rule)).toEqual(['PL7']);
    expect(problems[0]!.message).toContain('missing');
    expect(() => verifyPlan(graph, pipeline, { memoryBytes })).toThrowError(
      expect.objectContaining({ code: 'PLAN_MEMORY' }) as Error,
    );
  });

  it('throws PLAN_INVALID with the problems in words', () => {
    expect(() => verifyPlan(graph, { ...pipeline, segments: [] })).toThrowError(
      expect.objectContaining({
        code: 'PLAN_INVALID',
        message: expect.stringContaining(graph.nodes[0]!.id) as string,
      }) as Error,
    );
  });
});

describe('parsePlan', () => {
  it('takes what was written as JSON', () => {
    expect(parsePlan(JSON.parse(JSON.stringify(pipeline)))).toEqual(pipeline);
  });

  it.each([
    ['nothing', undefined],
    ['a session that is no id', { ...pipeline, session: 'x' }],
    ['a negative epoch', { ...pipeline, epoch: -1 }],
    ['a fractional op', { ...pipeline, segments: [{ ...pipeline.segments[0], ops: [0, 1.5] }] }],
    ['an unknown field', { ...pipeline, hint: 'fast' }],
    [
      'a box of numbers',
      {
        ...pipeline,
        segments: [
          {
            ops: [0, 1],
            lanes: [{ share: 1, tiles: [{ peer: peers[0], outputs: [{ tensor: 'a', box: [1] }] }] }],
          },
        ],
      },
    ],
  ])('refuses %s with PLAN_INVALID', (_, raw) => {
    expect(() => parsePlan(raw)).toThrowError(expect.objectContaining({ code: 'PLAN_INVALID' }) as Error);
  });

  it('[PL8] partial sums travel as f32, and codecs of inputs name inputs once', () => {
    const index = indexOf('dense');
    const halves = [0, 1].map((half): Tile => {
      const size = shapes.get(graph.nodes[index]!.inputs[0]!)!;
      const first = size[0]!;
      const cutAt = Math.floor(first / 2);
      const reduce = fullBox(size).map((range, axis) =>
        axis > 0 ? range : half === 0 ? ([0, cutAt] as const) : ([cutAt, first] as const),
      );
      return tile(index, boxOf(index), reduce);
    });
    const withCodec = (tiles: readonly Tile[], codec: 'f16' | 'u8' | 'f32'): Tile[] =>
      tiles.map((known) => ({ ...known, outputs: known.outputs.map((output) => ({ ...output, codec })) }));
    expect(rules(around(index, halves))).toEqual([]);
    expect(rules(around(index, withCodec(halves, 'f32')))).toEqual([]);
    expect(rules(around(index, withCodec(halves, 'f16')))).toEqual(['PL8', 'PL8']);
    expect(rules(around(index, [halves[0]!, ...withCodec([halves[1]!], 'u8')]))).toEqual(['PL8']);
    expect(rules(around(index, withCodec([tile(index, boxOf(index))], 'u8')))).toEqual([]);
    const id = graph.inputs[0]!.id;
    const inputs = (...tensors: string[]) => tensors.map((tensor) => ({ tensor, codec: 'f16' as const }));
    expect(rules({ ...pipeline, inputs: inputs(id) })).toEqual([]);
    expect(rules({ ...pipeline, inputs: inputs(id, id) })).toEqual(['PL8']);
    expect(rules({ ...pipeline, inputs: inputs('nothing') })).toEqual(['PL8']);
    expect(() => parsePlan({ ...pipeline, inputs: [{ tensor: id, codec: 'mp3' }] })).toThrowError(/codec/);
  });
});
