import { startBrowserEngine } from '../../src/engine/worker-host-browser.ts';
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
