/**
 * Every failure that a person or a program can meet has a stable code. The sentence says what happened and what to
 * do; `docs/errors.md` explains each code, and a test keeps that page complete.
 */
export const ERROR_CODES = [
  // graph and plans
  'GRAPH_INVALID',
  'GRAPH_SHAPE',
  'BOX_INVALID',
  'OP_UNSUPPORTED',
  'PLAN_INVALID',
  'PLAN_MEMORY',
  'PLAN_NO_PEERS',
  'PLAN_RATE',
  'DEVICES_INVALID',
  // models and weights
  'MODEL_NOT_FOUND',
  'MODEL_CORRUPT',
  'MODEL_UNSUPPORTED',
  'WEIGHTS_MISSING',
  'WEIGHTS_CORRUPT',
  'WEIGHTS_UNAVAILABLE',
  'ORIGIN_REFUSED',
  'INPUT_INVALID',
  'OUTPUT_UNWRITABLE',
  // engines
  'ENGINE_UNAVAILABLE',
  'ENGINE_FAILED',
  'ENGINE_MEMORY',
  'ENGINE_INSTALL',
  // wire
  'PROTOCOL_VERSION',
  'PROTOCOL_MALFORMED',
  'PROTOCOL_LIMIT',
  'PROTOCOL_ORDER',
  'CODEC_RANGE',
  'AUTH_FAILED',
  'LINK_CLOSED',
  'LINK_TIMEOUT',
  'LINK_NO_ROUTE',
  'LINK_LOST',
  'STREAM_CANCELLED',
  // rooms and signaling
  'ROOM_LINK_INVALID',
  'ROOM_FULL',
  'SIGNALING_UNREACHABLE',
  'SIGNALING_REFUSED',
  'SIGNALING_LOST',
  'PORT_TAKEN',
  'CERTIFICATE_INVALID',
  // sessions
  'SESSION_REFUSED',
  'SESSION_CLOSED',
  'FRAME_FAILED',
  'FRAME_TIMEOUT',
  'FRAME_DROPPED',
  'PEER_LOST',
  // programs
  'USAGE',
  'SERVICE_UNAVAILABLE',
  'PLATFORM_UNSUPPORTED',
  'CHROMIUM_MISSING',
  'CERTUTIL_MISSING',
  'INTERNAL',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

export interface ErrorDetails {
  readonly [key: string]: unknown;
}

/** The one error class of the project: a stable `code`, a sentence that says what to do, and the cause. */
export class PeerceptronError extends Error {
  override readonly name = 'PeerceptronError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; details?: ErrorDetails } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }
}

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && (ERROR_CODES as readonly string[]).includes(value);
}

/** Wraps whatever was thrown; an error that already has a code is kept as it is. */
export function toPeerceptronError(thrown: unknown, code: ErrorCode = 'INTERNAL'): PeerceptronError {
  if (thrown instanceof PeerceptronError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new PeerceptronError(code, message, { cause: thrown });
}

/** For the `default` of an exhaustive switch. */
export function unreachable(value: never): never {
  throw new PeerceptronError('INTERNAL', `unreachable case: ${JSON.stringify(value)}`);
}
