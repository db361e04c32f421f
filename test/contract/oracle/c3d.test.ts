import { c3d } from '../../../src/models/c3d.ts';
import { c3dOracle, convolutionByTaps, wholeConvolution } from '../../support/oracle/c3d.ts';
import { oracleSuite } from './suite.ts';

oracleSuite({
  name: 'C3D',
  build: c3d,
  frames: 16,
  full: { extent: 112, width: 1 },
  // The last pool rounds up from 3 to 2 here, as it does from 7 to 4 at full size.
  small: { extent: 48, width: 1 / 8 },
  oracle: (size) => (clip, take) =>
    // Its own convolution over time takes TensorFlow.js minutes at full size.
    c3dOracle(clip, size, take, size.width < 1 ? wholeConvolution : convolutionByTaps),
});
