import type { Mesh } from '../../mesh/mesh.ts';
import type { Capabilities } from '../../protocol/messages.ts';
import type { PeerService } from '../../runtime/serve-peer.ts';
import type { SharedDevice } from '../../runtime/shared-device.ts';
import { toPeerceptronError } from '../../shared/errors.ts';
import { problemOf, type Problem } from '../problem.ts';
import { shouldRest, type Battery } from './battery.ts';
import { changedSettings, type DeviceDefaults, type DeviceSettings } from './device-settings.ts';

/** Whether this device computes for the room, and if not, who wants that. */
export type Activity =
  | { readonly state: 'active' }
  /** Sessions are looking for others to go on with. */
  | { readonly state: 'pausing'; readonly reason: PauseReason }
  | { readonly state: 'paused'; readonly reason: PauseReason };

export type PauseReason = 'asked' | 'battery';

export type OwnDeviceEvent =
  | { readonly type: 'settings'; readonly settings: DeviceSettings }
  | { readonly type: 'activity'; readonly activity: Activity }
  | { readonly type: 'battery'; readonly battery: Battery }
  | { readonly type: 'leaving' }
  | { readonly type: 'left' }
  | { readonly type: 'setting-refused'; readonly problem: Problem };

/** This device in the room: what settings act on. */
export interface Joined {
  readonly mesh: Pick<Mesh, 'offer' | 'leave'>;
  readonly service: Pick<PeerService, 'pause' | 'resume' | 'leave' | 'offerMemory'>;
  readonly device: Pick<SharedDevice, 'setShare'>;
  /** As they were said at joining; what settings change of them is put in its place. */
  readonly capabilities: Capabilities;
}

export interface OwnDeviceOptions {
  readonly defaults: DeviceDefaults;
  readonly settings: DeviceSettings;
  readonly save: (settings: DeviceSettings) => void;
  readonly dispatch: (event: OwnDeviceEvent) => void;
}

/** What this device gives, and whether it does so now: by its people's wishes and its battery. */
export class OwnDevice {
  readonly #options: OwnDeviceOptions;
  #settings: DeviceSettings;
  #joined: Joined | undefined;
  #battery: Battery | undefined;
  #isAskedToPause = false;
  #activity: Activity = { state: 'active' };
  #leaving: Promise<void> | undefined;

  constructor(options: OwnDeviceOptions) {
    this.#options = options;
    this.#settings = options.settings;
  }

  get settings(): DeviceSettings {
    return this.#settings;
  }

  get battery(): Battery | undefined {
    return this.#battery;
  }

  /** It has joined; what was decided until then takes effect. */
  joined(joined: Joined): void {
    this.#joined = joined;
    void this.#applyShare();
    const { name, memoryBytes } = joined.capabilities;
    if (name !== this.#settings.name || memoryBytes !== this.#settings.memoryBytes) this.#offer();
    this.#decide();
  }

  change(change: Partial<DeviceSettings>): void {
    const { defaults, save, dispatch } = this.#options;
    const before = this.#settings;
    this.#settings = changedSettings(before, change, defaults);
    save(this.#settings);
    dispatch({ type: 'settings', settings: this.#settings });
    const { name, memoryBytes, share } = this.#settings;
    if (share !== before.share) void this.#applyShare();
    if (name !== before.name || memoryBytes !== before.memoryBytes) this.#offer();
    this.#decide();
  }

  charged(battery: Battery): void {
    this.#battery = battery;
    this.#options.dispatch({ type: 'battery', battery });
    this.#decide();
  }

  pause(): void {
    this.#isAskedToPause = true;
    this.#decide();
  }

  resume(): void {
    this.#isAskedToPause = false;
    this.#decide();
  }

  /** Hands over what it computes, and leaves the room. */
  leave(): Promise<void> {
    this.#leaving ??= this.#leave();
    return this.#leaving;
  }

  async #leave(): Promise<void> {
    this.#options.dispatch({ type: 'leaving' });
    await this.#joined?.service.leave();
    await this.#joined?.mesh.leave();
    this.#options.dispatch({ type: 'left' });
  }

  #decide(): void {
    const isResting = this.#activity.state !== 'active' && this.#activity.reason === 'battery';
    const rests = shouldRest(this.#battery, this.#settings.restBelow, isResting);
    const reason: PauseReason | undefined = this.#isAskedToPause ? 'asked' : rests ? 'battery' : undefined;
    if (!this.#joined || this.#leaving) return;
    if (reason === undefined) this.#goOn();
    else if (this.#activity.state === 'active') void this.#stop(this.#joined, reason);
    // Whoever wants it may change while it lasts.
    else if (this.#activity.reason !== reason) this.#become({ ...this.#activity, reason });
  }

  #goOn(): void {
    if (this.#activity.state === 'active') return;
    this.#joined!.service.resume();
    this.#become({ state: 'active' });
    this.#offer();
  }

  async #stop({ service }: Joined, reason: PauseReason): Promise<void> {
    this.#become({ state: 'pausing', reason });
    // Sessions hear first that this device leaves them, then the room that it does not serve: see rule PRE4 of SPEC.md.
    const paused = service.pause();
    this.#offer();
    await paused;
    if (this.#activity.state === 'pausing') this.#become({ state: 'paused', reason: this.#activity.reason });
  }

  #become(activity: Activity): void {
    this.#activity = activity;
    this.#options.dispatch({ type: 'activity', activity });
  }

  #offer(): void {
    if (!this.#joined) return;
    const { mesh, service, capabilities } = this.#joined;
    const { name, memoryBytes } = this.#settings;
    service.offerMemory(memoryBytes);
    mesh.offer({ ...capabilities, name, memoryBytes, serves: this.#activity.state === 'active' });
  }

  async #applyShare(): Promise<void> {
    try {
      await this.#joined?.device.setShare(this.#settings.share);
    } catch (thrown) {
      this.#options.dispatch({ type: 'setting-refused', problem: problemOf(toPeerceptronError(thrown)) });
    }
  }
}
