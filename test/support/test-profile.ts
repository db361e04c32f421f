import { OP_CLASSES, PROFILE_VERSION, type DeviceProfile } from '../../src/planner/profile.ts';

/** A device of no consequence: valid, and different from others by `slowness`. */
export const profileOf = (slowness: number): DeviceProfile => ({
  version: PROFILE_VERSION,
  engine: 'test',
  cores: 2,
  rates: Object.fromEntries(
    OP_CLASSES.map((name, index) => [
      name,
      { stepMs: 0.01 * slowness, msPerMac: 5e-8 * slowness * (index + 1), msPerByte: 1e-7 * slowness },
    ]),
  ) as DeviceProfile['rates'],
  tileMs: 0.1 * slowness,
  tripMs: 0.04 * slowness,
  tileMsPerByte: 1e-7 * slowness,
  transport: {
    pieceMs: 0.1,
    sendMsPerByte: 1e-6,
    receiveMsPerByte: 1e-6,
    uplinkBytesPerMs: 12_500,
    downlinkBytesPerMs: 12_500,
  },
});

export const testProfile = profileOf(1);
