import { createTfjsEngine } from '../../src/engine/tfjs.ts';
import { vitestHarness } from './engine-node-harness.ts';
import { engineSuite } from './engine-suite.ts';

engineSuite(vitestHarness, 'tfjs wasm', () => createTfjsEngine({ backend: 'wasm' }), {
  engineName: 'tfjs-wasm',
});
