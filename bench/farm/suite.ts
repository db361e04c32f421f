import type { NetworkName } from '../../src/models/presets.ts';
import type { CellKey, Method } from './cells.ts';

/** A cell that is to be measured. */
export interface Wanted extends CellKey {
  readonly frames: number;
  /** That plans may take of each device, with what a peer takes by itself. */
  readonly memoryBytes: number;
  /** Whether a trace says afterwards where the time goes. */
  readonly traced: boolean;
}

const NETWORKS: readonly NetworkName[] = ['alexnet', 'vgg16', 'xception', 'c3d'];
const OBJECTIVES = ['latency', 'throughput'] as const;
const SIZES = [1, 4, 8, 11] as const;
const MEGABITS = 90;
const SLOWER_MEGABITS = [30, 10] as const;
const SINGLE_METHODS = ['pipeline', 'spatial', 'channel', 'lanes'] as const;
/** Its layouts have so many devices, of which one only sends. */
const PAPER_SIZES: Partial<Record<NetworkName, readonly number[]>> = { alexnet: [5, 6], vgg16: [9, 11] };
/**
 * A rate on as many devices as the paper's largest layout, within half of what that takes for a frame with others in flight: 23.8 s where
 * one device takes as long as a Raspberry Pi 3.
 */
const BOUNDED = { network: 'vgg16', devices: 11, latencyBoundMs: 11_800 } as const;
/** Long frames are alike. */
const FRAMES: Readonly<Record<NetworkName, number>> = { alexnet: 30, vgg16: 8, xception: 30, c3d: 8 };
const QUICK_FRAMES = 8;

/** Of a Raspberry Pi 3. */
export const DEVICE_BYTES = 1e9;
/** Where frames per second are what counts, a mesh of so many devices has to do with that much of each. */
const BYTES_FOR_RATE: Readonly<Record<number, number>> = { 4: 450e6, 8: 256e6 };

/** What the whole suite measures, in this order. */
export function wholeSuite(): Wanted[] {
  const cells: Wanted[] = [];
  for (const network of NETWORKS) {
    const alone: readonly Method[] = network === 'c3d' ? ['onnxruntime-web'] : ['tfjs', 'onnxruntime-web'];
    for (const method of alone) cells.push(wanted({ method, network, devices: 1, objective: 'latency' }));
    for (const devices of SIZES)
      for (const objective of OBJECTIVES) cells.push(wanted({ method: 'ours', network, devices, objective }));
    for (const megabitsPerSecond of SLOWER_MEGABITS)
      for (const objective of OBJECTIVES)
        cells.push(wanted({ method: 'ours', network, devices: 8, objective, megabitsPerSecond }));
    for (const devices of PAPER_SIZES[network] ?? [])
      for (const objective of OBJECTIVES)
        cells.push(wanted({ method: 'paper', network, devices, objective }));
    if (network === BOUNDED.network)
      cells.push(wanted({ method: 'ours', objective: 'throughput', ...BOUNDED }));
    for (const method of SINGLE_METHODS)
      for (const objective of OBJECTIVES) cells.push(wanted({ method, network, devices: 8, objective }));
  }
  return cells;
}

/** On devices that are not alike, of the farm file `farm`. */
export function mixedSuite(farm: string, devices: number): Wanted[] {
  return (['alexnet', 'vgg16'] as const).flatMap((network) =>
    OBJECTIVES.flatMap((objective) =>
      (['ours', 'equal'] as const).map((method) => wanted({ method, network, devices, objective, farm })),
    ),
  );
}

/** Shows within minutes that all of it works; no figures to quote. */
export function quickSuite(): Wanted[] {
  const quick = (key: Omit<CellKey, 'megabitsPerSecond' | 'network'>): Wanted => ({
    ...wanted({ ...key, network: 'alexnet' }),
    frames: QUICK_FRAMES,
  });
  return [
    quick({ method: 'tfjs', devices: 1, objective: 'latency' }),
    quick({ method: 'ours', devices: 1, objective: 'latency' }),
    quick({ method: 'ours', devices: 4, objective: 'latency' }),
    quick({ method: 'ours', devices: 4, objective: 'throughput' }),
    quick({ method: 'paper', devices: 5, objective: 'throughput' }),
  ];
}

function wanted(key: Omit<CellKey, 'megabitsPerSecond'> & { readonly megabitsPerSecond?: number }): Wanted {
  const isOurs = key.method === 'ours';
  const limit = key.objective === 'throughput' && key.method !== 'paper' && !key.farm;
  return {
    megabitsPerSecond: MEGABITS,
    ...key,
    frames: FRAMES[key.network],
    memoryBytes: (limit ? BYTES_FOR_RATE[key.devices] : undefined) ?? DEVICE_BYTES,
    traced: isOurs && key.objective === 'latency',
  };
}
