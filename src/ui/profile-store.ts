import { parseDeviceProfile } from '../planner/profile-schema.ts';
import { PROFILE_VERSION, type DeviceProfile } from '../planner/profile.ts';

/** What of `localStorage` is needed; it throws where a browser forbids it. */
export interface ProfileStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

const ITEM = 'peerceptron profile';

/** What this browser has measured before with this engine, or else what `measure` finds now. */
export async function storedProfile(
  storage: () => ProfileStorage,
  device: { readonly userAgent: string; readonly engine: string },
  measure: () => Promise<DeviceProfile>,
): Promise<DeviceProfile> {
  const key = [device.userAgent, device.engine, PROFILE_VERSION].join(', ');
  try {
    const raw = JSON.parse(storage().getItem(ITEM) ?? '{}') as Readonly<Record<string, unknown>>;
    if (raw.key === key) return parseDeviceProfile(raw.profile);
  } catch {
    // Nothing stored, not by this version, or no storage: measured anew.
  }
  const profile = await measure();
  try {
    storage().setItem(ITEM, JSON.stringify({ key, profile }));
  } catch {
    // Measured again at the next visit.
  }
  return profile;
}
