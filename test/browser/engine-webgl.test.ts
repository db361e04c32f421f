import { startBrowserEngine } from '../../src/engine/worker-host-browser.ts';
import { randomSuite } from '../contract/engine-random.ts';
import { engineSuite } from '../contract/engine-suite.ts';
import { splitSuite } from '../contract/split-suite.ts';
import { mochaHarness } from './engine-harness.ts';

const start = () => startBrowserEngine({ backend: 'webgl' });
engineSuite(mochaHarness, 'tfjs webgl in a Worker', start, { engineName: 'tfjs-webgl' });
randomSuite(mochaHarness, 'tfjs webgl in a Worker', start, { opCases: 150, networkCases: 10 });
splitSuite(mochaHarness, 'tfjs webgl in a Worker', start, {
  casesPerPair: 1,
  engineName: 'tfjs-webgl',
});
