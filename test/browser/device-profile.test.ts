import { startBrowserEngine } from '../../src/engine/worker-host-browser.ts';
import { deviceProfileSuite } from '../contract/device-profile-suite.ts';
import { mochaHarness } from './engine-harness.ts';

deviceProfileSuite(mochaHarness, 'tfjs wasm in a Worker', () => startBrowserEngine({ backend: 'wasm' }));
deviceProfileSuite(mochaHarness, 'tfjs webgl in a Worker', () => startBrowserEngine({ backend: 'webgl' }));
