import { vgg16 } from '../../../src/models/vgg16.ts';
import { vgg16Oracle } from '../../support/oracle/vgg16.ts';
import { oracleSuite } from './suite.ts';

oracleSuite({
  name: 'VGG16',
  build: vgg16,
  full: { extent: 224, width: 1 },
  small: { extent: 32, width: 1 / 8 },
  oracle: (size) => (image, take) => vgg16Oracle(image, size, take),
});
