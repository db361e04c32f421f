import { OP_CLASSES, type ClassRate, type DeviceProfile, type OpClass } from './profile.ts';

/**
 * Of a device that gives meshes `share` of its processor: what it computes takes 1/share times as long as it has measured with all
 * of it. What it sends and receives does not.
 */
export function sharedProfile(profile: DeviceProfile, share: number): DeviceProfile {
  if (share === 1) return profile;
  const rates = OP_CLASSES.map((name): [OpClass, ClassRate] => {
    const { stepMs, msPerMac, msPerByte } = profile.rates[name];
    return [name, { stepMs: stepMs / share, msPerMac: msPerMac / share, msPerByte: msPerByte / share }];
  });
  return {
    ...profile,
    rates: Object.fromEntries(rates) as Record<OpClass, ClassRate>,
    tileMs: profile.tileMs / share,
    tileMsPerByte: profile.tileMsPerByte / share,
  };
}
