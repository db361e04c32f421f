import { xception } from '../../../src/models/xception.ts';
import { xceptionOracle } from '../../support/oracle/xception.ts';
import { oracleSuite } from './suite.ts';

oracleSuite({
  name: 'Xception',
  build: xception,
  full: { extent: 299, width: 1 },
  // Pools of even extents among them, whose padding is lopsided, as at full size.
  small: { extent: 83, width: 1 / 8 },
  oracle: (size) => (image, take) => xceptionOracle(image, size, take),
});
