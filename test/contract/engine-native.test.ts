import { it } from 'vitest';
import { createNativeEngine } from '../../src/engine/native.ts';
import { missingNative, nativeFolders } from './engine-native-harness.ts';
import { vitestHarness } from './engine-node-harness.ts';
import { randomSuite } from './engine-random.ts';
import { engineSuite } from './engine-suite.ts';
import { splitSuite } from './split-suite.ts';

if (missingNative) {
  it.skip(`native engine: skipped, ${missingNative}`, () => undefined);
} else {
  for (const threads of [1, 2]) {
    const create = () => createNativeEngine({ folders: nativeFolders, threads });
    const engineName = threads === 1 ? 'native' : 'native, 2 threads';
    engineSuite(vitestHarness, engineName, create, { engineName });
  }
  const create = () => createNativeEngine({ folders: nativeFolders });
  randomSuite(vitestHarness, 'native', create, { opCases: 1500, networkCases: 300 });
  splitSuite(vitestHarness, 'native', create, { casesPerPair: 10, engineName: 'native' });
}
