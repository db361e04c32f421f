import type { Graph } from '../graph/graph.ts';
import { alexnet } from './alexnet.ts';
import { c3d } from './c3d.ts';
import type { NetworkOptions } from './layers.ts';
import { vgg16 } from './vgg16.ts';
import { xception } from './xception.ts';

/**
 * Networks that the program builds by itself; weights come from a file or from a seed. The graphs carry the shape of
 * their input and how pictures (clips) are encoded for it; batch norms are not folded.
 */
export const NETWORKS = { alexnet, vgg16, xception, c3d } as const satisfies Readonly<
  Record<string, (options?: NetworkOptions) => Graph>
>;

export type NetworkName = keyof typeof NETWORKS;

export const NETWORK_NAMES = Object.keys(NETWORKS) as readonly NetworkName[];

export const isNetworkName = (name: string): name is NetworkName => Object.hasOwn(NETWORKS, name);
