import { xception } from '../../../src/models/xception.ts';
import { xceptionOracle } from '../../support/oracle/xception.ts';
import { oracleSuite } from './suite.ts';

oracleSuite({
  name: 'Xception',
  build: xception,
  full: { extent: 299, width: 1 },
  small: { extent: 71, width: 1 / 8 },
  oracle: (size) => (image, take) => xceptionOracle(image, size, take),
});
