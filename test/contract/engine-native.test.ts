import { fileURLToPath } from 'node:url';
import { createNativeEngine } from '../../src/engine/native.ts';
import { vitestHarness } from './engine-node-harness.ts';
import { randomSuite } from './engine-random.ts';
import { engineSuite } from './engine-suite.ts';
import { splitSuite } from './split-suite.ts';

const folders = [fileURLToPath(new URL('../..', import.meta.url))];
for (const threads of [1, 2]) {
  const create = () => createNativeEngine({ folders, threads });
  engineSuite(vitestHarness, `native, threads: ${threads}`, create, { engineName: 'native' });
}
const create = () => createNativeEngine({ folders });
randomSuite(vitestHarness, 'native', create, { opCases: 1500, networkCases: 300 });
splitSuite(vitestHarness, 'native', create, { casesPerPair: 10, engineName: 'native' });
