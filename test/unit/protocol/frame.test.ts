import { describe, expect, it } from 'vitest';
import {
  decodeFrames,
  encodeFrame,
  HEADER_BYTES,
  writeFrame,
  type Frame,
  type FrameHeader,
} from '../../../src/protocol/frame.ts';
import { PROTOCOL_VERSION } from '../../../src/protocol/messages.ts';
import { PeerceptronError } from '../../../src/shared/errors.ts';
import { seededRandom } from '../../../src/shared/random.ts';

const header = (fields: Partial<FrameHeader>): FrameHeader => ({
  type: 'data',
  flags: 0,
  priority: 1,
  stream: 1,
  sequence: 0,
  offset: 0,
  ...fields,
});
const payload = Uint8Array.of(1, 2, 3);

const decodeAll = (message: Uint8Array): Frame[] => [...decodeFrames(message)];

function refusal(message: Uint8Array): string {
  try {
    decodeAll(message);
    return 'accepted';
  } catch (thrown) {
    return thrown instanceof PeerceptronError ? thrown.code : `uncoded: ${String(thrown)}`;
  }
}

describe('frames', () => {
  it('[FR1] has a little-endian header of 20 bytes', () => {
    const fields = header({ priority: 2, stream: 0x01020304, sequence: 0x05060708, offset: 0x090a0b0c });
    const message = encodeFrame(fields, payload);
    expect([...message]).toEqual([
      PROTOCOL_VERSION,
      3,
      0,
      2,
      4,
      3,
      2,
      1,
      8,
      7,
      6,
      5,
      12,
      11,
      10,
      9,
      3,
      0,
      0,
      0,
      1,
      2,
      3,
    ]);
    expect(decodeAll(message)).toEqual([{ ...fields, payload }]);
  });

  it('[FR1] the payload is a view, also of a message inside a larger buffer', () => {
    const around = new Uint8Array(100);
    const message = writeFrame(around.subarray(7), header({}), payload);
    const [frame] = decodeAll(message);
    around[7 + HEADER_BYTES] = 99;
    expect([...(frame?.payload ?? [])]).toEqual([99, 2, 3]);
  });

  it('[FR1] refuses every message that is shorter than the header', () => {
    for (let length = 0; length < HEADER_BYTES; length += 1) {
      expect(refusal(encodeFrame(header({}), payload).subarray(0, length))).toBe('PROTOCOL_MALFORMED');
    }
  });

  it('[FR2] refuses every other version by name', () => {
    for (const version of [0, PROTOCOL_VERSION - 1, PROTOCOL_VERSION + 1, 255]) {
      const message = encodeFrame(header({}), payload);
      message[0] = version;
      expect(refusal(message)).toBe('PROTOCOL_VERSION');
      expect(() => decodeAll(message)).toThrow(`version ${version}, this one ${PROTOCOL_VERSION}`);
    }
  });

  it('[FR3] refuses unknown types', () => {
    for (const type of [0, 7, 255]) {
      const message = encodeFrame(header({}), payload);
      message[1] = type;
      expect(refusal(message)).toBe('PROTOCOL_MALFORMED');
    }
  });

  it('[FR4] a message has one frame behind the other', () => {
    const fields = [
      header({}),
      header({ type: 'close', priority: 0, stream: 0, sequence: 1 }),
      header({ sequence: 2 }),
    ];
    const contents = [payload, new Uint8Array(0), Uint8Array.of(4)];
    const message = Buffer.concat(fields.map((each, at) => encodeFrame(each, contents[at]!)));
    expect(decodeAll(message)).toEqual(
      fields.map((each, at) => ({ ...each, payload: Buffer.from(contents[at]!) })),
    );
    const before: Frame[] = [];
    const whenItComesToIt = (): void => {
      for (const frame of decodeFrames(message.subarray(0, message.length - 1))) before.push(frame);
    };
    expect(whenItComesToIt).toThrow('1 bytes of payload, 0 are left');
    expect(before.length).toBe(2);
  });

  it('[FR4] refuses a length beyond the message, and bytes behind its last frame', () => {
    const message = encodeFrame(header({}), payload);
    expect(refusal(message.subarray(0, message.length - 1))).toBe('PROTOCOL_MALFORMED');
    for (let more = 1; more <= HEADER_BYTES; more += 1)
      expect(refusal(Buffer.concat([message, new Uint8Array(more)]))).not.toBe('accepted');
    message[16] = 4;
    expect(refusal(message)).toBe('PROTOCOL_MALFORMED');
    message.set([0xff, 0xff, 0xff, 0xff], 16);
    expect(refusal(message)).toBe('PROTOCOL_MALFORMED');
  });

  const four = new Uint8Array(4);
  const none = new Uint8Array(0);
  it.each<[string, FrameHeader, Uint8Array, string]>([
    ['CONTROL', header({ type: 'control', flags: 1, priority: 0, stream: 0 }), payload, 'accepted'],
    ['CONTROL with a stream', header({ type: 'control', priority: 0, stream: 1 }), payload, 'refused'],
    ['CONTROL with a priority', header({ type: 'control', priority: 1, stream: 0 }), payload, 'refused'],
    [
      'CONTROL with unknown flags',
      header({ type: 'control', flags: 2, priority: 0, stream: 0 }),
      payload,
      'refused',
    ],
    ['CONTROL without payload', header({ type: 'control', priority: 0, stream: 0 }), none, 'refused'],
    ['OPEN', header({ type: 'open', offset: 7 }), payload, 'accepted'],
    ['OPEN without stream', header({ type: 'open', stream: 0 }), payload, 'refused'],
    ['OPEN without priority', header({ type: 'open', priority: 0 }), payload, 'refused'],
    ['OPEN with priority 3', header({ type: 'open', priority: 3 }), payload, 'refused'],
    ['DATA', header({ priority: 2, offset: 9 }), payload, 'accepted'],
    ['DATA without payload', header({}), none, 'refused'],
    ['DATA that asks for acknowledgement', header({ flags: 1 }), payload, 'accepted'],
    ['DATA with unknown flags', header({ flags: 2 }), payload, 'refused'],
    ['CREDIT', header({ type: 'credit', priority: 0, offset: 5 }), four, 'accepted'],
    ['CREDIT for the link', header({ type: 'credit', priority: 0, stream: 0 }), four, 'accepted'],
    ['CREDIT of no stream', header({ type: 'credit', priority: 0, stream: 0, offset: 5 }), four, 'refused'],
    [
      'CREDIT that asks for one',
      header({ type: 'credit', priority: 0, stream: 0, flags: 1 }),
      four,
      'accepted',
    ],
    [
      'CREDIT that asks and grants',
      header({ type: 'credit', priority: 0, offset: 5, flags: 1 }),
      four,
      'refused',
    ],
    ['CREDIT of 3 bytes', header({ type: 'credit', priority: 0 }), payload, 'refused'],
    ['CANCEL', header({ type: 'cancel', priority: 0, flags: 1 }), payload, 'accepted'],
    ['CANCEL with an offset', header({ type: 'cancel', priority: 0, offset: 1 }), payload, 'refused'],
    ['CLOSE', header({ type: 'close', priority: 0, stream: 0 }), none, 'accepted'],
    ['CLOSE of a stream', header({ type: 'close', priority: 0 }), none, 'refused'],
  ])('[FR6] %s', (_name, fields, content, outcome) => {
    expect(refusal(encodeFrame(fields, content))).toBe(
      outcome === 'accepted' ? outcome : 'PROTOCOL_MALFORMED',
    );
  });

  it('[LIM1] random bytes are accepted or refused with a code', () => {
    const seed = 11;
    const random = seededRandom(seed);
    let accepted = 0;
    for (let round = 0; round < 50_000; round += 1) {
      const message = Uint8Array.from({ length: random.integer(40) }, () => random.integer(256));
      if (message.length >= HEADER_BYTES && round % 2 === 0) {
        message.set([PROTOCOL_VERSION, 1 + random.integer(6), random.integer(2), random.integer(3)]);
        message.set([message.length - HEADER_BYTES, 0, 0, 0], 16);
      }
      const outcome = refusal(message);
      if (outcome === 'accepted') accepted += 1;
      else expect(outcome, `seed ${seed}, round ${round}`).toMatch(/^PROTOCOL_/);
    }
    expect(accepted).toBeGreaterThan(100);
  });
});
