import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openModelFile } from '../../../headless/model-files.ts';
import { fullBox } from '../../../src/graph/box.ts';
import type { Graph } from '../../../src/graph/graph.ts';
import { weightShapes } from '../../../src/graph/shapes.ts';
import { serializeGraphFile } from '../../../src/import/graph-file.ts';
import { loadModel, type LoadModelOptions } from '../../../src/import/load-model.ts';
import { locationOf } from '../../../src/import/location.ts';
import { PeerceptronError } from '../../../src/shared/errors.ts';
import type { MemoryTensor } from '../../../src/weights/memory-source.ts';
import { writeSafetensors } from '../../../src/weights/safetensors.ts';
import { serveBytes } from '../../support/byte-server.ts';
import { expectClose } from '../../support/close.ts';
import { randomInputs, randomizeWeights, saveModel } from '../../support/saved-model.ts';
import { runGraph } from '../../support/run-graph.ts';
import { predict, readyTf } from '../../support/tf-models.ts';

const load = (ref: string, options: Partial<LoadModelOptions> = {}) =>
  loadModel(ref, { open: openModelFile, ...options });

async function refusal(promise: Promise<unknown>): Promise<PeerceptronError> {
  const error = await promise.then(
    () => expect.fail('it should have been refused'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(PeerceptronError);
  return error as PeerceptronError;
}

const graph: Graph = {
  name: 'tiny',
  inputs: [{ id: 'x', shape: [2, 2, 1] }],
  nodes: [
    { id: 'dense', op: { kind: 'dense', units: 3 }, inputs: ['x'], weights: { kernel: 'kernel' } },
    { id: 'y', op: { kind: 'softmax', axis: 0 }, inputs: ['dense'], weights: {} },
  ],
  outputs: ['y'],
  labels: ['a', 'b', 'c'],
};
const kernel: MemoryTensor = {
  name: 'kernel',
  shape: [2, 2, 1, 3],
  data: Float32Array.from({ length: 12 }, (_, i) => i - 5),
};

function teachableModel(): tf.LayersModel {
  return tf.sequential({
    layers: [
      tf.layers.conv2d({ inputShape: [8, 8, 3], filters: 4, kernelSize: 3, useBias: false }),
      tf.layers.batchNormalization(),
      tf.layers.flatten(),
      tf.layers.dense({ units: 3, activation: 'softmax' }),
    ],
  });
}

describe('loading models', () => {
  let folder: string;
  beforeAll(readyTf);
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'peerceptron-model-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function writeGraphModel(): Promise<void> {
    await writeFile(
      join(folder, 'graph.json'),
      serializeGraphFile({ graph, weights: 'weights.safetensors' }),
    );
    await writeFile(join(folder, 'weights.safetensors'), writeSafetensors([kernel]));
  }

  it('a graph file comes back as it was written', async () => {
    await writeGraphModel();
    for (const ref of [folder, `${folder}/`, join(folder, 'graph.json'), `file://${folder}/graph.json`]) {
      const model = await load(ref);
      expect(model.format).toBe('graph');
      expect({ ...model.graph, inputs: graph.inputs }).toEqual(graph);
      expect(await model.weights.read('kernel', fullBox(kernel.shape))).toEqual(kernel.data);
    }
  });

  it('a preset is found by its name', async () => {
    await writeGraphModel();
    const model = await load('tiny', { presets: { tiny: folder } });
    expect(model.location).toBe(`${folder}/graph.json`);
  });

  it('says where it looked, and which presets there are', async () => {
    const error = await refusal(load(join(folder, 'nothing'), { presets: { digits: '/models/digits' } }));
    expect(error.code).toBe('MODEL_NOT_FOUND');
    expect(error.message).toContain('nothing/graph.json and ');
    expect(error.message).toContain('nothing/model.json');
    expect(error.message).toContain('digits');
    expect((await refusal(load(join(folder, 'gone.json')))).code).toBe('MODEL_NOT_FOUND');
  });

  it('builds a network by its name, with random weights of a seed', async () => {
    const model = await load('xception', { seed: 4 });
    expect(model).toMatchObject({ format: 'preset', location: 'xception', seeded: { seed: 4 } });
    expect(model.original.nodes.some(({ op }) => op.kind === 'batch-norm')).toBe(true);
    expect(model.graph.nodes.some(({ op }) => op.kind === 'batch-norm')).toBe(false);
    const bias = [...model.weights.tensors.keys()].find((name) => name.endsWith('folded-bias'))!;
    const read = async (seed: number) =>
      (await load('xception', { seed })).weights.read(bias, [
        [0, model.weights.tensors.get(bias)!.shape[0]!],
      ]);
    expect(await read(4)).toEqual(await read(4));
    expect(await read(4)).not.toEqual(await read(5));
  });

  it("takes a network's weights from a TensorFlow.js manifest, read when they are asked for", async () => {
    const { original } = await load('vgg16');
    const shapes = [...weightShapes(original)].map(([name, shape]) => ({
      name,
      shape: name === 'fc1/kernel' ? [25_088, 4096] : [...shape],
      dtype: 'float32',
    }));
    const isShipped = ({ name }: { name: string }): boolean => name === 'fc2/bias';
    const manifest = [
      { paths: ['absent.bin'], weights: shapes.filter((weight) => !isShipped(weight)) },
      { paths: ['bias.bin'], weights: shapes.filter(isShipped) },
    ];
    await writeFile(join(folder, 'model.json'), JSON.stringify({ weightsManifest: manifest }));
    const bias = Float32Array.from({ length: 4096 }, (_, index) => index);
    await writeFile(join(folder, 'bias.bin'), new Uint8Array(bias.buffer));
    const model = await load('vgg16', { weights: join(folder, 'model.json') });
    expect(model.seeded).toBeUndefined();
    expect(model.weightsLocation).toBe(join(folder, 'model.json'));
    expect(await model.weights.read('fc2/bias', [[10, 13]])).toEqual(bias.slice(10, 13));
    const box = fullBox([7, 7, 512, 4096]).map(([start]) => [start, start + 1] as const);
    expect((await refusal(model.weights.read('fc1/kernel', box))).code).toBe('WEIGHTS_UNAVAILABLE');
  });

  it('runs layers without weights on random ones, where a seed is given', async () => {
    const { json } = await saveModel(teachableModel());
    await writeFile(join(folder, 'model.json'), JSON.stringify({ modelTopology: json.modelTopology }));
    const error = await refusal(load(folder));
    expect(error.code).toBe('WEIGHTS_MISSING');
    expect(error.message).toContain('--weights random');
    expect((await load(folder, { weights: 'random' })).seeded?.seed).toBe(1);
    expect((await refusal(load(folder, { weights: 'other.safetensors' }))).code).toBe('USAGE');
    const model = await load(folder, { seed: 6 });
    expect(model.seeded?.seed).toBe(6);
    const outputs = await runGraph(model.graph, model.weights, {
      [model.graph.inputs[0]!.id]: new Float32Array(8 * 8 * 3).fill(0.5),
    });
    const sum = [...outputs.get(model.graph.outputs[0]!)!].reduce((total, value) => total + value, 0);
    expect(sum).toBeCloseTo(1, 5);
  });

  it('refuses what is not JSON, and graph files that are not sound', async () => {
    await writeFile(join(folder, 'model.json'), 'not json');
    expect((await refusal(load(folder))).code).toBe('MODEL_CORRUPT');
    await writeFile(join(folder, 'graph.json'), JSON.stringify({ ...graph, outputs: ['gone'] }));
    const error = await refusal(load(folder));
    expect(error.code).toBe('MODEL_CORRUPT');
    expect(error.message).toContain('gone');
  });

  it('finds out at once that weights are missing or of another shape', async () => {
    await writeGraphModel();
    const nodes = [{ ...graph.nodes[0]!, op: { kind: 'dense', units: 4 } as const }, graph.nodes[1]!];
    await writeFile(
      join(folder, 'graph.json'),
      JSON.stringify({ ...graph, nodes, labels: ['a', 'b', 'c', 'd'] }),
    );
    expect((await refusal(load(folder))).code).toBe('WEIGHTS_CORRUPT');
    const renamed = [{ ...graph.nodes[0]!, weights: { kernel: 'other' } }, graph.nodes[1]!];
    await writeFile(join(folder, 'graph.json'), JSON.stringify({ ...graph, nodes: renamed }));
    const error = await refusal(load(folder));
    expect(error.code).toBe('WEIGHTS_MISSING');
    expect(error.message).toContain("'other'");
  });

  it('a layers model: folded, labelled, prepared for pictures, from disk and from a server', async () => {
    const model = teachableModel();
    randomizeWeights(model, 4);
    const { json, files } = await saveModel(model);
    const metadata = { packageName: '@teachablemachine/image', labels: ['cup', 'pen', 'none'] };
    const contents: Record<string, Uint8Array> = {
      'tm-my-image/model.json': new TextEncoder().encode(JSON.stringify(json)),
      'tm-my-image/metadata.json': new TextEncoder().encode(JSON.stringify(metadata)),
      'tm-my-image/weights.bin': files.get('weights.bin')!,
    };
    await mkdir(join(folder, 'tm-my-image'));
    for (const [path, bytes] of Object.entries(contents)) await writeFile(join(folder, path), bytes);
    const server = await serveBytes(contents);
    try {
      for (const ref of [join(folder, 'tm-my-image'), `${server.url}/tm-my-image/model.json`]) {
        const loaded = await load(ref);
        expect(loaded.graph.labels).toEqual(metadata.labels);
        expect(loaded.graph.inputs[0]!.image?.offset).toEqual([-1, -1, -1]);
        expect(loaded.graph.nodes.map(({ op }) => op.kind)).not.toContain('batch-norm');
        const inputs = randomInputs(loaded.graph, 5);
        const [id] = Object.keys(inputs);
        const ours = await runGraph(loaded.graph, loaded.weights, inputs);
        const [theirs] = predict(model, [{ data: inputs[id!]!, shape: [8, 8, 3] }]);
        expectClose(ours.get(loaded.graph.outputs[0]!)!, theirs!, 1e-4, ref);
      }
    } finally {
      await server.close();
    }
  });

  it('a chosen preprocessing goes before the guess', async () => {
    const { json, files } = await saveModel(teachableModel());
    await writeFile(join(folder, 'model.json'), JSON.stringify(json));
    await writeFile(join(folder, 'weights.bin'), files.get('weights.bin')!);
    const { graph } = await load(folder, { preprocessing: 'caffe' });
    expect(graph.inputs[0]!.image?.channels).toBe('bgr');
  });

  it('names the weights file that is not there', async () => {
    const { json } = await saveModel(teachableModel());
    await writeFile(join(folder, 'model.json'), JSON.stringify(json));
    const { weights } = await load(folder);
    const [name, tensor] = [...weights.tensors][0]!;
    const error = await refusal(weights.read(name, fullBox(tensor.shape)));
    expect(error.code).toBe('WEIGHTS_UNAVAILABLE');
    expect(error.message).toContain(join(folder, 'weights.bin'));
  });
});

describe('where a model may point', () => {
  it.each([
    ['a/model.json', './w.bin', 'a/w.bin'],
    ['/m/model.json', 'shards/w 1.bin', '/m/shards/w 1.bin'],
    ['model.json', 'w.bin', 'w.bin'],
    ['https://host/m/model.json?v=1', 'w 1.bin', 'https://host/m/w%201.bin'],
    ['https://host/m/model.json', 'w#1?.bin', 'https://host/m/w%231%3F.bin'],
  ])('beside %s: %s', (modelFile, path, expected) => {
    expect(locationOf(modelFile, path)).toBe(expected);
  });

  it.each([
    '/etc/passwd',
    '../secret',
    'a/../../b',
    'http://10.0.0.1/x',
    'file:///x',
    '//host/x',
    'C:\\x',
    '',
  ])('never to %s', (path) => {
    expect(() => locationOf('https://host/m/model.json', path)).toThrow(/not beside it/);
  });
});
