import * as v from 'valibot';
import type { Box } from '../graph/box.ts';
import { WIRE_CODECS } from '../planner/codec.ts';
import { asSessionId, isHex128 } from '../shared/ids.ts';
import { isErrorCode, PeerceptronError, type ErrorCode } from '../shared/errors.ts';
import { WEIGHT_STORAGES } from '../shared/weight-storage.ts';
import { presenceMessageSchemas } from './presence-message.ts';
import { surveyMessageSchemas } from './survey-message.ts';
import { traceMessageSchemas } from './trace-span.ts';

/** Raised whenever an old peer could misread a new one; a mismatch is refused at HELLO. */
export const PROTOCOL_VERSION = 5;

const hex128 = v.pipe(v.string(), v.check(isHex128, 'expected 32 hex digits'));
const sessionId = v.pipe(hex128, v.transform(asSessionId));
const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff_ffff));
const name = v.pipe(v.string(), v.maxLength(200));
const MAX_SENTENCE_LENGTH = 2000;
const sentence = v.pipe(v.string(), v.maxLength(MAX_SENTENCE_LENGTH));
/** Fits a message for people into what a control message may carry. */
export const asSentence = (text: string): string =>
  text.length <= MAX_SENTENCE_LENGTH ? text : `${text.slice(0, MAX_SENTENCE_LENGTH - 1)}…`;
const size = v.pipe(v.number(), v.finite(), v.minValue(0));
const milliseconds = v.pipe(v.number(), v.finite());
const errorCode = v.pipe(
  v.string(),
  v.check((code: string) => isErrorCode(code), 'unknown error code'),
  v.transform((code) => code as ErrorCode),
);
const range = v.pipe(
  v.strictTuple([count, count]),
  v.check(([start, end]) => start <= end, 'a range starts before it ends'),
);
const box = v.pipe(
  v.array(range),
  v.maxLength(8),
  v.transform((ranges): Box => ranges),
);

const onSession = { session: sessionId };
const onEpoch = { session: sessionId, epoch: count };

/** How a peer gets its slices: from the requester (also when nothing is said), or by computing them from a seed. */
const weightsSchema = v.variant('kind', [
  v.strictObject({
    kind: v.literal('requester'),
    /** How the requester's file orders the axes of a tensor, the slowest first, where that is not the tensor's own order. */
    orders: v.exactOptional(v.array(v.strictTuple([name, v.pipe(v.array(count), v.maxLength(8))]))),
  }),
  v.strictObject({
    kind: v.literal('origin'),
    /** The layout file of the weights; parsed by its own module. Whoever has it can take blocks from anyone. */
    layout: v.custom<Uint8Array>((value) => value instanceof Uint8Array, 'expected bytes'),
    /** Copies of the weights file; a peer asks those that its operator allows. */
    urls: v.pipe(v.array(v.pipe(v.string(), v.maxLength(2000))), v.maxLength(8)),
    /** The graph before its batch norms were folded: the layout has its weights. */
    unfolded: v.unknown(),
  }),
  /** `unfolded`: the graph whose weights the seed gives, before its batch norms were folded; parsed by its own module. */
  v.strictObject({ kind: v.literal('seeded'), seed: count, unfolded: v.unknown() }),
]);

export type PrepareWeights = v.InferOutput<typeof weightsSchema>;

/** What a peer says of itself in HELLO, and what the room sees. */
const capabilitiesSchema = v.strictObject({
  name,
  engine: name,
  accuracy: v.picklist(['f32', 'f16']),
  /** How the engine holds weights, which says how much a plan takes; absent: `packed`. */
  weightStorage: v.exactOptional(v.picklist(WEIGHT_STORAGES)),
  /** Offered for weights and activations. */
  memoryBytes: v.pipe(v.number(), v.minValue(0)),
  platform: name,
  /** Serves tiles. A requester that only asks does not. */
  serves: v.boolean(),
});

/** Runtime messages between two peers that have proven themselves; SPEC.md gives the rules by name. */
const controlSchema = v.variant('type', [
  /** Requester → peer: get ready for this plan. `graph` and `plan` are parsed by their own modules. */
  v.strictObject({
    type: v.literal('prepare'),
    ...onEpoch,
    graph: v.unknown(),
    plan: v.unknown(),
    /** Frames that may be in flight at once. */
    window: v.pipe(count, v.minValue(1), v.maxValue(64)),
    weights: v.exactOptional(weightsSchema),
    /** Record spans, answer `clock-request` and `trace-request`. */
    trace: v.exactOptional(v.literal(true)),
    /** The weights are those of the session's earlier epochs: slices that the peer still holds of them may be used again. */
    sameWeights: v.exactOptional(v.literal(true)),
  }),
  v.strictObject({
    type: v.literal('ready'),
    ...onEpoch,
    weightBytes: v.number(),
    reservedBytes: v.number(),
    /** Where the bytes came from; absent where weights were computed. */
    sources: v.exactOptional(
      v.strictObject({ cacheBytes: size, peerBytes: size, originBytes: size, requesterBytes: size }),
    ),
  }),
  v.strictObject({ type: v.literal('refuse'), ...onEpoch, code: errorCode, message: sentence }),
  /** Peer → requester, while loading. */
  v.strictObject({ type: v.literal('loading'), ...onEpoch, loadedBytes: v.number(), totalBytes: v.number() }),
  /** Epochs below `floor` are over: free them, drop their data. */
  v.strictObject({ type: v.literal('retire'), ...onSession, floor: count }),
  v.strictObject({ type: v.literal('end'), ...onSession }),
  /** This one epoch will not be used: free it. Others, older and newer, stay. */
  v.strictObject({ type: v.literal('abandon'), ...onEpoch }),
  /** Peer → requester: this device is about to leave the room; it computes on until its session ends. */
  v.strictObject({ type: v.literal('leaving'), ...onSession }),
  /** Requester → peer: are you there, and do you get on? */
  v.strictObject({ type: v.literal('status-request'), ...onSession, nonce: count }),
  v.strictObject({
    type: v.literal('status'),
    ...onSession,
    nonce: count,
    /** Tiles computed so far, of all sessions: it grows while the engine works, whoever it works for. */
    tilesDone: count,
    /** A tile of this session is complete here, and waits for the engine or is in it. */
    busy: v.boolean(),
  }),
  /** Requester → every peer of the plan: forget this frame. */
  v.strictObject({ type: v.literal('drop'), ...onEpoch, frame: count }),
  /** Peer → requester: this tile of this frame is done. */
  v.strictObject({
    type: v.literal('tile-done'),
    ...onEpoch,
    frame: count,
    segment: count,
    tile: count,
    /** Waiting for the first byte of input, from the first that arrived; computing; sending. */
    receiveMs: milliseconds,
    computeMs: milliseconds,
  }),
  v.strictObject({
    type: v.literal('frame-failed'),
    ...onEpoch,
    frame: count,
    segment: count,
    tile: count,
    code: errorCode,
    message: sentence,
  }),
  /** Peer → requester: send me this slice; the answer is a stream of kind `weight`, or `weight-refused`. */
  v.strictObject({ type: v.literal('weight-request'), ...onEpoch, request: count, name, box }),
  v.strictObject({ type: v.literal('weight-refused'), request: count, code: errorCode, message: sentence }),
  /** Peer → peer of the same plan, or requester: send me this block of the weights file; the answer is a stream of kind `block`, or `block-refused`. */
  v.strictObject({ type: v.literal('block-request'), ...onEpoch, request: count, block: count }),
  v.strictObject({ type: v.literal('block-refused'), request: count, code: errorCode, message: sentence }),
  v.strictObject({ type: v.literal('ping'), nonce: count }),
  v.strictObject({ type: v.literal('pong'), nonce: count }),
  ...surveyMessageSchemas,
  /** Peer → requester: no profile or no measurement, and why. */
  v.strictObject({ type: v.literal('survey-refused'), request: count, code: errorCode, message: sentence }),
  ...traceMessageSchemas,
  ...presenceMessageSchemas,
  /** Any → any: what HELLO said of this device has changed. */
  v.strictObject({ type: v.literal('capabilities'), capabilities: capabilitiesSchema }),
]);

export type ControlMessage = v.InferOutput<typeof controlSchema>;

/** What an OPEN frame announces. */
const streamSchema = v.variant('kind', [
  /** A piece of a tensor for one tile of one frame (or for the requester: `segment` = number of segments, `tile` = 0). */
  v.strictObject({
    kind: v.literal('piece'),
    ...onEpoch,
    frame: count,
    /** The lane that the frame takes in every segment, stamped by the requester. */
    lanes: v.pipe(v.array(count), v.maxLength(4096)),
    segment: count,
    tile: count,
    /** Which input of that tile: index into `TileProgram.inputs` (for the requester: into `Graph.outputs`). */
    input: count,
    /** Which of the expected pieces: index into the derived transfer list of that input. */
    piece: count,
    codec: v.picklist(WIRE_CODECS),
  }),
  v.strictObject({ kind: v.literal('weight'), request: count }),
  /** One block of a weights file, as it lies there. */
  v.strictObject({ kind: v.literal('block'), request: count }),
  /** Bytes of no meaning, which the receiver throws away: a measurement of the link. */
  v.strictObject({ kind: v.literal('probe') }),
]);

export type StreamMeta = v.InferOutput<typeof streamSchema>;
export type PieceMeta = Extract<StreamMeta, { kind: 'piece' }>;

export type Capabilities = v.InferOutput<typeof capabilitiesSchema>;

const parser =
  <Schema extends v.GenericSchema>(schema: Schema, what: string) =>
  (raw: unknown): v.InferOutput<Schema> => {
    const result = v.safeParse(schema, raw);
    if (result.success) return result.output;
    const issue = result.issues[0];
    throw new PeerceptronError(
      'PROTOCOL_MALFORMED',
      `${what}: ${v.getDotPath(issue) ?? '(root)'}: ${issue.message}`,
    );
  };

export const parseControlMessage = parser(controlSchema, 'control message');
export const parseStreamMeta = parser(streamSchema, 'stream announcement');
export const parseCapabilities = parser(capabilitiesSchema, 'capabilities');
