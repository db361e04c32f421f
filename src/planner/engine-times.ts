import { OP_CLASSES, type ClassRate, type DeviceProfile, type OpClass } from './profile.ts';

/** The profile with all times of its engine changed, of each class of ops and (without a class) of tiles as such. */
export function withEngineTimes(
  profile: DeviceProfile,
  change: (ms: number, opClass?: OpClass) => number,
): DeviceProfile {
  const rates = OP_CLASSES.map((name): [OpClass, ClassRate] => {
    const { stepMs, msPerMac, msPerByte } = profile.rates[name];
    return [
      name,
      { stepMs: change(stepMs, name), msPerMac: change(msPerMac, name), msPerByte: change(msPerByte, name) },
    ];
  });
  return {
    ...profile,
    rates: Object.fromEntries(rates) as Record<OpClass, ClassRate>,
    tileMs: change(profile.tileMs),
    tripMs: change(profile.tripMs),
    tileMsPerByte: change(profile.tileMsPerByte),
  };
}
