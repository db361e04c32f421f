import { createTfjsEngine } from '../../src/engine/tfjs.ts';
import { vitestHarness } from './engine-node-harness.ts';
import { engineSuite } from './engine-suite.ts';

engineSuite(vitestHarness, 'tfjs cpu', () => createTfjsEngine({ backend: 'cpu' }), {
  engineName: 'tfjs-cpu',
});
