import type { NetworkName } from '../../src/models/presets.ts';
import type { CellKey, Method } from './cells.ts';

/** In the order of the tables. */
export const NETWORK_TITLES: Readonly<Record<NetworkName, string>> = {
  alexnet: 'AlexNet',
  vgg16: 'VGG16',
  xception: 'Xception',
  c3d: 'C3D',
};

/** In the order of the tables: runtimes on one device, plans that people wrote, plans of one method, ours. */
export const METHOD_TITLES: Readonly<Record<Method, string>> = {
  tfjs: 'TensorFlow.js',
  'onnxruntime-web': 'onnxruntime-web',
  paper: "the paper's layout",
  pipeline: 'pipeline alone',
  spatial: 'bands alone',
  channel: 'channels alone',
  lanes: 'lanes alone',
  equal: 'equal parts',
  ours: 'ours',
};

export const NETWORKS_SHOWN = Object.keys(NETWORK_TITLES) as readonly NetworkName[];
export const METHODS = Object.keys(METHOD_TITLES) as readonly Method[];

export type FarmObjective = CellKey['objective'];
export const OBJECTIVES = ['latency', 'throughput'] as const satisfies readonly FarmObjective[];

export const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;
