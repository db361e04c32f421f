import { withEngineTimes } from './engine-times.ts';
import type { DeviceProfile } from './profile.ts';

/**
 * Of a device that gives meshes `share` of its processor: what it computes takes 1/share times as long as it has measured with all
 * of it. What it sends and receives does not, nor the way to the engine's thread and back.
 */
export function sharedProfile(profile: DeviceProfile, share: number): DeviceProfile {
  if (share === 1) return profile;
  const { tripMs } = profile;
  const insideMs = Math.max(0, profile.tileMs - tripMs);
  return { ...withEngineTimes(profile, (ms) => ms / share), tripMs, tileMs: tripMs + insideMs / share };
}
