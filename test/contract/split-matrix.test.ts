import { createReferenceEngine } from '../../src/engine/reference.ts';
import { createTfjsEngine } from '../../src/engine/tfjs.ts';
import { vitestHarness } from './engine-node-harness.ts';
import { splitSuite } from './split-suite.ts';

splitSuite(vitestHarness, 'the reference engine', async () => createReferenceEngine(), {
  casesPerPair: 10,
  engineName: 'reference',
});
splitSuite(vitestHarness, 'tfjs wasm', () => createTfjsEngine({ backend: 'wasm' }), {
  casesPerPair: 10,
  engineName: 'tfjs-wasm',
});
splitSuite(vitestHarness, 'tfjs cpu', () => createTfjsEngine({ backend: 'cpu' }), {
  casesPerPair: 10,
  engineName: 'tfjs-cpu',
});
