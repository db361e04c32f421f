import * as v from 'valibot';
import { deviceProfileSchema, linkProfileSchema, linkTripsSchema } from '../planner/profile-schema.ts';
import { asPeerId, isHex128 } from '../shared/ids.ts';

const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff_ffff));
const onRequest = { request: count };

/** Most bytes of one measurement of a link, and of one stream of kind `probe`. */
export const MAX_PROBE_BYTES = 1024 * 1024;

/** What a requester asks before it plans; outside of sessions. Answers repeat `request`. */
export const surveyMessageSchemas = [
  /** How fast do you compute, and move tensors? Answered when the device has measured itself. */
  v.strictObject({ type: v.literal('profile-request'), ...onRequest }),
  v.strictObject({ type: v.literal('profile'), ...onRequest, profile: deviceProfileSchema }),
  /**
   * How fast is your link to that peer? Dials it where need be. `trips`: small messages only, at once, for links that are
   * measured together.
   */
  v.strictObject({
    type: v.literal('measure-link'),
    ...onRequest,
    peer: v.pipe(v.string(), v.check(isHex128, 'expected 32 hex digits'), v.transform(asPeerId)),
    trips: v.optional(v.literal(true)),
  }),
  v.strictObject({ type: v.literal('link'), ...onRequest, ...linkProfileSchema.entries }),
  v.strictObject({ type: v.literal('link-trips'), ...onRequest, ...linkTripsSchema.entries }),
] as const;
