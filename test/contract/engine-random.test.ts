import { createTfjsEngine } from '../../src/engine/tfjs.ts';
import { vitestHarness } from './engine-node-harness.ts';
import { randomSuite } from './engine-random.ts';

randomSuite(vitestHarness, 'tfjs wasm', () => createTfjsEngine({ backend: 'wasm' }), {
  opCases: 3000,
  networkCases: 600,
});
randomSuite(vitestHarness, 'tfjs cpu', () => createTfjsEngine({ backend: 'cpu' }), {
  opCases: 3000,
  networkCases: 600,
});
