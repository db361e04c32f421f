import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeModel } from '../../../headless/import-model.ts';
import { bundledModelDir, openModelFile, openModelH5 } from '../../../headless/model-files.ts';
import { fullBox, type Shape } from '../../../src/graph/box.ts';
import { foldBatchNorm } from '../../../src/graph/fold.ts';
import type { Graph } from '../../../src/graph/graph.ts';
import { simplify } from '../../../src/graph/simplify.ts';
import { weightShapes } from '../../../src/graph/shapes.ts';
import { loadModel, type LoadedModel, type LoadModelOptions } from '../../../src/import/load-model.ts';
import { NETWORKS, type NetworkName } from '../../../src/models/presets.ts';
import { PeerceptronError } from '../../../src/shared/errors.ts';
import { memoryBytes } from '../../../src/weights/byte-source.ts';
import { fileBytes } from '../../../src/weights/file-source.ts';
import { readSafetensors } from '../../../src/weights/safetensors.ts';
import { seededModelWeights } from '../../../src/weights/seeded-model.ts';
import { hasRealdata, realdata, realdataNote } from '../../support/realdata.ts';

const load = (ref: string, options: Partial<LoadModelOptions> = {}): Promise<LoadedModel> =>
  loadModel(ref, { open: openModelFile, openH5: openModelH5, ...options });

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

async function refusal(promise: Promise<unknown>): Promise<PeerceptronError> {
  const error = await promise.then(
    () => expect.fail('it should have been refused'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(PeerceptronError);
  return error as PeerceptronError;
}

function modelOf(unfolded: Graph, seed: number): LoadedModel {
  const { graph } = foldBatchNorm(simplify(unfolded));
  const weights = seededModelWeights({ seed, unfolded });
  return { graph, original: unfolded, weights, location: graph.name, format: 'preset' };
}

const dense = (inputs: number, units: number): Graph => ({
  name: 'dense',
  inputs: [{ id: 'x', shape: [inputs] }],
  nodes: [{ id: 'y', op: { kind: 'dense', units }, inputs: ['x'], weights: { kernel: 'kernel' } }],
  outputs: ['y'],
});

describe('an imported model', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'peerceptron-import-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function expectComesBack(model: LoadedModel): Promise<LoadedModel> {
    const { sizes } = await writtenTo(join(folder, 'out'), model);
    expect(sizes.at(-1)![0]).toBe(sizes.at(-1)![1]);
    const back = await load(join(folder, 'out'));
    expect(back.graph).toEqual(JSON.parse(JSON.stringify(model.graph)));
    expect(back.stored).toBeDefined();
    for (const [name, shape] of weightShapes(model.graph)) {
      const [read, written] = await Promise.all(
        [back, model].map(({ weights }) => weights.read(name, fullBox(shape))),
      );
      // Of millions of numbers, `toEqual` takes seconds.
      expect(read!.length, name).toBe(written!.length);
      expect(Buffer.compare(bytesOf(read!), bytesOf(written!)), name).toBe(0);
    }
    return back;
  }

  async function writtenTo(dir: string, model: LoadedModel) {
    const sizes: [number, number][] = [];
    const written = await writeModel(model, { dir, onProgress: (...size) => sizes.push(size) });
    expect((await readdir(dir)).sort()).toEqual(['graph.json', 'weights.layout.json', 'weights.safetensors']);
    return { written, sizes };
  }

  it('is the model: the digits, labels and picture encoding included', async () => {
    const model = await load(bundledModelDir('digits'));
    const back = await expectComesBack(model);
    expect(back.graph.labels).toHaveLength(10);
    expect(back.graph.inputs[0]!.image).toEqual(model.graph.inputs[0]!.image);
  });

  it.skipIf(!hasRealdata).each([
    ['MobileNet', 'tfjs-layers-mobilenet-v1-025/mobilenet_model.json'],
    ['LeNet with eight outputs', 'tfjs-layers-lenet-multi-output/mnist.json'],
    ['a 3-D segmentation', 'tfjs-layers-conv3d/mnm_38cube'],
    ['a Keras .h5', 'keras-h5-mini-xception/fer2013_mini_XCEPTION.102-0.66.hdf5'],
  ])(`is the model: %s${realdataNote}`, async (_name, path) => {
    await expectComesBack(await load(realdata(path)));
  });

  it.each<[NetworkName, number, Shape]>([
    ['alexnet', 0.25, [224, 224, 3]],
    ['vgg16', 0.125, [224, 224, 3]],
    ['xception', 0.25, [71, 71, 3]],
    ['c3d', 0.125, [16, 112, 112, 3]],
  ])('is the model: %s, narrower', async (name, width, inputShape) => {
    await expectComesBack(modelOf(NETWORKS[name]({ width, inputShape }), 3));
  });

  it('may be imported again from its own files, weights byte by byte the same', async () => {
    const model = modelOf(NETWORKS.vgg16({ width: 0.125 }), 5);
    const first = join(folder, 'first');
    const second = join(folder, 'second');
    await writtenTo(first, model);
    await writtenTo(second, await load(first));
    for (const file of ['weights.safetensors', 'weights.layout.json']) {
      const [one, two] = await Promise.all([first, second].map((dir) => readFile(join(dir, file))));
      expect(Buffer.compare(one!, two!), file).toBe(0);
    }
  });

  it('has a weights file that any reader of safetensors takes', async () => {
    await writtenTo(folder, modelOf(dense(600, 500), 1));
    const { tensors, metadata } = await readSafetensors(fileBytes(join(folder, 'weights.safetensors')));
    expect(tensors.map(({ name, shape }) => [name, shape])).toEqual([['kernel', [300_000]]]);
    expect(metadata).toEqual({ format: 'peerceptron', model: 'dense' });
  });

  it('does not take the place of another unless asked to', async () => {
    await writtenTo(folder, modelOf(dense(6, 5), 1));
    const error = await refusal(writeModel(modelOf(dense(6, 4), 1), { dir: folder }));
    expect(error.code).toBe('OUTPUT_UNWRITABLE');
    expect(error.message).toMatch(/already.*--force/);
    expect(await readdir(folder)).toHaveLength(3);
    await writeModel(modelOf(dense(6, 4), 1), { dir: folder, force: true });
    expect((await load(folder)).weights.tensors.get('kernel')!.shape).toEqual([6, 4]);
  });

  it('leaves nothing behind when reading fails half way, nor the folders that it made', async () => {
    const model = modelOf(NETWORKS.vgg16({ width: 0.125 }), 5);
    let reads = 0;
    const failing: LoadedModel = {
      ...model,
      weights: {
        ...model.weights,
        read: async (...asked) => {
          if (++reads > 10) throw new PeerceptronError('WEIGHTS_UNAVAILABLE', 'the server is gone');
          return model.weights.read(...asked);
        },
      },
    };
    await mkdir(join(folder, 'kept'));
    const error = await refusal(writeModel(failing, { dir: join(folder, 'kept/a/b') }));
    expect(error.code).toBe('WEIGHTS_UNAVAILABLE');
    expect(reads).toBe(11);
    expect(await readdir(join(folder, 'kept'))).toEqual([]);
  });

  it('stops when asked to, and leaves nothing behind', async () => {
    const stop = new AbortController();
    const reason = new Error('enough');
    const written = writeModel(modelOf(NETWORKS.vgg16({ width: 0.125 }), 5), {
      dir: join(folder, 'out'),
      signal: stop.signal,
      onProgress: (done, total) => {
        if (done > total / 2) stop.abort(reason);
      },
    });
    await expect(written).rejects.toBe(reason);
    expect(await readdir(folder)).toEqual([]);
  });

  it('says when the disk is too small before it begins', async () => {
    const error = await refusal(
      writeModel(modelOf(dense(1_000_000, 1_000_000), 1), { dir: join(folder, 'out') }),
    );
    expect(error.code).toBe('OUTPUT_UNWRITABLE');
    expect(error.message).toMatch(/4000.00 GB.*left/);
    expect(await readdir(folder)).toEqual([]);
  });

  it('says why a folder cannot be written', async () => {
    await writeFile(join(folder, 'file'), '');
    for (const dir of [join(folder, 'file'), join(folder, 'file/below')]) {
      const error = await refusal(writeModel(modelOf(dense(3, 2), 1), { dir }));
      expect(error.code).toBe('OUTPUT_UNWRITABLE');
      expect(error.message).toMatch(/file.*choose another folder/);
    }
  });

  describe('whose files are damaged', () => {
    const broken = async (file: string, change: (bytes: Buffer) => Buffer): Promise<void> =>
      writeFile(join(folder, file), change(await readFile(join(folder, file))));
    const flipped =
      (at: number) =>
      (bytes: Buffer): Buffer => {
        bytes[at < 0 ? bytes.length + at : at]! ^= 4;
        return bytes;
      };
    beforeEach(async () => {
      await writtenTo(folder, modelOf(dense(600, 500), 1));
    });

    it('is refused by tensor and file: weights', async () => {
      await broken('weights.safetensors', flipped(-5));
      const { weights } = await load(folder);
      const error = await refusal(weights.read('kernel', fullBox([600, 500])));
      expect(error.code).toBe('WEIGHTS_CORRUPT');
      expect(error.message).toContain("'kernel'");
      expect(error.message).toContain(join(folder, 'weights.safetensors'));
    });

    it('is refused by file: layout', async () => {
      await broken('weights.layout.json', flipped(-9));
      const error = await refusal(load(folder));
      expect(error.code).toBe('WEIGHTS_CORRUPT');
      expect(error.message).toContain(join(folder, 'weights.layout.json'));
    });

    it('is taken from another place that has the same', async () => {
      const mirror = join(folder, 'mirror');
      await writtenTo(mirror, modelOf(dense(600, 500), 1));
      const sound = await (await load(mirror)).weights.read('kernel', fullBox([600, 500]));
      await broken('weights.layout.json', flipped(-9));
      await broken('weights.safetensors', (bytes) => bytes.subarray(0, -100));
      const aside: string[] = [];
      const { weights } = await load(folder, {
        mirrors: [mirror],
        onSetAside: (source, { code }) => aside.push(`${source} ${code}`),
      });
      expect(await weights.read('kernel', fullBox([600, 500]))).toEqual(sound);
      expect(aside).toEqual([`${join(folder, 'weights.safetensors')} WEIGHTS_CORRUPT`]);
    });

    it('names every place when none of them is sound', async () => {
      await broken('weights.layout.json', flipped(3));
      const error = await refusal(load(folder, { mirrors: [join(folder, 'nowhere')] }));
      expect(error.code).toBe('WEIGHTS_CORRUPT');
      expect(error.message).toMatch(/none of 2 copies[^]*weights\.layout\.json[^]*nowhere/);
    });
  });

  it.each([
    ['a layout that is elsewhere', { file: '../l.json', sha256: 'ab'.repeat(32) }],
    ['no hash', { file: 'l.json' }],
    ['a hash that is none', { file: 'l.json', sha256: 'AB' }],
    ['a text', 'l.json'],
  ])('whose graph file names %s is refused', async (_what, layout) => {
    const graph = { ...dense(3, 2), weights: 'w', layout };
    const open = (location: string) =>
      memoryBytes(
        location,
        new TextEncoder().encode(location.endsWith('graph.json') ? JSON.stringify(graph) : ''),
      );
    expect((await refusal(loadModel('m', { open }))).code).toBe('MODEL_CORRUPT');
  });
});
