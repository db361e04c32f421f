import { createReferenceEngine } from '../../src/engine/reference.ts';
import { createTfjsEngine } from '../../src/engine/tfjs.ts';
import { deviceProfileSuite } from './device-profile-suite.ts';
import { vitestHarness } from './engine-node-harness.ts';

deviceProfileSuite(vitestHarness, 'tfjs wasm', () => createTfjsEngine({ backend: 'wasm' }));
deviceProfileSuite(vitestHarness, 'tfjs cpu', () => createTfjsEngine({ backend: 'cpu' }));
deviceProfileSuite(vitestHarness, 'reference', async () => createReferenceEngine());
