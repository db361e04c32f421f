import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'chai';
import { createTfjsEngine } from '../../src/engine/tfjs.ts';
import { compileTile } from '../../src/graph/tile-program.ts';
import { PeerceptronError } from '../../src/shared/errors.ts';
import { singleOpGraph, wholeRequest } from '../contract/engine-tile.ts';

describe('tfjs webgl', () => {
  it('fails where the GPU context is lost, instead of answering zeros', async () => {
    const engine = await createTfjsEngine({ backend: 'webgl' });
    const graph = singleOpGraph({ kind: 'activation', function: 'exp' }, [[4]]);
    const tile = await engine.load(compileTile(graph, wholeRequest(graph)), []);
    expect([...(await tile.run([new Float32Array(4)])).outputs[0]!]).to.deep.equal([1, 1, 1, 1]);

    const { gl } = (tf.findBackend('webgl') as unknown as { gpgpu: { gl: WebGLRenderingContext } }).gpgpu;
    const running = tile.run([new Float32Array(4)]).catch((thrown: unknown) => thrown);
    gl.getExtension('WEBGL_lose_context')!.loseContext();
    // Whether it was done by then or not, it ends.
    await running;
    for (let attempt = 0; attempt < 2; attempt++) {
      const error: unknown = await tile.run([new Float32Array(4)]).catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(PeerceptronError);
      expect((error as PeerceptronError).code).to.equal('ENGINE_FAILED');
      expect((error as PeerceptronError).message).to.match(/lost its GPU/);
    }
    await engine.dispose();
  });
});

const adapter = await (navigator as { gpu?: GPU }).gpu?.requestAdapter();

describe('tfjs webgpu', () => {
  const title = 'fails where the device is lost';
  (adapter ? it : it.skip)(adapter ? title : `${title} (skipped: no WebGPU adapter)`, async () => {
    const engine = await createTfjsEngine({ backend: 'webgpu' });
    const graph = singleOpGraph({ kind: 'activation', function: 'exp' }, [[4]]);
    const tile = await engine.load(compileTile(graph, wholeRequest(graph)), []);
    const { device } = tf.findBackend('webgpu') as unknown as { device: GPUDevice };
    device.destroy();
    await device.lost;
    const error: unknown = await tile.run([new Float32Array(4)]).catch((thrown: unknown) => thrown);
    expect((error as PeerceptronError).code).to.equal('ENGINE_FAILED');
    expect((error as PeerceptronError).message).to.match(/lost its GPU/);
  });
});
