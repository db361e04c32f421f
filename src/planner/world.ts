import type { Accuracy } from '../shared/accuracy.ts';
import type { PeerId } from '../shared/ids.ts';
import type { WeightStorage } from '../shared/weight-storage.ts';
import type { DeviceProfile, TransportProfile } from './profile.ts';

/** One device that may compute, as the planner sees it. */
export interface Device {
  readonly id: PeerId;
  /** For people; two devices may have the same. */
  readonly name: string;
  readonly profile: DeviceProfile;
  /** What plans may take of its memory, bytes. */
  readonly memoryBytes: number;
  readonly accuracy: Accuracy;
  /** How its engine holds weights; absent: `packed`. */
  readonly weightStorage?: WeightStorage;
  /** Whether the profile says how long tiles really took lately; otherwise it is what the device measured of itself at join. */
  readonly observed?: boolean;
  /** For plans that are to take little energy; absent where nobody knows. */
  readonly watts?: { readonly idle: number; readonly busy: number };
}

/** From one device to another. */
export interface LinkProfile {
  /** Of a small message, there and back. */
  readonly roundTripMs: number;
  /** Goodput of one long stream while nothing else moves. */
  readonly bytesPerMs: number;
  /** What each of several small pieces that are sent at once adds to a round trip: of the end that has more to do with one; absent: not measured. */
  readonly pieceMs?: number;
  /** That the sender's processors take at least for a byte, all of them at work; absent: not measured. */
  readonly msPerByte?: number;
}

/** Everything that a plan's speed depends on beside the plan and the model. Plain data but for `link`. */
export interface World {
  /** Has the inputs and wants the outputs. It computes only where it is among `devices` too. */
  readonly requester: { readonly id: PeerId; readonly transport: TransportProfile };
  readonly devices: readonly Device[];
  /** Between any two of requester and devices; both directions may differ. Never asked for a device and itself. */
  link(from: PeerId, to: PeerId): LinkProfile;
}
