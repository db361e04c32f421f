import { getBackend } from '@tensorflow/tfjs-core';
import { acquireBackend } from '../../../src/engine/tfjs-backends.ts';
import type { Network } from '../../overhead/networks.ts';
import { plainModel } from '../../overhead/plain-model.ts';
import type { SoloModel } from './solo-model.ts';

/** The network as published, in layers of TensorFlow.js on its wasm backend: SIMD, one thread. */
export async function openTfjsSolo({ original, originalWeights }: Network): Promise<SoloModel> {
  await acquireBackend({ backend: 'wasm' });
  if (getBackend() !== 'wasm') throw new Error(`TensorFlow.js runs on ${getBackend()}`);
  return plainModel(original, originalWeights);
}
