import * as v from 'valibot';
import { asPeerId, isHex128 } from '../shared/ids.ts';

const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff_ffff));
const fraction = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const rate = v.pipe(v.number(), v.finite(), v.minValue(0));
const peerId = v.pipe(v.string(), v.check(isHex128, 'expected 32 hex digits'), v.transform(asPeerId));
const opRange = v.pipe(
  v.strictTuple([count, count]),
  v.check(([start, end]) => start < end, 'a range of ops holds at least one'),
);

/** As many as a room has members. */
const MAX_PEERS = 64;
export const MAX_WATCH_MS = 30_000;
/** Sessions and runs of ops that one report names; what is beyond is left out by whoever reports. */
export const MAX_WORK_SESSIONS = 8;
export const MAX_WORK_RANGES = 64;

/** What one device does in one session. */
const work = v.strictObject({
  model: v.pipe(v.string(), v.maxLength(200)),
  opCount: count,
  /** Half-open, over the graph's ops. */
  ops: v.pipe(v.array(opRange), v.maxLength(MAX_WORK_RANGES)),
  /** Of the plan's multiply-accumulates. */
  part: fraction,
});

/** How devices are, for people who look; outside of sessions. */
export const presenceMessageSchemas = [
  /** Any → any: tell me how you are, once per second, for so long. Asking again prolongs it; 0 ends it. */
  v.strictObject({
    type: v.literal('watch'),
    forMs: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_WATCH_MS)),
  }),
  v.strictObject({
    type: v.literal('presence'),
    /** Of the time, how much of it the engine computes; of the part of the device that is given. */
    load: fraction,
    /** Part of the device's processor that is given. */
    share: fraction,
    framesPerSecond: rate,
    /** Bytes per second to each peer that gets any, frames, weights and headers included. */
    sent: v.pipe(v.array(v.strictTuple([peerId, rate])), v.maxLength(MAX_PEERS)),
    work: v.pipe(v.array(work), v.maxLength(MAX_WORK_SESSIONS)),
    /** Multiply-accumulates per second in a 3 × 3 convolution, as measured; absent before it is. */
    macsPerSecond: v.exactOptional(rate),
    battery: v.exactOptional(v.strictObject({ level: fraction, charging: v.boolean() })),
    /** Devices that this one, as a requester, does without for a while because they have failed. */
    setAside: v.exactOptional(v.pipe(v.array(peerId), v.maxLength(MAX_PEERS))),
  }),
] as const;
