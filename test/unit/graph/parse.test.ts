import { describe, expect, it } from 'vitest';
import { parseGraph, serializeGraph, verifyGraph } from '../../../src/graph/parse.ts';
import type { Graph } from '../../../src/graph/graph.ts';
import type { Op } from '../../../src/graph/op.ts';
import { PeerceptronError, type ErrorCode } from '../../../src/shared/errors.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { randomGraph } from '../../support/random-ops.ts';
import { lenet, vgg16 } from '../../support/small-networks.ts';

type Json = Record<string, unknown>;

/** LeNet as JSON, changed by `edit`. */
function edited(
  edit: (graph: { inputs: Json[]; nodes: Json[]; outputs: unknown[] } & Json) => void,
): unknown {
  const raw = JSON.parse(serializeGraph(lenet())) as {
    inputs: Json[];
    nodes: Json[];
    outputs: unknown[];
  } & Json;
  edit(raw);
  return raw;
}

function refusal(raw: unknown): { code: ErrorCode; message: string } {
  try {
    parseGraph(raw);
  } catch (thrown) {
    if (thrown instanceof PeerceptronError) return { code: thrown.code, message: thrown.message };
    throw thrown;
  }
  throw new Error('the graph was accepted');
}

describe('parseGraph', () => {
  it('gives back what was serialised', () => {
    for (const graph of [lenet(), vgg16()]) {
      const back = parseGraph(JSON.parse(serializeGraph(graph)));
      expect(back).toEqual(graph);
    }
    for (let seed = 0; seed < 200; seed++) {
      const graph = randomGraph(seededRandom(seed));
      expect(parseGraph(JSON.parse(serializeGraph(graph))), `seed ${seed}`).toEqual(graph);
    }
  });

  it('keeps labels and image encodings', () => {
    const labels = Array.from({ length: 10 }, (_, digit) => `${digit}`);
    const image = { channels: 'gray', scale: [1 / 255], offset: [0] };
    const graph = parseGraph(
      edited((raw) => {
        raw['labels'] = labels;
        raw.inputs[0]!['image'] = image;
      }),
    );
    expect(graph.labels).toEqual(labels);
    expect(graph.inputs[0]!.image).toEqual(image);
  });

  const cases: readonly [
    string,
    (raw: { inputs: Json[]; nodes: Json[]; outputs: unknown[] } & Json) => void,
    ErrorCode,
    RegExp,
  ][] = [
    ['a missing list', (raw) => delete (raw as Partial<typeof raw>).nodes, 'GRAPH_INVALID', /nodes/],
    ['a key nobody knows', (raw) => (raw['extra'] = 1), 'GRAPH_INVALID', /extra/],
    ['no nodes', (raw) => (raw.nodes = []), 'GRAPH_INVALID', /nodes/],
    [
      'too many nodes',
      (raw) => (raw.nodes = new Array(20_001).fill(raw.nodes[0]) as Json[]),
      'GRAPH_INVALID',
      /nodes/,
    ],
    ['a long name', (raw) => (raw['name'] = 'x'.repeat(201)), 'GRAPH_INVALID', /name/],
    ['an empty id', (raw) => (raw.nodes[0]!['id'] = ''), 'GRAPH_INVALID', /nodes\.0\.id/],
    ['an id twice', (raw) => (raw.nodes[3]!['id'] = 'conv1'), 'GRAPH_INVALID', /"conv1" is used twice/],
    ['an id of an input', (raw) => (raw.nodes[3]!['id'] = 'input'), 'GRAPH_INVALID', /"input" is used twice/],
    [
      'an unknown input',
      (raw) => (raw.nodes[2]!['inputs'] = ['nobody']),
      'GRAPH_INVALID',
      /"relu1" takes "nobody", which does not exist/,
    ],
    [
      'a later op as input',
      (raw) => (raw.nodes[2]!['inputs'] = ['pool2']),
      'GRAPH_INVALID',
      /"relu1" takes "pool2", which comes no earlier/,
    ],
    ['itself as input', (raw) => (raw.nodes[2]!['inputs'] = ['relu1']), 'GRAPH_INVALID', /comes no earlier/],
    ['an unknown output', (raw) => (raw.outputs = ['nobody']), 'GRAPH_INVALID', /"nobody"/],
    ['an input as output', (raw) => (raw.outputs = ['input']), 'GRAPH_INVALID', /"input"/],
    ['an output twice', (raw) => (raw.outputs = ['softmax', 'softmax']), 'GRAPH_INVALID', /twice/],
    ['an op of no kind', (raw) => (raw.nodes[0]!['op'] = {}), 'GRAPH_INVALID', /op "conv1": .*kind/],
    [
      'an unknown op',
      (raw) => (raw.nodes[0]!['op'] = { kind: 'lstm' }),
      'OP_UNSUPPORTED',
      /op "conv1": .*lstm/,
    ],
    [
      'a bad attribute',
      (raw) => ((raw.nodes[0]!['op'] as Json)['groups'] = 0),
      'GRAPH_INVALID',
      /op "conv1": conv: attribute groups/,
    ],
    [
      'a missing weight',
      (raw) => (raw.nodes[0]!['weights'] = {}),
      'GRAPH_INVALID',
      /"conv1" \(conv\) needs a weight for the role "kernel"/,
    ],
    [
      'a weight too many',
      (raw) => (raw.nodes[2]!['weights'] = { kernel: 'k' }),
      'GRAPH_INVALID',
      /"relu1" .*no weight of the role "kernel"/,
    ],
    [
      'a name for two shapes',
      (raw) => (raw.nodes[5]!['weights'] = { bias: 'conv1/bias/bias' }),
      'GRAPH_SHAPE',
      /"conv2\/bias" wants the weight/,
    ],
    [
      'a shape that does not fit',
      (raw) => (raw.inputs[0]!['shape'] = [28, 4, 1]),
      'GRAPH_SHAPE',
      /op "conv2": conv: axis 1/,
    ],
    [
      'a rank that does not fit',
      (raw) => (raw.inputs[0]!['shape'] = [28, 28]),
      'GRAPH_SHAPE',
      /op "conv1": conv: .*rank/,
    ],
    [
      'a zero extent',
      (raw) => (raw.inputs[0]!['shape'] = [0, 28, 1]),
      'GRAPH_INVALID',
      /inputs\.0\.shape\.0/,
    ],
    ['a huge tensor', (raw) => (raw.inputs[0]!['shape'] = [1 << 20, 1 << 20, 1]), 'GRAPH_SHAPE', /elements/],
    [
      'huge weights',
      (raw) => ((raw.nodes.find(({ id }) => id === 'fc1')!['op'] as Json)['units'] = 1 << 24),
      'GRAPH_SHAPE',
      /"fc1": its kernel/,
    ],
    ['labels that do not fit', (raw) => (raw['labels'] = ['a', 'b']), 'GRAPH_INVALID', /2 labels/],
    [
      'an image of other channels',
      (raw) => (raw.inputs[0]!['image'] = { channels: 'rgb', scale: [1, 1, 1], offset: [0, 0, 0] }),
      'GRAPH_INVALID',
      /rgb image/,
    ],
    [
      'an image scale that is no number',
      (raw) => (raw.inputs[0]!['image'] = { channels: 'gray', scale: [NaN], offset: [0] }),
      'GRAPH_INVALID',
      /scale/,
    ],
  ];
  it.each(cases)('refuses %s', (_what, edit, code, message) => {
    const refused = refusal(edited(edit));
    expect(refused.message).toMatch(message);
    expect(refused.code).toBe(code);
  });

  it.each([null, undefined, 7, 'graph', [], {}])('refuses %j', (raw) => {
    expect(refusal(raw).code).toBe('GRAPH_INVALID');
  });

  it('is not led astray by names of the language', () => {
    const raw = JSON.parse(
      '{"name":"g","inputs":[{"id":"__proto__","shape":[3]}],"nodes":[{"id":"constructor","op":{"kind":"bias"},"inputs":["__proto__"],"weights":{"__proto__":"w"}}],"outputs":["constructor"]}',
    ) as unknown;
    expect(refusal(raw)).toMatchObject({
      code: 'GRAPH_INVALID',
      message: expect.stringMatching(/role "bias"/) as string,
    });
  });

  it('refuses extents that explode through concatenation, without waiting', () => {
    const double: Op = { kind: 'concat', axis: 0 };
    const nodes = Array.from({ length: 2000 }, (_, index) => {
      const from = index === 0 ? 'x' : `n${index - 1}`;
      return { id: `n${index}`, op: double, inputs: [from, from], weights: {} };
    });
    const raw = { name: 'doubling', inputs: [{ id: 'x', shape: [1] }], nodes, outputs: ['n1999'] };
    expect(refusal(raw)).toMatchObject({ code: 'GRAPH_SHAPE' });
  });

  it('refuses more work than any room could do', () => {
    const conv: Op = {
      kind: 'conv',
      kernelSize: [31, 31],
      strides: [1, 1],
      dilations: [1, 1],
      padding: [[15, 15], [15, 15]], // prettier-ignore
      groups: 1,
      outChannels: 64,
    };
    const nodes = Array.from({ length: 20 }, (_, index) => ({
      id: `n${index}`,
      op: conv,
      inputs: [index === 0 ? 'x' : `n${index - 1}`],
      weights: { kernel: `k${index}` },
    }));
    const raw = { name: 'heavy', inputs: [{ id: 'x', shape: [2000, 2000, 64] }], nodes, outputs: ['n19'] };
    expect(refusal(raw)).toMatchObject({ message: expect.stringMatching(/multiply-accumulates/) as string });
  });
});

describe('verifyGraph', () => {
  it('judges graphs that a program built', () => {
    verifyGraph(lenet());
    const graph = lenet();
    const broken: Graph = {
      ...graph,
      nodes: graph.nodes.map((node) =>
        node.id === 'fc1' ? { ...node, op: { kind: 'dense', units: 0.5 } } : node,
      ),
    };
    expect(() => verifyGraph(broken)).toThrow(/op "fc1": dense: attribute units/);
    expect(() => verifyGraph({ ...graph, inputs: [] })).toThrow(/no inputs/);
    expect(() => verifyGraph({ ...graph, outputs: [] })).toThrow(/no outputs/);
    expect(() => verifyGraph({ ...graph, inputs: [{ id: 'input', shape: [NaN] }] })).toThrow(/no shape/);
  });
});
