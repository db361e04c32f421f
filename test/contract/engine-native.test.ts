import { readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { expect, it } from 'vitest';
import { compileTile } from '../../src/graph/tile-program.ts';
import { createNativeEngine } from '../../src/engine/native.ts';
import { missingNative, nativeFolders } from './engine-native-harness.ts';
import { vitestHarness } from './engine-node-harness.ts';
import { chainGraph, programWeights, randomTensors, wholeRequest } from './engine-tile.ts';
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

  const threads = cpus().length;
  const isTold = process.platform === 'linux' && threads > 1;
  it.runIf(isTold)(
    'has a thread on every processor but that of its caller, where it has all of them',
    async () => {
      const engine = await createNativeEngine({ folders: nativeFolders, threads });
      const before = processorsOfThreads();
      const graph = chainGraph([8, 8, 4], [[{ kind: 'dense', units: 4 }, ['kernel']]]);
      const program = compileTile(graph, wholeRequest(graph));
      const tile = await engine.load(
        program,
        programWeights(graph, program, randomTensors(graph, 1).weights),
      );
      // Each thread goes there by itself.
      await expect
        .poll(() =>
          [...processorsOfThreads()]
            .filter(([thread, processors]) => !before.has(thread) && /^\d+$/.test(processors))
            .map(([, processors]) => processors)
            .toSorted(),
        )
        .toEqual(Array.from({ length: threads - 1 }, (_, processor) => String(processor)));
      await tile.dispose();
      await engine.dispose();
    },
  );
}

/** Of this process, by thread. */
function processorsOfThreads(): ReadonlyMap<string, string> {
  return new Map(
    readdirSync('/proc/self/task').map((thread) => {
      const status = readFileSync(`/proc/self/task/${thread}/status`, 'utf8');
      return [thread, /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? ''];
    }),
  );
}
