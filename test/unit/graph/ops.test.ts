import { describe, expect, it } from 'vitest';
import { fullBox, isEmpty, type Box, type Shape } from '../../../src/graph/box.ts';
import type { ConvOp, Op, Padding } from '../../../src/graph/op.ts';
import { definitionOf, OP_KINDS, parseOp } from '../../../src/graph/ops/index.ts';
import { tensorShapes } from '../../../src/graph/shapes.ts';
import { isPeerceptronError } from '../../support/errors.ts';
import { randomOpCase } from '../../support/random-ops.ts';

const regions = (op: Op, inputs: readonly Shape[], output: Box, reduce?: Box) =>
  definitionOf(op).inputBoxes(op, inputs, output, reduce);
const same: Padding[] = [
  [1, 1],
  [1, 1],
];
const conv3x3: ConvOp = {
  kind: 'conv',
  kernelSize: [3, 3],
  strides: [1, 1],
  dilations: [1, 1],
  padding: same,
  groups: 1,
  outChannels: 8,
};
const zero: Padding = [0, 0];

describe('receptive fields', () => {
  it('conv: halo inside, padding at the true borders only', () => {
    const input = [10, 10, 4];
    const rows = (start: number, end: number): Box => [[start, end], [0, 10], [0, 8]]; // prettier-ignore
    expect(regions(conv3x3, [input], rows(0, 5))[0]).toEqual({
      box: [[0, 6], [0, 10], [0, 4]], // prettier-ignore
      padding: [[1, 0], [1, 1], zero], // prettier-ignore
    });
    expect(regions(conv3x3, [input], rows(3, 6))[0]).toEqual({
      box: [[2, 7], [0, 10], [0, 4]], // prettier-ignore
      padding: [zero, [1, 1], zero],
    });
    expect(regions(conv3x3, [input], rows(9, 10))[0]!.padding[0]).toEqual([0, 1]);
  });

  it('conv: dilation and asymmetric padding near both borders', () => {
    const op: ConvOp = {
      ...conv3x3,
      kernelSize: [3],
      strides: [2],
      dilations: [3],
      padding: [[6, 2]],
    };
    // Span 7 over 9 elements padded to 17: windows start at −6, −4, −2, 0, 2, 4.
    const input = [9, 1];
    expect(definitionOf(op).outputShape(op, [input])).toEqual([6, 8]);
    expect(regions(op, [input], [[0, 1], [0, 8]])[0]).toMatchObject({ box: [[0, 1], [0, 1]], padding: [[6, 0], zero] }); // prettier-ignore
    expect(regions(op, [input], [[0, 2], [0, 8]])[0]).toMatchObject({ box: [[0, 3], [0, 1]], padding: [[6, 0], zero] }); // prettier-ignore
    expect(regions(op, [input], [[3, 4], [0, 8]])[0]).toMatchObject({ box: [[0, 7], [0, 1]], padding: [zero, zero] }); // prettier-ignore
    expect(regions(op, [input], [[5, 6], [0, 8]])[0]).toMatchObject({ box: [[4, 9], [0, 1]], padding: [[0, 2], zero] }); // prettier-ignore
  });

  it('conv: groups need the channels of the groups that the box touches', () => {
    const op: ConvOp = { ...conv3x3, groups: 4, outChannels: 8 };
    const channels = (range: [number, number]) =>
      regions(op, [[5, 5, 12]], [[0, 5], [0, 5], range])[0]!.box[2]; // prettier-ignore
    expect(channels([0, 8])).toEqual([0, 12]);
    expect(channels([1, 2])).toEqual([0, 3]);
    expect(channels([3, 5])).toEqual([3, 9]);
    expect(channels([4, 6])).toEqual([6, 9]);
    const depthwise: ConvOp = { ...conv3x3, groups: 12, outChannels: 12 };
    expect(regions(depthwise, [[5, 5, 12]], [[0, 1], [0, 1], [7, 9]])[0]!.box[2]).toEqual([7, 9]); // prettier-ignore
  });

  it('reduce: conv over input channels, dense over the whole unflattened input', () => {
    expect(definitionOf(conv3x3).reduceShape(conv3x3, [[10, 10, 4]])).toEqual([4]);
    const box: Box = [[0, 2], [0, 2], [3, 5]]; // prettier-ignore
    expect(regions(conv3x3, [[10, 10, 4]], box, [[1, 3]])[0]!.box).toEqual([[0, 3], [0, 3], [1, 3]]); // prettier-ignore
    const weights = definitionOf(conv3x3).weightBoxes(conv3x3, [[10, 10, 4]], box, [[1, 3]]);
    expect(weights).toEqual([{ role: 'kernel', box: [[0, 3], [0, 3], [1, 3], [3, 5]] }]); // prettier-ignore
    expect(definitionOf(conv3x3).cost(conv3x3, [[10, 10, 4]], box, [[1, 3]]).macs).toBe(2 * 2 * 2 * 9 * 2);

    const dense: Op = { kind: 'dense', units: 4096 };
    const band: Box = [[0, 3], [0, 7], [0, 512]]; // prettier-ignore
    expect(definitionOf(dense).reduceShape(dense, [[7, 7, 512]])).toEqual([7, 7, 512]);
    expect(regions(dense, [[7, 7, 512]], [[0, 100]], band)[0]!.box).toEqual(band);
    expect(definitionOf(dense).weightBoxes(dense, [[7, 7, 512]], [[0, 100]], band)[0]!.box).toEqual([
      ...band,
      [0, 100],
    ]);
    expect(definitionOf(dense).cost(dense, [[7, 7, 512]], [[0, 100]], band)).toEqual({
      macs: 3 * 7 * 512 * 100,
      bytesRead: 4 * (3 * 7 * 512 + 3 * 7 * 512 * 100),
      bytesWritten: 400,
    });
  });

  it('concat, pad, merge, reshape, softmax', () => {
    const concat: Op = { kind: 'concat', axis: 1 };
    const parts = regions(concat, [[4, 2], [4, 3], [4, 2]], [[1, 3], [3, 5]]); // prettier-ignore
    expect(parts.map(({ box }) => box)).toEqual([[[0, 0], [0, 0]], [[1, 3], [1, 3]], [[0, 0], [0, 0]]]); // prettier-ignore

    const pad: Op = { kind: 'pad', padding: [[2, 3], [0, 1]], value: 0 }; // prettier-ignore
    expect(regions(pad, [[4, 4]], [[1, 9], [0, 4]])[0]).toEqual({ box: [[0, 4], [0, 4]], padding: [[1, 3], zero] }); // prettier-ignore
    expect(regions(pad, [[4, 4]], [[3, 5], [2, 5]])[0]).toEqual({ box: [[1, 3], [2, 4]], padding: [zero, [0, 1]] }); // prettier-ignore
    expect(isEmpty(regions(pad, [[4, 4]], [[0, 2], [0, 5]])[0]!.box)).toBe(true); // prettier-ignore

    const merge: Op = { kind: 'merge', mode: 'multiply' };
    expect(regions(merge, [[8, 8, 4], [1, 1, 4]], [[2, 3], [0, 8], [1, 2]])[1]!.box).toEqual([[0, 1], [0, 1], [1, 2]]); // prettier-ignore

    const flatten: Op = { kind: 'reshape', shape: [24] };
    expect(regions(flatten, [[2, 3, 4]], [[5, 6]])[0]!.box).toEqual(fullBox([2, 3, 4]));
    expect(definitionOf(flatten).tileableAxes(flatten, [[2, 3, 4]])).toEqual([]);
    const squeeze: Op = { kind: 'reshape', shape: [3, 1, 4] };
    expect(regions(squeeze, [[1, 3, 4]], [[1, 2], [0, 1], [2, 4]])[0]!.box).toEqual([[0, 1], [1, 2], [2, 4]]); // prettier-ignore

    const softmax: Op = { kind: 'softmax', axis: 1 };
    expect(regions(softmax, [[5, 7]], [[1, 2], [3, 4]])[0]!.box).toEqual([[1, 2], [0, 7]]); // prettier-ignore
    expect(definitionOf(softmax).tileableAxes(softmax, [[5, 7]])).toEqual([0]);
  });

  it('an empty output box needs nothing and costs nothing, whatever the op', () => {
    for (const [index, kind] of OP_KINDS.entries()) {
      for (let seed = 0; seed < 30; seed++) {
        const { graph, description } = randomOpCase(1000 * index + seed, [kind]);
        const { op } = graph.nodes[0]!;
        const inputs = graph.inputs.map(({ shape }) => shape);
        const output = tensorShapes(graph).get('out')!;
        const definition = definitionOf(op);
        for (let axis = 0; axis < output.length; axis++) {
          const empty: Box = fullBox(output).map((range, i) => (i === axis ? [range[1], range[1]] : range));
          for (const { box } of definition.inputBoxes(op, inputs, empty))
            expect(isEmpty(box), description).toBe(true);
          for (const { box } of definition.weightBoxes(op, inputs, empty))
            expect(isEmpty(box), description).toBe(true);
          expect(definition.cost(op, inputs, empty), description).toEqual({
            macs: 0,
            bytesRead: 0,
            bytesWritten: 0,
          });
        }
      }
    }
  });
});

describe('shapes', () => {
  const shape = (op: Op, ...inputs: Shape[]) => definitionOf(op).outputShape(op, inputs);
  const refusal = (op: Op, ...inputs: Shape[]): string => {
    try {
      shape(op, ...inputs);
    } catch (thrown) {
      if (isPeerceptronError(thrown, 'GRAPH_SHAPE')) return thrown.message;
      throw thrown;
    }
    return 'accepted';
  };

  it('of windows', () => {
    expect(shape({ ...conv3x3, strides: [2, 2] }, [224, 225, 3])).toEqual([112, 113, 8]);
    expect(shape({ kind: 'max-pool', poolSize: [2, 2, 2], strides: [2, 2, 2], padding: [zero, zero, zero] }, [16, 112, 111, 64])).toEqual([8, 56, 55, 64]); // prettier-ignore
  });

  it('refuses windows that do not fit or lie wholly in padding, naming op and axis', () => {
    expect(refusal(conv3x3, [10, 4])).toMatch(/conv: .*rank 3/);
    expect(refusal({ ...conv3x3, padding: [zero, zero] }, [10, 2, 4])).toMatch(
      /conv: axis 1: .*does not fit/,
    );
    const pool = (padding: Padding): Op => ({
      kind: 'max-pool',
      poolSize: [2],
      strides: [1],
      padding: [padding],
    });
    expect(refusal(pool([2, 0]), [5, 1])).toMatch(/max-pool: axis 0: .*wholly in the padding/);
    expect(refusal(pool([0, 2]), [5, 1])).toMatch(/max-pool: axis 0: .*wholly in the padding/);
    expect(refusal(pool([1, 1]), [5, 1])).toBe('accepted');
    // The stride steps over the padding behind: no window starts there.
    expect(refusal({ kind: 'max-pool', poolSize: [2], strides: [3], padding: [[0, 2]] }, [5, 1])).toBe(
      'accepted',
    );
  });

  it('refuses what does not match, naming the axis', () => {
    expect(refusal({ ...conv3x3, groups: 3, outChannels: 9 }, [8, 8, 4])).toMatch(/axis 2: 3 groups/);
    expect(refusal({ kind: 'merge', mode: 'add' }, [2, 3], [2, 4])).toMatch(/axis 1/);
    expect(refusal({ kind: 'merge', mode: 'add' }, [2, 3], [3])).toMatch(/rank/);
    expect(refusal({ kind: 'merge', mode: 'subtract' }, [3], [3], [3])).toMatch(/exactly two/);
    expect(refusal({ kind: 'merge', mode: 'add' }, [3])).toMatch(/two or more/);
    expect(refusal({ kind: 'concat', axis: 0 }, [2, 3], [2, 4])).toMatch(/axis 1/);
    expect(refusal({ kind: 'concat', axis: 2 }, [2, 3])).toMatch(/axis 2/);
    expect(refusal({ kind: 'pad', padding: [zero], value: 0 }, [2, 3])).toMatch(/rank 2/);
    expect(refusal({ kind: 'reshape', shape: [7] }, [2, 3])).toMatch(/number of elements/);
    expect(refusal({ kind: 'softmax', axis: 1 }, [5])).toMatch(/axis 1/);
    expect(refusal({ kind: 'global-pool', mode: 'avg', keepDims: false }, [5])).toMatch(
      /before the channels/,
    );
    expect(refusal({ kind: 'dense', units: 3 }, [2], [2])).toMatch(/takes 1 input, not 2/);
  });
});

describe('parseOp', () => {
  it('takes back every op that it gave out', () => {
    for (const [index, kind] of OP_KINDS.entries()) {
      for (let seed = 0; seed < 30; seed++) {
        const { op } = randomOpCase(1000 * index + seed, [kind]).graph.nodes[0]!;
        expect(parseOp(JSON.parse(JSON.stringify(op)))).toEqual(op);
      }
    }
  });

  it.each([
    [{ ...conv3x3, extra: 1 }, 'GRAPH_INVALID', /extra/],
    [{ ...conv3x3, strides: [0, 1] }, 'GRAPH_INVALID', /strides\.0/],
    [{ ...conv3x3, strides: [1] }, 'GRAPH_INVALID', /strides/],
    [{ ...conv3x3, padding: [[1, 1], [1, -1]] }, 'GRAPH_INVALID', /padding\.1\.1/], // prettier-ignore
    [{ ...conv3x3, kernelSize: [3, 3, 3, 3] }, 'GRAPH_INVALID', /kernelSize/],
    [{ ...conv3x3, groups: 3 }, 'GRAPH_INVALID', /groups/],
    [{ ...conv3x3, outChannels: 1e9 }, 'GRAPH_INVALID', /outChannels/],
    [{ ...conv3x3, outChannels: '8' }, 'GRAPH_INVALID', /outChannels/],
    [{ kind: 'dense', units: 1.5 }, 'GRAPH_INVALID', /units/],
    [{ kind: 'dense' }, 'GRAPH_INVALID', /units/],
    [{ kind: 'activation', function: 'sine' }, 'GRAPH_INVALID', /function/],
    [{ kind: 'activation', function: 'leaky-relu' }, 'GRAPH_INVALID', /alpha/],
    [{ kind: 'activation', function: 'relu', alpha: 1 }, 'GRAPH_INVALID', /alpha/],
    [{ kind: 'activation', function: 'elu', alpha: Infinity }, 'GRAPH_INVALID', /alpha/],
    [{ kind: 'batch-norm', epsilon: -1, scale: true, center: true }, 'GRAPH_INVALID', /epsilon/],
    [{ kind: 'reshape', shape: [1, 1, 1, 1, 1, 1, 1, 1, 1] }, 'GRAPH_INVALID', /shape/],
    [{ kind: 'pad', padding: [[0, 1e6]], value: 0 }, 'GRAPH_INVALID', /padding/],
    [{ kind: 'softmax', axis: -1 }, 'GRAPH_INVALID', /axis/],
    [{ kind: 'lrn', radius: 2, alpha: 1, beta: 1, bias: 0 }, 'GRAPH_INVALID', /bias/],
    [{ kind: 'lrn', radius: 0.5, alpha: 1, beta: 1, bias: 1 }, 'GRAPH_INVALID', /radius/],
    [{ kind: 'upsample', factors: [0], mode: 'nearest' }, 'GRAPH_INVALID', /factors\.0/],
    [{ kind: 'upsample', factors: [2], mode: 'linear' }, 'GRAPH_INVALID', /coordinates/],
    [{ kind: 'upsample', factors: [2], mode: 'nearest', coordinates: 'half-pixel' }, 'GRAPH_INVALID', /coordinates/], // prettier-ignore
    [{ kind: 'max-pool', poolSize: [2], strides: [1], dilations: [1, 1], padding: [[0, 0]] }, 'GRAPH_INVALID', /dilations/], // prettier-ignore
    [{ kind: 'lstm' }, 'OP_UNSUPPORTED', /lstm/],
    [{ kind: 'constructor' }, 'OP_UNSUPPORTED', /constructor/],
    [null, 'GRAPH_INVALID', /kind/],
    ['conv', 'GRAPH_INVALID', /kind/],
  ] as const)('refuses %j', (raw, code, message) => {
    try {
      parseOp(raw);
      expect.unreachable();
    } catch (thrown) {
      expect(thrown).toMatchObject({ code, message: expect.stringMatching(message) as string });
    }
  });
});
