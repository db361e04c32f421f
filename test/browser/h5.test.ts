import { expect } from 'chai';
import { fullBox } from '../../src/graph/box.ts';
import { readStoredBox } from '../../src/weights/box-reader.ts';
import { openH5Blob } from '../../src/weights/h5-file-browser.ts';
import type { PeerceptronError } from '../../src/shared/errors.ts';

/** A file of weights as Keras writes them, made by the library itself. */
async function kerasFile(): Promise<Uint8Array> {
  const h5 = await import('h5wasm');
  const { FS } = (await h5.ready) as unknown as {
    FS: { readFile(path: string): Uint8Array; unlink(path: string): void };
  };
  const file = new h5.File('/made.h5', 'w');
  const layer = file.create_group('dense_1').create_group('dense_1');
  const values = Float32Array.from({ length: 12 }, (_, index) => index / 2);
  layer.create_dataset({ name: 'kernel:0', data: values, shape: [4, 3], dtype: '<f4' });
  layer.create_dataset({ name: 'bias:0', data: Float64Array.of(1, 2, 3), shape: [3], dtype: '<f8' });
  file.flush();
  file.close();
  const bytes = FS.readFile('/made.h5').slice();
  FS.unlink('/made.h5');
  return bytes;
}

const refusal = (promise: Promise<unknown>): Promise<PeerceptronError | undefined> =>
  promise.then(
    () => undefined,
    (error: PeerceptronError) => error,
  );

describe('.h5 files in a page', () => {
  it('are read by name and box, whatever the type of their numbers', async () => {
    const { tensors } = await openH5Blob(
      new Blob([(await kerasFile()) as Uint8Array<ArrayBuffer>]),
      'weights.h5',
    );
    const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
    expect([...byName.keys()].sort()).to.deep.equal(['dense_1/dense_1/bias:0', 'dense_1/dense_1/kernel:0']);
    const kernel = byName.get('dense_1/dense_1/kernel:0')!;
    expect([...(await readStoredBox(kernel, fullBox(kernel.shape)))]).to.have.length(12);
    const rows = await readStoredBox(kernel, [
      [1, 3],
      [0, 3],
    ]);
    expect([...rows]).to.deep.equal([1.5, 2, 2.5, 3, 3.5, 4]);
    const bias = byName.get('dense_1/dense_1/bias:0')!;
    expect([...(await readStoredBox(bias, [[1, 3]]))]).to.deep.equal([2, 3]);
  });

  it('are opened one after another', async () => {
    const blob = new Blob([(await kerasFile()) as Uint8Array<ArrayBuffer>]);
    for (const name of ['first.h5', 'second.h5']) {
      const { tensors } = await openH5Blob(blob, name);
      expect(tensors).to.have.length(2);
      const values = await readStoredBox(tensors[0]!, fullBox(tensors[0]!.shape));
      expect(values.length).to.be.greaterThan(0);
    }
  });

  it('are refused with a code where they are damaged, or something else', async () => {
    const cut = (await kerasFile()).slice(0, 900);
    for (const [bytes, what] of [
      [new TextEncoder().encode('hello'), 'no HDF5 file'],
      [cut, 'not a sound .h5 file'],
    ] as const) {
      const error = await refusal(openH5Blob(new Blob([bytes]), 'weights.h5'));
      expect(error?.code).to.equal('WEIGHTS_CORRUPT');
      expect(error?.message).to.include(what);
    }
  });
});
