import * as tf from '@tensorflow/tfjs';
import { createTfjsEngine } from '../src/engine/tfjs.ts';
import type { Benchmark } from './benchmark.ts';
import { denseRows } from './overhead/dense-layer.ts';
import { processMemoryRows } from './overhead/process-memory.ts';
import { wholeModelRows } from './overhead/whole-model.ts';

export const overhead: Benchmark = {
  summary:
    'what the mesh adds to plain TensorFlow.js: one peer against predict, dense layers, memory of peers',
  async run(context) {
    // Starts the backend that the plain models run on, and keeps it until the end.
    const engine = await createTfjsEngine({ backend: 'wasm' });
    try {
      if (tf.getBackend() !== 'wasm') throw new Error(`the plain side runs on ${tf.getBackend()}`);
      const rows = await denseRows(context);
      rows.push(...(await wholeModelRows(context)));
      rows.push(...(await processMemoryRows(context)));
      return rows;
    } finally {
      await engine.dispose();
    }
  },
};
