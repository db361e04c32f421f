import { describe, expect, it } from 'vitest';
import { fullBox } from '../../../src/graph/box.ts';
import { foldBatchNorm } from '../../../src/graph/fold.ts';
import type { Graph } from '../../../src/graph/graph.ts';
import type { Op } from '../../../src/graph/op.ts';
import { inputShapes, tensorShapes } from '../../../src/graph/shapes.ts';
import { compileTile } from '../../../src/graph/tile-program.ts';
import { NETWORKS } from '../../../src/models/presets.ts';
import {
  absorbingOps,
  addOpWork,
  addTileBytes,
  noWork,
  opClass,
  programWork,
  workMs,
} from '../../../src/planner/cost-model.ts';
import {
  OP_CLASSES,
  type ClassRate,
  type DeviceProfile,
  type OpClass,
} from '../../../src/planner/profile.ts';

const nothing: ClassRate = { stepMs: 0, msPerMac: 0, msPerByte: 0 };
const profileOf = (rates: Partial<Record<OpClass, ClassRate>>, tileMsPerByte = 0): DeviceProfile => ({
  version: 1,
  engine: 'test',
  cores: 1,
  rates: Object.fromEntries(
    OP_CLASSES.map((name) => [name, rates[name] ?? nothing]),
  ) as DeviceProfile['rates'],
  tileMs: 0,
  tripMs: 0,
  tileMsPerByte,
  transport: {
    pieceMs: 0,
    sendMsPerByte: 0,
    receiveMsPerByte: 0,
    uplinkBytesPerMs: 1,
    downlinkBytesPerMs: 1,
  },
});

const conv = (kernel: number, outChannels: number, groups = 1): Op => ({
  kind: 'conv',
  kernelSize: [kernel, kernel],
  strides: [1, 1],
  dilations: [1, 1],
  padding: [[kernel >> 1, kernel >> 1], [kernel >> 1, kernel >> 1]],
  groups,
  outChannels,
}); // prettier-ignore

describe('the cost model', () => {
  it('tells convolutions apart by their filters and groups', () => {
    expect(opClass(conv(3, 16), 8)).toBe('conv');
    expect(opClass(conv(1, 16), 8)).toBe('pointwise');
    expect(opClass(conv(3, 8, 8), 8)).toBe('depthwise');
    // Two groups of four channels are sums over channels like any other convolution.
    expect(opClass(conv(3, 8, 2), 8)).toBe('conv');
    expect(opClass({ kind: 'global-pool', mode: 'avg', keepDims: false }, 8)).toBe('pool');
    expect(opClass({ kind: 'bias' }, 8)).toBe('elementwise');
  });

  it('is the sum of its ops, without those that a kernel does on the way, and the bytes of the tile', () => {
    for (const build of [NETWORKS.alexnet, NETWORKS.xception]) {
      const graph = foldBatchNorm(build()).graph;
      const shapes = tensorShapes(graph);
      const output = graph.outputs[0]!;
      const program = compileTile(graph, {
        ops: [0, graph.nodes.length],
        outputs: [{ tensor: output, box: fullBox(shapes.get(output)!) }],
      });
      const absorbing = absorbingOps(graph);
      expect(absorbing.some((index) => index >= 0)).toBe(true);
      const sum = noWork();
      for (const [index, step] of program.steps.entries()) {
        // A whole network computes every op, whole.
        expect(step.node).toBe(graph.nodes[index]!.id);
        if (absorbing[index]! < 0) addOpWork(sum, step.op, step.inputShapes, step.output);
      }
      addTileBytes(sum, 4 * ([graph.inputs[0]!.shape, shapes.get(output)!].flatMap((shape) => shape.reduce((a, b) => a * b, 1)).reduce((a, b) => a + b))); // prettier-ignore
      expect([...programWork(program)]).toEqual([...sum]);
    }
  });

  it('does not take a bias for free behind a partial sum, or where somebody else wants what is before it', () => {
    const graph: Graph = {
      name: 'branch',
      inputs: [{ id: 'x', shape: [8, 8, 8] }],
      nodes: [
        { id: 'c', op: conv(3, 8), inputs: ['x'], weights: { kernel: 'k' } },
        { id: 'b', op: { kind: 'bias' }, inputs: ['c'], weights: { bias: 'b' } },
        { id: 'r', op: { kind: 'activation', function: 'relu' }, inputs: ['b'], weights: {} },
        { id: 's', op: { kind: 'merge', mode: 'add' }, inputs: ['r', 'b'], weights: {} },
      ],
      outputs: ['s'],
    };
    expect([...absorbingOps(graph)]).toEqual([-1, 0, -1, -1]);
  });

  it('counts what does not fill a group of places or channels as if it did', () => {
    const macRate = profileOf({ conv: { ...nothing, msPerMac: 1 } });
    const costOf = (height: number, channels: number): number => {
      const work = noWork();
      addOpWork(work, conv(3, channels), [[height, 1, 16]], [[0, height], [0, 1], [0, channels]]); // prettier-ignore
      return workMs(work, macRate);
    };
    expect(costOf(5, 9)).toBe(costOf(8, 16));
    expect(costOf(8, 16)).toBe(2 * costOf(4, 16));
    expect(costOf(4, 16)).toBe(2 * costOf(4, 8));
  });

  it('has every op kind, and no work for empty boxes', () => {
    for (const build of Object.values(NETWORKS)) {
      const graph = build();
      const shapes = tensorShapes(graph);
      for (const node of graph.nodes) {
        const work = noWork();
        const box = fullBox(shapes.get(node.id)!);
        addOpWork(work, node.op, inputShapes(node, shapes), box.map(() => [0, 0] as const)); // prettier-ignore
        expect([...work]).toEqual([...noWork()]);
        addOpWork(work, node.op, inputShapes(node, shapes), box);
        expect([...work].every((value) => Number.isFinite(value) && value >= 0)).toBe(true);
      }
    }
  });
});
