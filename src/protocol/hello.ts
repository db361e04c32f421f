import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { bytesToUtf8 } from '@noble/ciphers/utils.js';
import * as v from 'valibot';
import { isErrorCode, PeerceptronError, toPeerceptronError, unreachable } from '../shared/errors.ts';
import { isHex128, shortId, toHex, type PeerId } from '../shared/ids.ts';
import { parseCapabilities, PROTOCOL_VERSION, type Capabilities } from './messages.ts';
import type { ConnectionNonce } from './sealing.ts';

/** Largest handshake message in bytes, either direction. */
export const HELLO_MAX_BYTES = 8 * 1024;

/** Who made the offer: the side with the lower peer id. */
export type HelloRole = 'initiator' | 'responder';

/** All that one side knows when its data channel opens. */
export interface HelloContext {
  readonly role: HelloRole;
  readonly self: PeerId;
  readonly peer: PeerId;
  readonly selfNonce: ConnectionNonce;
  readonly peerNonce: ConnectionNonce;
  /** SHA-256 of the DTLS certificates, 64 hex digits, from the descriptions that were really applied. */
  readonly localFingerprint: string;
  readonly remoteFingerprint: string;
  readonly proofKey: Uint8Array;
  readonly capabilities: Capabilities;
  /** The channel that this side would go on with (64 hex digits), if it has one with this peer. */
  readonly resumes?: string | undefined;
  /** Protocol versions that this side speaks. */
  readonly versions?: readonly number[];
}

/** What to do after a message: `send` what is given, then go on, use the connection, or close it. */
export type HelloStep =
  | { readonly state: 'waiting'; readonly send: Uint8Array | undefined }
  /** `resumes`: both sides named the same channel, which goes on over this connection; otherwise it carries a new one. */
  | {
      readonly state: 'done';
      readonly capabilities: Capabilities;
      readonly version: number;
      readonly resumes: string | undefined;
    }
  | { readonly state: 'failed'; readonly send: Uint8Array | undefined; readonly error: PeerceptronError };

const versionList = v.pipe(
  v.array(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff))),
  v.minLength(1),
  v.maxLength(16),
);
const hex = (length: number) => v.pipe(v.string(), v.length(length), v.regex(/^[0-9a-f]*$/));

/** What every version must keep, so that a mismatch can be told. */
const anyHello = v.looseObject({ type: v.literal('hello'), versions: versionList });
const messageSchema = v.variant('type', [
  v.strictObject({
    type: v.literal('hello'),
    versions: versionList,
    role: v.picklist(['initiator', 'responder']),
    from: v.pipe(v.string(), v.check(isHex128)),
    to: v.pipe(v.string(), v.check(isHex128)),
    nonce: v.pipe(v.string(), v.check(isHex128)),
    /** JSON inside JSON: the proof covers these very letters. */
    capabilities: v.pipe(v.string(), v.maxLength(4096)),
    /** Of the channel that the sender would go on with; empty for none. */
    resumes: v.union([v.literal(''), hex(64)]),
    proof: hex(64),
  }),
  v.strictObject({ type: v.literal('accept') }),
  v.strictObject({
    type: v.literal('refuse'),
    code: v.pipe(v.string(), v.maxLength(64)),
    message: v.pipe(v.string(), v.maxLength(1000)),
  }),
]);
type HelloMessage = v.InferOutput<typeof messageSchema>;

interface ProofFields {
  readonly role: HelloRole;
  readonly from: PeerId;
  readonly to: PeerId;
  readonly fromNonce: ConnectionNonce;
  readonly toNonce: ConnectionNonce;
  readonly versions: readonly number[];
  readonly fromFingerprint: string;
  readonly toFingerprint: string;
  readonly capabilities: string;
  readonly resumes: string;
}

/** HMAC-SHA256 over every field, each with its length, so that none can flow into the next. */
function proofOf(key: Uint8Array, fields: ProofFields): string {
  const parts = [
    'peerceptron hello 2',
    fields.role,
    fields.from,
    fields.to,
    fields.fromNonce,
    fields.toNonce,
    fields.versions.join(','),
    fields.fromFingerprint,
    fields.toFingerprint,
    fields.capabilities,
    fields.resumes,
  ].map((part) => {
    const bytes = utf8ToBytes(part);
    return concatBytes(Uint8Array.of(bytes.length & 255, (bytes.length >>> 8) & 255), bytes);
  });
  return toHex(hmac(sha256, key, concatBytes(...parts)));
}

/** Equal length is public; where they differ is not. */
function equalInConstantTime(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i += 1) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}

const encode = (message: HelloMessage): Uint8Array => utf8ToBytes(JSON.stringify(message));

function decode(bytes: Uint8Array): unknown {
  if (bytes.length > HELLO_MAX_BYTES)
    throw new PeerceptronError(
      'PROTOCOL_LIMIT',
      `The first message has ${bytes.length} bytes; the limit is ${HELLO_MAX_BYTES}.`,
    );
  try {
    return JSON.parse(bytesToUtf8(bytes)) as unknown;
  } catch (cause) {
    throw new PeerceptronError('PROTOCOL_MALFORMED', 'The other side did not begin with HELLO.', { cause });
  }
}

/**
 * The handshake on a fresh data channel, before any other message (rules `HELLO-*` of SPEC.md). Each side sends one
 * HELLO that proves knowledge of the room's secret *for this very connection* (ids, nonces, DTLS certificates), and
 * one `accept` or `refuse` in answer to the other's. Pure: the caller sends what it is given, and brings the deadline.
 */
export class HelloExchange {
  /** The first message to send. */
  readonly hello: Uint8Array;
  readonly #context: HelloContext;
  readonly #versions: readonly number[];
  #state: 'hello' | 'accept' | 'over' = 'hello';
  #agreed: Omit<Extract<HelloStep, { state: 'done' }>, 'state'> | undefined;

  constructor(context: HelloContext) {
    this.#context = context;
    this.#versions = context.versions ?? [PROTOCOL_VERSION];
    const capabilities = JSON.stringify(context.capabilities);
    const resumes = context.resumes ?? '';
    this.hello = encode({
      type: 'hello',
      versions: [...this.#versions],
      role: context.role,
      from: context.self,
      to: context.peer,
      nonce: context.selfNonce,
      capabilities,
      resumes,
      proof: proofOf(context.proofKey, {
        role: context.role,
        from: context.self,
        to: context.peer,
        fromNonce: context.selfNonce,
        toNonce: context.peerNonce,
        versions: this.#versions,
        fromFingerprint: context.localFingerprint,
        toFingerprint: context.remoteFingerprint,
        capabilities,
        resumes,
      }),
    });
  }

  /** Takes one message of the other side. After `done` or `failed` it takes no more. */
  receive(bytes: Uint8Array): HelloStep {
    if (this.#state === 'over') throw new PeerceptronError('INTERNAL', 'the handshake is over');
    try {
      return this.#receive(bytes);
    } catch (thrown) {
      this.#state = 'over';
      const error = toPeerceptronError(thrown, 'PROTOCOL_MALFORMED');
      const send = encode({ type: 'refuse', code: error.code, message: error.message.slice(0, 1000) });
      return { state: 'failed', error, send };
    }
  }

  #receive(bytes: Uint8Array): HelloStep {
    const raw = decode(bytes);
    const any = v.safeParse(anyHello, raw);
    const version = any.success ? this.#agreeOnVersion(any.output.versions) : undefined;
    const parsed = v.safeParse(messageSchema, raw);
    if (!parsed.success)
      throw new PeerceptronError(
        'PROTOCOL_MALFORMED',
        `HELLO is malformed at ${v.getDotPath(parsed.issues[0]) ?? '(root)'}.`,
      );
    const message = parsed.output;
    switch (message.type) {
      case 'refuse': {
        this.#state = 'over';
        const code = isErrorCode(message.code) ? message.code : 'AUTH_FAILED';
        const text = `Device ${shortId(this.#context.peer)} refused the connection: ${message.message}`;
        return { state: 'failed', send: undefined, error: new PeerceptronError(code, text) };
      }
      case 'hello': {
        if (this.#state !== 'hello' || version === undefined)
          throw new PeerceptronError('PROTOCOL_ORDER', 'HELLO came twice.');
        this.#verify(message);
        this.#agreed = {
          capabilities: this.#parseCapabilities(message.capabilities),
          version,
          resumes:
            message.resumes !== '' && message.resumes === this.#context.resumes ? message.resumes : undefined,
        };
        this.#state = 'accept';
        return { state: 'waiting', send: encode({ type: 'accept' }) };
      }
      case 'accept': {
        if (this.#state !== 'accept' || !this.#agreed)
          throw new PeerceptronError('PROTOCOL_ORDER', 'An accept came before HELLO.');
        this.#state = 'over';
        return { state: 'done', ...this.#agreed };
      }
      default:
        return unreachable(message);
    }
  }

  #agreeOnVersion(theirs: readonly number[]): number {
    const common = this.#versions.filter((version) => theirs.includes(version));
    if (common.length > 0) return Math.max(...common);
    const list = (versions: readonly number[]): string =>
      `version${versions.length > 1 ? 's' : ''} ${versions.join(', ')}`;
    throw new PeerceptronError(
      'PROTOCOL_VERSION',
      `Device ${shortId(this.#context.self)} speaks protocol ${list(this.#versions)}, device ${shortId(this.#context.peer)} speaks ${list(theirs)}. Update the older one; a page is updated by reloading it.`,
      { details: { ours: this.#versions, theirs } },
    );
  }

  #verify(hello: Extract<HelloMessage, { type: 'hello' }>): void {
    const context = this.#context;
    const expected = proofOf(context.proofKey, {
      // What the other side must be, whatever it says it is: its own proof sent back never fits.
      role: context.role === 'initiator' ? 'responder' : 'initiator',
      from: context.peer,
      to: context.self,
      fromNonce: context.peerNonce,
      toNonce: context.selfNonce,
      versions: hello.versions,
      fromFingerprint: context.remoteFingerprint,
      toFingerprint: context.localFingerprint,
      capabilities: hello.capabilities,
      resumes: hello.resumes,
    });
    if (
      hello.from !== context.peer ||
      hello.to !== context.self ||
      hello.nonce !== context.peerNonce ||
      hello.role === context.role ||
      !equalInConstantTime(hello.proof, expected)
    )
      throw new PeerceptronError(
        'AUTH_FAILED',
        `Device ${shortId(context.peer)} could not prove that it knows this room’s secret on this connection. Either its link differs, or someone sits in between: open the same room link on both devices.`,
      );
  }

  #parseCapabilities(text: string): Capabilities {
    try {
      return parseCapabilities(JSON.parse(text));
    } catch (thrown) {
      throw toPeerceptronError(thrown, 'PROTOCOL_MALFORMED');
    }
  }
}
