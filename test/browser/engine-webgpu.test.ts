import { startBrowserEngine } from '../../src/engine/worker-host-browser.ts';
import { randomSuite } from '../contract/engine-random.ts';
import { engineSuite } from '../contract/engine-suite.ts';
import { splitSuite } from '../contract/split-suite.ts';
import { mochaHarness } from './engine-harness.ts';

const adapter = await (navigator as { gpu?: GPU }).gpu?.requestAdapter();
if (adapter) {
  const start = () => startBrowserEngine({ backend: 'webgpu' });
  engineSuite(mochaHarness, 'tfjs webgpu in a Worker', start, { engineName: 'tfjs-webgpu' });
  randomSuite(mochaHarness, 'tfjs webgpu in a Worker', start, { opCases: 150, networkCases: 10 });
  splitSuite(mochaHarness, 'tfjs webgpu in a Worker', start, {
    casesPerPair: 1,
    engineName: 'tfjs-webgpu',
  });
} else {
  describe('tfjs webgpu', () => {
    it.skip('skipped: this Chromium grants no WebGPU adapter', () => undefined);
  });
}
