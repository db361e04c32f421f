import * as v from 'valibot';
import { PeerceptronError } from '../shared/errors.ts';
import { OP_CLASSES, type DeviceProfile, type OpClass } from './profile.ts';

/** An hour: nothing that a device does once takes longer, and sums of them stay finite. */
const MOST_MS = 3_600_000;
/** Ten terabytes or tera-operations per second: nothing is faster, and a device that says so would be given everything. */
const LEAST_MS_PER_UNIT = 1e-10;
const MOST_BYTES_PER_MS = 1 / LEAST_MS_PER_UNIT;

const cost = v.pipe(v.number(), v.finite(), v.minValue(0), v.maxValue(MOST_MS));
const rate = v.pipe(v.number(), v.finite(), v.minValue(1e-6), v.maxValue(MOST_BYTES_PER_MS));

const classRate = v.pipe(
  v.strictObject({ stepMs: cost, msPerMac: cost, msPerByte: cost }),
  v.check(
    ({ msPerMac, msPerByte }) => msPerMac + msPerByte >= LEAST_MS_PER_UNIT,
    'nothing is computed in no time',
  ),
);
const rates = Object.fromEntries(OP_CLASSES.map((name) => [name, classRate])) as Record<
  OpClass,
  typeof classRate
>;

/** A profile as it comes from another device, or from a file that somebody may have changed. */
export const deviceProfileSchema = v.strictObject({
  version: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff)),
  engine: v.pipe(v.string(), v.maxLength(200)),
  cores: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(4096)),
  rates: v.strictObject(rates),
  tileMs: cost,
  tripMs: cost,
  tileMsPerByte: cost,
  transport: v.strictObject({
    pieceMs: cost,
    sendMsPerByte: cost,
    receiveMsPerByte: cost,
    uplinkBytesPerMs: rate,
    downlinkBytesPerMs: rate,
  }),
});

export const linkTripsSchema = v.strictObject({ roundTripMs: cost });
export const linkProfileSchema = v.strictObject({
  ...linkTripsSchema.entries,
  pieceMs: cost,
  bytesPerMs: rate,
  msPerByte: v.exactOptional(cost),
});

/** @throws PROTOCOL_MALFORMED */
export function parseDeviceProfile(raw: unknown): DeviceProfile {
  const result = v.safeParse(deviceProfileSchema, raw);
  if (result.success) return result.output;
  const issue = result.issues[0];
  throw new PeerceptronError(
    'PROTOCOL_MALFORMED',
    `device profile: ${v.getDotPath(issue) ?? '(root)'}: ${issue.message}`,
  );
}
