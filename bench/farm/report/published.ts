import type { NetworkName } from '../../../src/models/presets.ts';
import type { FarmObjective } from '../names.ts';

/** Frames per second of arXiv:1901.02537 (figures of the authors' ReQuEST'18 report). The first Pi of a layout only sends. */
export interface PublishedLayout {
  readonly network: NetworkName;
  readonly devices: number;
  readonly framesPerSecond: number;
}

export const PUBLISHED_LAYOUTS: readonly PublishedLayout[] = [
  { network: 'alexnet', devices: 5, framesPerSecond: 4.36 },
  { network: 'alexnet', devices: 6, framesPerSecond: 5.71 },
  { network: 'vgg16', devices: 9, framesPerSecond: 0.48 },
  { network: 'vgg16', devices: 11, framesPerSecond: 1.11 },
];

/** Frames per second on one device, by the same authors; AlexNet on a Pi 3 by an independent re-run. */
export const PUBLISHED_SINGLES: Readonly<Partial<Record<NetworkName, string>>> = {
  alexnet: 'Jetson TX2 7.15 (GPU), 5.56 (CPU); one Pi 3 1.90',
  vgg16: 'Jetson TX2 1.28 (GPU), 0.52 (CPU); one Pi 3 0.096',
};

export interface PublishedSystem {
  readonly name: string;
  readonly headline: string;
}

export const PUBLISHED_SYSTEMS: readonly PublishedSystem[] = [
  { name: 'MoDNN', headline: 'latency 2.17–4.28 × with 2–4 workers' },
  { name: 'DeepThings', headline: 'throughput 1.7–3.5 × on 2–6 Pis, less than 23 MB per device' },
  { name: 'AOFL', headline: 'latency 1.9–3.7 × on 8 Pi 3, Wi-Fi' },
  { name: 'DeepSlicing', headline: 'latency up to 5.79 × on 8 Pis that are not alike' },
  { name: 'PICO', headline: 'throughput 1.8–6.8 × on 2–8 Pis' },
  { name: 'HALP', headline: 'VGG16 1.7 × on 3 Pi 4' },
  { name: 'distributed-llama', headline: 'Pi 4: 1312 ms on one, 494 on 4, 588 on 8' },
];

/** The best speed-up over one device that we know of, by what it is in. */
export const BEST_PUBLISHED: Readonly<
  Record<FarmObjective, { readonly name: string; readonly devices: number; readonly gain: number }>
> = {
  latency: { name: 'DeepSlicing', devices: 8, gain: 5.79 },
  throughput: { name: 'PICO', devices: 8, gain: 6.8 },
};
