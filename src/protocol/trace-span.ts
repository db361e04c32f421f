import * as v from 'valibot';
import { isHex128, asSessionId } from '../shared/ids.ts';

/**
 * What a peer does for a frame. `encode`, `send`, `receive` and `assemble` belong to one piece, and carry the address of
 * its consumer; `wait` (from the first announced byte of input to the last), `queue` (from there to the engine's start) and
 * `compute` (time in the engine) belong to a tile. The order is that of the wire: append only.
 */
export const PEER_STAGES = ['encode', 'send', 'receive', 'assemble', 'wait', 'queue', 'compute'] as const;
export type PeerStage = (typeof PEER_STAGES)[number];

export const isPieceStage = (stage: string): boolean =>
  stage === 'encode' || stage === 'send' || stage === 'receive' || stage === 'assemble';

/** Most spans in one message. */
export const MAX_SPANS_PER_MESSAGE = 512;

const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff_ffff));
const bytes = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 31));
/** Milliseconds of the sender's own monotonic clock; a century at most. */
const clockMs = v.pipe(v.number(), v.finite(), v.minValue(0), v.maxValue(3.2e12));

/** Stage (index into `PEER_STAGES`), frame, segment, tile, input, piece, start, end, bytes. */
const wireSpan = v.pipe(
  v.strictTuple([
    v.pipe(count, v.maxValue(PEER_STAGES.length - 1)),
    count,
    count,
    count,
    count,
    count,
    clockMs,
    clockMs,
    bytes,
  ]),
  v.check((span) => span[6] <= span[7], 'a span starts before it ends'),
);
export type WireSpan = v.InferOutput<typeof wireSpan>;

const onEpoch = { session: v.pipe(v.string(), v.check(isHex128), v.transform(asSessionId)), epoch: count };

/** Only in sessions whose PREPARE asks for a trace. */
export const traceMessageSchemas = [
  /** Requester → peer: what does your clock say? */
  v.strictObject({ type: v.literal('clock-request'), ...onEpoch, nonce: count }),
  v.strictObject({ type: v.literal('clock'), ...onEpoch, nonce: count, nowMs: clockMs }),
  /** Requester → peer: send every span that you still hold; the answer's last batch repeats `request`. */
  v.strictObject({ type: v.literal('trace-request'), ...onEpoch, request: count }),
  /** Peer → requester: spans in the order in which they ended; `lost`: overwritten before they could be sent, since the start. */
  v.strictObject({
    type: v.literal('trace'),
    ...onEpoch,
    spans: v.pipe(v.array(wireSpan), v.maxLength(MAX_SPANS_PER_MESSAGE)),
    lost: count,
    request: v.exactOptional(count),
  }),
] as const;
