import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { fullBox } from '../../../../src/graph/box.ts';
import { weightShapes } from '../../../../src/graph/shapes.ts';
import type { PeerceptronError } from '../../../../src/shared/errors.ts';
import { blobBytes, droppedModel, openAmong } from '../../../../src/ui/demo/dropped-files.ts';
import { openModel, type ModelDoors } from '../../../../src/ui/demo/open-model.ts';
import { fileBytes } from '../../../../src/weights/file-source.ts';

const folder = new URL('../../../../public/models/digits/', import.meta.url);
const fileOf = async (name: string): Promise<File> => new File([await readFile(new URL(name, folder))], name);
const refusal = (promise: Promise<unknown>): Promise<PeerceptronError> =>
  promise.then(
    () => {
      throw new Error('it was not refused');
    },
    (error: PeerceptronError) => error,
  );

const doors: ModelDoors = {
  pageUrl: 'http://room.test/',
  open: (location) => fileBytes(location.replace('http://room.test/models/digits/', folder.pathname)),
  openH5: () => Promise.reject(new Error('no .h5 here')),
};
const { signal } = new AbortController();

describe('files that are dropped', () => {
  it('are read a part at a time', async () => {
    const source = blobBytes(new Blob(['0123456789']), 'digits.txt');
    expect(await source.size()).toBe(10);
    expect(new TextDecoder().decode(await source.read(2, 3))).toBe('234');
    expect(new TextDecoder().decode(await source.read(8, 5))).toBe('89');
  });

  it('are a model where a description of one is among them, in whatever order', async () => {
    const files = [await fileOf('weights.safetensors'), await fileOf('graph.json')];
    const { graph, weights } = await openModel({ kind: 'files', files }, doors, signal);
    expect(graph.name).toBe('digits');
    for (const [name, shape] of weightShapes(graph)) {
      const values = await weights.read(name, fullBox(shape));
      expect(values.every(Number.isFinite)).toBe(true);
    }
  });

  it.each([
    [['model.json', 'group1-shard1of1.bin'], 'model.json'],
    [['metadata.json', 'weights.bin', 'model.json'], 'model.json'],
    [['mobilenet.h5'], 'mobilenet.h5'],
    [['labels.json', 'squeezenet.json', 'a.bin'], 'squeezenet.json'],
    [['graph.json', 'model.json'], 'graph.json'],
  ])('%j have %s for their description', (names, main) => {
    const files = names.map((name) => new File([], name));
    expect(droppedModel(files).main.name).toBe(main);
  });

  it('are refused where there is none among them', () => {
    expect(() => droppedModel([new File([], 'a.bin'), new File([], 'labels.json')])).toThrow(
      'no model among a.bin, labels.json',
    );
  });

  it('are asked for by name where one is missing', async () => {
    const error = await refusal(
      openModel({ kind: 'files', files: [await fileOf('graph.json')] }, doors, signal),
    );
    expect(error.code).toBe('WEIGHTS_UNAVAILABLE');
    expect(error.message).toContain('weights.safetensors is not among the files');
  });

  it('are found by the last part of their path, however it is written', async () => {
    const open = openAmong([new File(['x'], 'my weights.bin')]);
    expect(await open('sub/my%20weights.bin').size()).toBe(1);
  });
});

describe('models from elsewhere', () => {
  it('are the one beside the page, where nothing else is chosen', async () => {
    expect((await openModel({ kind: 'bundled' }, doors, signal)).graph.name).toBe('digits');
    const served = { kind: 'served', name: 'digits', path: 'digits/' } as const;
    expect((await openModel(served, doors, signal)).graph.name).toBe('digits');
    const url = { kind: 'url', url: 'models/digits/graph.json' } as const;
    expect((await openModel(url, doors, signal)).graph.name).toBe('digits');
  });

  it('are well-known ones with random weights where no file is given', async () => {
    const { seeded } = await openModel({ kind: 'preset', name: 'alexnet' }, doors, signal);
    expect(seeded?.seed).toBe(1);
  });

  it('take the weights of a file', async () => {
    const weights = await fileOf('weights.safetensors');
    const error = await refusal(openModel({ kind: 'preset', name: 'alexnet', weights }, doors, signal));
    // They are of another network, which shows that they were looked at.
    expect(error.code).toMatch(/^WEIGHTS_/);
  });

  it('are refused where the address is none', async () => {
    const error = await refusal(openModel({ kind: 'url', url: 'http://' }, doors, signal));
    expect(error.code).toBe('MODEL_NOT_FOUND');
  });
});
