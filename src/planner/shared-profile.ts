import { withEngineTimes } from './engine-times.ts';
import type { DeviceProfile } from './profile.ts';

/**
 * Of a device that gives meshes `share` of its processor: what it computes takes 1/share times as long as it has measured with all
 * of it. What it sends and receives does not.
 */
export const sharedProfile = (profile: DeviceProfile, share: number): DeviceProfile =>
  share === 1 ? profile : withEngineTimes(profile, (ms) => ms / share);
