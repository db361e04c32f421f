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
  engineSuite(
    vitestHarness,
    'native, 2 threads',
    () => createNativeEngine({ folders: nativeFolders, threads: 2 }),
    { engineName: 'native, 2 threads' },
  );
  for (const constantKernels of [true, false]) {
    const title = constantKernels ? 'native, kernels packed' : 'native, kernels as inputs';
    const create = () => createNativeEngine({ folders: nativeFolders, constantKernels });
    engineSuite(vitestHarness, title, create, { engineName: 'native' });
    randomSuite(vitestHarness, title, create, { opCases: 1500, networkCases: 300 });
    splitSuite(vitestHarness, title, create, { casesPerPair: 10, engineName: 'native' });
  }
}
