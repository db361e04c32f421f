import { startBrowserEngine } from '../../src/engine/worker-host-browser.ts';
import { dense } from '../../src/kernels/dense.wasm.ts';
import { startKernels } from '../../src/kernels/kernel-binary.ts';
import { randomSuite } from '../contract/engine-random.ts';
import { engineSuite } from '../contract/engine-suite.ts';
import { splitSuite } from '../contract/split-suite.ts';
import { mochaHarness } from './engine-harness.ts';

engineSuite(mochaHarness, 'tfjs wasm in a Worker', () => startBrowserEngine({ backend: 'wasm' }), {
  engineName: 'tfjs-wasm',
});
engineSuite(mochaHarness, 'reference in a Worker', () => startBrowserEngine({ backend: 'reference' }));
randomSuite(mochaHarness, 'tfjs wasm in a Worker', () => startBrowserEngine({ backend: 'wasm' }), {
  opCases: 300,
  networkCases: 50,
});
splitSuite(mochaHarness, 'tfjs wasm in a Worker', () => startBrowserEngine({ backend: 'wasm' }), {
  casesPerPair: 4,
  engineName: 'tfjs-wasm',
});

describe('our kernels in a browser', () => {
  it('start in the fused build, without a flag', async () => {
    const kernels = await startKernels(dense, new WebAssembly.Memory({ initial: 1 }));
    if (kernels?.variant !== 'relaxed') throw new Error(`the variant is ${kernels?.variant}`);
  });
});
