import { createReferenceEngine } from '../../src/engine/reference.ts';
import { vitestHarness } from './engine-node-harness.ts';
import { engineSuite } from './engine-suite.ts';

engineSuite(vitestHarness, 'reference', async () => createReferenceEngine());
