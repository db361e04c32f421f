import { describe, expect, it } from 'vitest';
import { decodeBase64url, encodeBase64url } from '../../../src/protocol/base64url.ts';
import {
  NO_NONCE,
  openSealed,
  parseSignalBody,
  readEnvelope,
  SealedLine,
  sealMessage,
  type Envelope,
  type SealedRoute,
} from '../../../src/protocol/sealing.ts';
import { SIGNALING_MAX_PAYLOAD_LENGTH } from '../../../src/protocol/signaling.ts';
import { asPeerId, asRoomId } from '../../../src/shared/ids.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { thrownBy } from '../mesh/thrown.ts';

const random = seededRandom(7);
const randomBytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => random.integer(256));
const id = (n: number): string => n.toString(16).padStart(32, '0');
const [a, b] = [asPeerId(id(0xa)), asPeerId(id(0xb))];
const key = new Uint8Array(32).fill(9);
const route: SealedRoute = { key, room: asRoomId(id(1)), sender: a, receiver: b };
const header = { kind: 'signal', sequence: 3, senderNonce: id(100), receiverNonce: id(200) } as const;

describe('base64url', () => {
  it('gives what Buffer gives, and takes nothing else', () => {
    for (let length = 0; length < 200; length += 1) {
      const bytes = randomBytes(length);
      const text = encodeBase64url(bytes);
      expect(text).toBe(Buffer.from(bytes).toString('base64url'));
      expect(decodeBase64url(text)).toEqual(bytes);
    }
    for (const bad of ['a', 'aa=', 'a+aa', 'aa aa', 'ab', 'aab', 'é'])
      expect(decodeBase64url(bad), bad).toBeUndefined();
  });
});

describe('sealing', () => {
  it('[SEAL1] opens what was sealed, and shows nothing of it', () => {
    const text = sealMessage(route, header, { sdp: 'candidate 192.168.1.7' }, randomBytes);
    expect(Buffer.from(text, 'base64url').toString('latin1')).not.toContain('192.168');
    const envelope = readEnvelope(text);
    expect(envelope).toMatchObject(header);
    expect(openSealed(route, envelope)).toEqual({ sdp: 'candidate 192.168.1.7' });
  });

  const flip = (bytes: Uint8Array, at: number): Uint8Array =>
    bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));
  it.each<[string, (envelope: Envelope) => [SealedRoute, Envelope]]>([
    ['key', (envelope) => [{ ...route, key: new Uint8Array(32).fill(8) }, envelope]],
    ['room', (envelope) => [{ ...route, room: asRoomId(id(2)) }, envelope]],
    ['sender', (envelope) => [{ ...route, sender: asPeerId(id(0xc)) }, envelope]],
    ['receiver', (envelope) => [{ ...route, receiver: asPeerId(id(0xc)) }, envelope]],
    ['direction', (envelope) => [{ ...route, sender: b, receiver: a }, envelope]],
    ['kind', (envelope) => [route, { ...envelope, kind: 'confirm' }]],
    ['sequence', (envelope) => [route, { ...envelope, sequence: 4 }]],
    ['sender’s nonce', (envelope) => [route, { ...envelope, senderNonce: id(101) }]],
    ['receiver’s nonce', (envelope) => [route, { ...envelope, receiverNonce: NO_NONCE }]],
    [
      'nonces swapped',
      (envelope) => [
        route,
        { ...envelope, senderNonce: envelope.receiverNonce, receiverNonce: envelope.senderNonce },
      ],
    ],
    ['AEAD nonce', (envelope) => [route, { ...envelope, aeadNonce: flip(envelope.aeadNonce, 5) }]],
    ['first letter', (envelope) => [route, { ...envelope, ciphertext: flip(envelope.ciphertext, 0) }]],
    [
      'tag',
      (envelope) => [
        route,
        { ...envelope, ciphertext: flip(envelope.ciphertext, -1 + envelope.ciphertext.length) },
      ],
    ],
    ['length', (envelope) => [route, { ...envelope, ciphertext: envelope.ciphertext.slice(1) }]],
  ])('[SEAL2] refuses a message whose %s was changed', (_field, change) => {
    const envelope = readEnvelope(sealMessage(route, header, {}, randomBytes));
    expect(openSealed(route, envelope)).toEqual({});
    expect(thrownBy(() => openSealed(...change(envelope))).code).toBe('AUTH_FAILED');
  });

  it('[SEAL2] refuses every single flipped bit of the text', () => {
    const text = sealMessage(route, header, { a: 1 }, randomBytes);
    const bytes = Buffer.from(text, 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Uint8Array.from(bytes);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => openSealed(route, readEnvelope(encodeBase64url(changed))), `bit ${bit}`).toThrow();
    }
  });

  it.each([
    ['nothing', ''],
    ['short', encodeBase64url(new Uint8Array(60).fill(1))],
    ['other letters', '!'.repeat(200)],
    ['another version', encodeBase64url(Uint8Array.from({ length: 200 }, (_, i) => (i === 0 ? 2 : 0)))],
    ['an unknown kind', encodeBase64url(Uint8Array.from({ length: 200 }, (_, i) => (i === 0 ? 1 : 9)))],
    ['too long', 'A'.repeat(SIGNALING_MAX_PAYLOAD_LENGTH + 4)],
  ])('[SEAL3] refuses an envelope with %s', (_what, text) => {
    expect(thrownBy(() => readEnvelope(text)).code).toBe('PROTOCOL_MALFORMED');
  });

  it('[SEAL3] refuses to seal more than the relay takes', () => {
    const error = thrownBy(() => sealMessage(route, header, 'x'.repeat(50_000), randomBytes));
    expect(error.code).toBe('PROTOCOL_LIMIT');
  });
});

describe('a sealed line', () => {
  const pair = () => {
    const shared = { key, room: route.room, randomBytes };
    return {
      atA: new SealedLine({ ...shared, self: a, peer: b, ownNonce: id(1), peerNonce: id(2) }),
      atB: new SealedLine({ ...shared, self: b, peer: a, ownNonce: id(2), peerNonce: id(1) }),
    };
  };

  it('[SEAL4] refuses replays, reordering and reflection, and goes on after a loss', () => {
    const { atA, atB } = pair();
    const sent = [0, 1, 2, 3].map((n) => readEnvelope(atA.seal('signal', n)));
    expect(atB.open(sent[0]!)).toBe(0);
    expect(thrownBy(() => atB.open(sent[0]!)).code).toBe('PROTOCOL_ORDER');
    expect(atB.open(sent[2]!)).toBe(2);
    expect(thrownBy(() => atB.open(sent[1]!)).code).toBe('PROTOCOL_ORDER');
    expect(atB.open(sent[3]!)).toBe(3);
    expect(thrownBy(() => atA.open(sent[3]!)).code).toBe('AUTH_FAILED');
  });

  it('[SEAL4] is not shut out by a forged sequence number', () => {
    const { atA, atB } = pair();
    const first = readEnvelope(atA.seal('signal', 'first'));
    expect(thrownBy(() => atB.open({ ...first, sequence: 0xffff_ffff })).code).toBe('AUTH_FAILED');
    expect(atB.open(first)).toBe('first');
  });

  it('[SEAL4] refuses messages of an older connection between the same two', () => {
    const older = readEnvelope(pair().atA.seal('signal', 'old'));
    const shared = { key, room: route.room, randomBytes };
    const newer = new SealedLine({ ...shared, self: b, peer: a, ownNonce: id(3), peerNonce: id(1) });
    expect(newer.matches(older)).toBe(false);
    expect(thrownBy(() => newer.open(older)).code).toBe('AUTH_FAILED');
  });
});

describe('signals', () => {
  it('[SEAL5] are offers, answers and candidates, and nothing else', () => {
    const candidate = { type: 'candidate', candidate: 'candidate:1', sdpMid: '0', sdpMLineIndex: 0 };
    expect(parseSignalBody(candidate)).toEqual(candidate);
    expect(parseSignalBody({ type: 'offer', sdp: 'v=0' })).toEqual({ type: 'offer', sdp: 'v=0' });
    for (const bad of [
      null,
      'offer',
      { type: 'renegotiate', renegotiate: true },
      { type: 'transceiverRequest' },
      { type: 'offer' },
      { type: 'offer', sdp: 1 },
      { type: 'offer', sdp: 'v=0', extra: 1 },
      { type: 'offer', sdp: 'x'.repeat(40_000) },
      { ...candidate, sdpMLineIndex: -1 },
    ])
      expect(thrownBy(() => parseSignalBody(bad)).code, JSON.stringify(bad)?.slice(0, 80)).toBe(
        'PROTOCOL_MALFORMED',
      );
  });
});
