import type { NetworkOptions } from '../../../src/models/layers.ts';
import { NETWORKS, type NetworkName } from '../../../src/models/presets.ts';
import { seededNetwork, type Network } from '../../overhead/networks.ts';

/** What runs a network on one device. */
export const RUNTIMES = [
  /** `predict` of TensorFlow.js' own layers. */
  'tfjs',
  'onnxruntime-web',
  /** Our engine with the whole network as one tile: for C3D, whose convolutions take TensorFlow.js minutes. */
  'engine',
] as const;
export type Runtime = (typeof RUNTIMES)[number];

/** A network that is loaded: one input, one output, as the program calls it who has numbers and wants numbers. */
export interface SoloModel {
  /** The input stays the caller's. */
  predict(input: Float32Array): Float32Array | Promise<Float32Array>;
}

export interface SoloNetwork {
  readonly network: NetworkName;
  /** Where not as published. */
  readonly options?: NetworkOptions;
}

/** With the seeded weights that all benchmarks have. */
export const soloNetwork = ({ network, options }: SoloNetwork): Network =>
  seededNetwork(NETWORKS[network](options));

/** Loads the network into the runtime, on one thread; the code of no other runtime is loaded. */
export async function openSoloModel(runtime: Runtime, network: Network): Promise<SoloModel> {
  switch (runtime) {
    case 'tfjs':
      return (await import('./tfjs-solo.ts')).openTfjsSolo(network);
    case 'onnxruntime-web':
      return (await import('./onnx-solo.ts')).openOnnxSolo(network);
    case 'engine':
      return (await import('./engine-solo.ts')).openEngineSolo(network);
  }
}
