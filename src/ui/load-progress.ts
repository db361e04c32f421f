import type { PeerId } from '../shared/ids.ts';

export interface LoadedBytes {
  readonly loadedBytes: number;
  readonly totalBytes: number;
}

/** Weights on their way to the devices of a plan, all together. */
export class LoadProgress {
  readonly #devices = new Map<PeerId, LoadedBytes>();

  /** Another plan is loaded from now on. */
  clear(): void {
    this.#devices.clear();
  }

  /** What one device has by now; returns what all have. */
  add(peer: PeerId, { loadedBytes, totalBytes }: LoadedBytes): LoadedBytes {
    this.#devices.set(peer, { loadedBytes, totalBytes });
    const sum = { loadedBytes: 0, totalBytes: 0 };
    for (const device of this.#devices.values()) {
      sum.loadedBytes += device.loadedBytes;
      sum.totalBytes += device.totalBytes;
    }
    return sum;
  }
}
