import type { Engine } from '../engine/engine.ts';
import { macsPerSecond, type DeviceProfile } from '../planner/profile.ts';
import { sharedProfile } from '../planner/shared-profile.ts';
import { PeerceptronError } from '../shared/errors.ts';

export interface SharedDeviceOptions {
  readonly engine: Engine;
  /** Above 0, at most 1. */
  readonly share: number;
  /** Called once, while the engine has all of the processor. What fails is tried again at the next question. */
  readonly measure: () => Promise<DeviceProfile>;
}

/** A device of which a mesh gets a part: its engine keeps to it, and its profile says so. */
export class SharedDevice {
  readonly #options: SharedDeviceOptions;
  #share: number;
  #steady = false;
  #measured: Promise<DeviceProfile> | undefined;
  #macsPerSecond: number | undefined;
  #isMeasuring = false;

  constructor(options: SharedDeviceOptions) {
    this.#options = options;
    this.#share = options.share;
  }

  /** @throws ENGINE_FAILED where the engine cannot keep to it. */
  async setShare(share: number, steady = false): Promise<void> {
    this.#share = share;
    this.#steady = steady;
    // What is measured is the whole device; the share holds afterwards.
    if (!this.#isMeasuring) await this.#apply(share);
  }

  /** Of all of the device, in a 3 × 3 convolution; undefined before it is known. */
  get macsPerSecond(): number | undefined {
    return this.#macsPerSecond;
  }

  get share(): number {
    return this.#share;
  }

  /** With `share` of the processor. */
  async profile(): Promise<DeviceProfile> {
    if (!this.#measured) {
      this.#measured = this.#measureAll();
      this.#measured.catch(() => (this.#measured = undefined));
    }
    const measured = await this.#measured;
    this.#macsPerSecond = macsPerSecond(measured);
    return sharedProfile(measured, this.#share);
  }

  async #measureAll(): Promise<DeviceProfile> {
    this.#isMeasuring = true;
    try {
      await this.#apply(1, false);
      return await this.#options.measure();
    } finally {
      this.#isMeasuring = false;
      await this.#apply(this.#share);
    }
  }

  async #apply(share: number, steady = this.#steady): Promise<void> {
    const { engine } = this.#options;
    if (engine.setShare) await engine.setShare(share, steady);
    else if (share < 1) {
      throw new PeerceptronError(
        'ENGINE_FAILED',
        `the ${engine.name} engine cannot keep to a part of a device`,
      );
    }
  }
}
