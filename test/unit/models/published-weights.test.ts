import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openModelFile, openModelH5 } from '../../../headless/model-files.ts';
import { createReferenceEngine } from '../../../src/engine/reference.ts';
import { fullBox, shapeSize, type Box } from '../../../src/graph/box.ts';
import type { Graph } from '../../../src/graph/graph.ts';
import { cropRegion } from '../../../src/graph/region-copy.ts';
import { weightShapes } from '../../../src/graph/shapes.ts';
import { loadModel } from '../../../src/import/load-model.ts';
import { networkWeights } from '../../../src/import/network-weights.ts';
import { NETWORKS, type NetworkName } from '../../../src/models/presets.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { memoryBytes } from '../../../src/weights/byte-source.ts';
import { openH5File } from '../../../src/weights/h5-file.ts';
import { slabsOf } from '../../../src/weights/h5-tensors.ts';
import type { MemoryTensor } from '../../../src/weights/memory-source.ts';
import { readSafetensors, writeSafetensors } from '../../../src/weights/safetensors.ts';
import { seededSource, seededTensors } from '../../../src/weights/seeded-source.ts';
import type { WeightSource } from '../../../src/weights/weight-source.ts';
import { expectClose } from '../../support/close.ts';
import {
  allWeights,
  inKerasOrder,
  inTorchOrder,
  transpose,
  writeH5,
  type NamedWeight,
} from '../../support/foreign-weights.ts';
import { hasRealdata, realdata, realdataNote } from '../../support/realdata.ts';
import { runGraph } from '../../support/run-graph.ts';
import { alexnetOfTorch } from '../../support/torch-alexnet.ts';

const small = (name: NetworkName): Graph =>
  NETWORKS[name]({
    width: 1 / 32,
    classes: 5,
    inputShape: name === 'c3d' ? [16, 32, 32, 3] : name === 'vgg16' ? [64, 64, 3] : [95, 95, 3],
  });
const seeded = (graph: Graph): WeightSource => seededSource(seededTensors(graph), 21);

/** Layers of torchvision in the order of their indexes. */
const torchvision = (features: readonly number[], classifier: readonly number[]): readonly string[] => [
  ...features.map((index) => `features.${index}`),
  ...classifier.map((index) => `classifier.${index}`),
];
const TORCH_LAYERS: Readonly<Partial<Record<NetworkName, readonly string[]>>> = {
  alexnet: torchvision([0, 3, 6, 8, 10], [1, 4, 6]),
  vgg16: torchvision([0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28], [0, 3, 6]),
  c3d: ['conv1', 'conv2', 'conv3a', 'conv3b', 'conv4a', 'conv4b', 'conv5a', 'conv5b', 'fc6', 'fc7', 'fc8'],
};

async function torchTensors(name: NetworkName, graph: Graph): Promise<MemoryTensor[]> {
  const weights = await allWeights(graph, seeded(graph));
  const layers = [...new Set(weights.map(({ layer }) => layer))];
  return weights.map((weight) => ({
    ...inTorchOrder(weight),
    name: `${TORCH_LAYERS[name]![layers.indexOf(weight.layer)]}.${weight.role === 'bias' ? 'bias' : 'weight'}`,
  }));
}

/** Keras leaves the convolutions beside Xception's blocks to its counters. */
function kerasLayer(layer: string, first: number): string {
  const shortcut = /^(block\d+)_residual(_bn)?$/.exec(layer);
  if (!shortcut) return layer;
  const count = ['block2', 'block3', 'block4', 'block13'].indexOf(shortcut[1]!) + first;
  const base = shortcut[2] ? 'batch_normalization' : 'conv2d';
  return count === 0 ? base : `${base}_${count}`;
}

const kerasTensors = async (graph: Graph, nameOf: (weight: NamedWeight) => string): Promise<MemoryTensor[]> =>
  (await allWeights(graph, seeded(graph))).map((weight) => ({
    ...inKerasOrder(weight),
    name: nameOf(weight),
  }));

async function fromSafetensors(
  name: NetworkName,
  graph: Graph,
  tensors: readonly MemoryTensor[],
): Promise<WeightSource> {
  const file = await readSafetensors(memoryBytes('weights.safetensors', writeSafetensors(tensors)));
  return networkWeights(name, graph, file.tensors, 'weights.safetensors');
}

/** Whole tensors, and boxes of them: what a file gives is what the seed gives. */
async function expectSameWeights(graph: Graph, actual: WeightSource): Promise<void> {
  const expected = seeded(graph);
  const random = seededRandom(33);
  for (const [name, shape] of weightShapes(graph)) {
    const whole = await expected.read(name, fullBox(shape));
    expect(await actual.read(name, fullBox(shape)), name).toEqual(whole);
    const box: Box = shape.map((extent) => {
      const start = random.integer(extent);
      return [start, start + 1 + random.integer(extent - start)];
    });
    expect(await actual.read(name, box), `${name} ${JSON.stringify(box)}, seed 33`).toEqual(
      cropRegion(whole, fullBox(shape), box),
    );
  }
}

describe('published weights', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'peerceptron-weights-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it.each(['alexnet', 'vgg16', 'c3d'] as const)('%s with the names and layouts of PyTorch', async (name) => {
    const graph = small(name);
    await expectSameWeights(graph, await fromSafetensors(name, graph, await torchTensors(name, graph)));
  });

  it('AlexNet in PyTorch order gives what plain loops over channels-first tensors give', async () => {
    const graph = small('alexnet');
    const tensors = await torchTensors('alexnet', graph);
    const weights = await fromSafetensors('alexnet', graph, tensors);
    const input = graph.inputs[0]!;
    const random = seededRandom(4);
    const image = Float32Array.from({ length: shapeSize(input.shape) }, () => random.next() * 2 - 1);
    const expected = alexnetOfTorch(
      transpose(image, input.shape, [2, 0, 1]),
      [3, input.shape[0]!, input.shape[1]!],
      new Map(tensors.map((tensor) => [tensor.name, tensor])),
    );
    const outputs = await runGraph(graph, weights, { [input.id]: image }, createReferenceEngine());
    expectClose(outputs.get(graph.outputs[0]!)!, expected, 1e-5, 'AlexNet');
  });

  it.each(['vgg16', 'xception', 'c3d'] as const)(
    '%s with the names of Keras, as safetensors',
    async (name) => {
      const graph = small(name);
      const tensors = await kerasTensors(graph, ({ layer, role }) => `${kerasLayer(layer, 0)}/${role}`);
      await expectSameWeights(graph, await fromSafetensors(name, graph, tensors));
    },
  );

  it.each([
    [
      'vgg16',
      'weights alone, as Keras 1 named them',
      ({ layer, role }: NamedWeight) => `${layer}/${layer}_${role === 'bias' ? 'b' : 'W'}_1:0`,
    ],
    ['vgg16', 'weights alone', ({ layer, role }: NamedWeight) => `${layer}/${layer}/${role}:0`],
    [
      'xception',
      'a whole model',
      ({ layer, role }: NamedWeight) =>
        `model_weights/${kerasLayer(layer, 1)}/${kerasLayer(layer, 1)}_1/${role}:0`,
    ],
    [
      'c3d',
      'weights alone',
      ({ layer, role }: NamedWeight) => `${layer.replace(/^(conv[12])a$/, '$1')}/${layer}_1/${role}:0`,
    ],
  ] as const)('%s from an .h5 file of %s', async (name, kind, nameOf) => {
    const graph = small(name);
    const path = join(folder, `${name}-${kind.replaceAll(/\W/g, '')}.h5`);
    await writeH5(path, await kerasTensors(graph, nameOf));
    const { tensors } = await openH5File(path);
    await expectSameWeights(graph, networkWeights(name, graph, tensors, path));
  });

  it('names a tensor that is missing, where it looked, and what there is', async () => {
    const graph = small('alexnet');
    const tensors = (await torchTensors('alexnet', graph)).filter(({ name }) => name !== 'features.6.weight');
    await expect(fromSafetensors('alexnet', graph, tensors)).rejects.toMatchObject({
      code: 'WEIGHTS_MISSING',
      message: expect.stringMatching(/'conv3\/kernel' of shape \[3, 3, 6, 12\].*'features\.6'/) as string,
    });
  });

  it('names a tensor of another shape, with both shapes', async () => {
    const graph = small('vgg16');
    const tensors = (await torchTensors('vgg16', graph)).map((tensor) =>
      tensor.name === 'classifier.6.weight' ? { ...tensor, shape: [...tensor.shape].reverse() } : tensor,
    );
    await expect(fromSafetensors('vgg16', graph, tensors)).rejects.toMatchObject({
      code: 'WEIGHTS_CORRUPT',
      message: expect.stringMatching(
        /'classifier\.6\.weight' has shape \[128, 5\], 'predictions\/kernel' needs \[5, 128\]/,
      ) as string,
    });
  });

  it.each([
    ['a file that is no HDF5 file', 'WEIGHTS_CORRUPT', true],
    ['a file that does not exist', 'WEIGHTS_UNAVAILABLE', false],
  ] as const)('%s is refused', async (_, code, exists) => {
    const path = join(folder, `${code}.h5`);
    if (exists) await writeFile(path, 'no such thing');
    await expect(openH5File(path)).rejects.toMatchObject({ code });
  });

  it('an .h5 file that was not downloaded whole is refused', async () => {
    const path = join(folder, 'short.h5');
    await writeH5(path, [{ name: 'conv1/kernel', shape: [64, 64], data: new Float32Array(4096) }]);
    await writeFile(path, (await readFile(path)).subarray(0, 10_000));
    await expect(openH5File(path)).rejects.toMatchObject({ code: 'WEIGHTS_CORRUPT' });
  });

  it('loads a preset with a file that belongs to another network: refused before anything runs', async () => {
    const path = join(folder, 'wrong.safetensors');
    const graph = small('alexnet');
    await writeFile(path, writeSafetensors(await torchTensors('alexnet', graph)));
    const loading = loadModel('vgg16', { open: openModelFile, openH5: openModelH5, weights: path });
    await expect(loading).rejects.toMatchObject({
      code: 'WEIGHTS_CORRUPT',
      message: expect.stringContaining("'features.0.weight'") as string,
    });
  });

  it.skipIf(!hasRealdata)(`reads a trained Keras file, a box at a time${realdataNote}`, async () => {
    const { tensors, modelConfig } = await openH5File(
      realdata('keras-h5-mini-xception/fer2013_mini_XCEPTION.102-0.66.hdf5'),
    );
    const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
    const shapeOf = (name: string) => byName.get(name)?.shape;
    expect(shapeOf('batch_normalization_1/batch_normalization_1_1/gamma:0')).toEqual([8]);
    expect(shapeOf('conv2d_1/conv2d_1_1/kernel:0') ?? shapeOf('conv2d_1/conv2d_1/kernel:0')).toEqual([
      3, 3, 1, 8,
    ]);
    expect(JSON.parse(modelConfig!)).toMatchObject({ class_name: 'Model' });
    for (const { name, bytes, shape } of tensors) {
      const data = await bytes.read(0, shapeSize(shape) * 4);
      const values = new Float32Array(data.buffer, data.byteOffset, data.length / 4);
      expect(values.every(Number.isFinite), name).toBe(true);
      if (name.includes('moving_variance')) expect(Math.min(...values), name).toBeGreaterThan(0);
    }
  });
});

describe('slabsOf', () => {
  it('cuts any run of elements into boxes that hold exactly it, in order (seed 5)', () => {
    const random = seededRandom(5);
    for (let round = 0; round < 300; round++) {
      const shape = Array.from({ length: 1 + random.integer(4) }, () => 1 + random.integer(4));
      const size = shapeSize(shape);
      const start = random.integer(size + 1);
      const end = start + random.integer(size - start + 1);
      const all = Float32Array.from({ length: size }, (_, index) => index);
      const got = slabsOf(shape, start, end).flatMap((slab) => [...cropRegion(all, fullBox(shape), slab)]);
      expect(got, JSON.stringify({ shape, start, end })).toEqual([...all.slice(start, end)]);
    }
  });
});
