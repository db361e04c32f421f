import { alexnet } from '../../../src/models/alexnet.ts';
import { alexnetOracle } from '../../support/oracle/alexnet.ts';
import { oracleSuite } from './suite.ts';

oracleSuite({
  name: 'AlexNet',
  build: alexnet,
  full: { extent: 224, width: 1 },
  small: { extent: 67, width: 1 / 8 },
  oracle: (size) => (image, take) => alexnetOracle(image, size, take),
});
