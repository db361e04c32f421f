import { encode } from '@msgpack/msgpack';
import { describe, expect, it } from 'vitest';
import { bytesToF32, f32ToBytes, requireLittleEndian } from '../../../src/protocol/codec.ts';
import { decodePayload, decodeReason, encodePayload, encodeReason } from '../../../src/protocol/payload.ts';
import { PeerceptronError } from '../../../src/shared/errors.ts';
import { seededRandom, type Random } from '../../../src/shared/random.ts';

const coded = (code: string): Error => expect.objectContaining({ code }) as Error;

function randomValue(random: Random, depth: number): unknown {
  switch (random.integer(depth > 4 ? 8 : 10)) {
    case 0:
      return null;
    case 1:
      return random.integer(2) === 0;
    case 2:
      return random.integer(200) - 100;
    case 3:
      return random.integer(2 ** 32) - 2 ** 31;
    case 4:
      return random.normal();
    case 5:
      return 'ä'.repeat(random.integer(random.integer(20) === 0 ? 40_000 : 40));
    case 6:
      return new Uint8Array(random.integer(random.integer(20) === 0 ? 70_000 : 300));
    case 7:
      return random.integer(2 ** 31) * 1024;
    case 8:
      return Array.from({ length: random.integer(20) }, () => randomValue(random, depth + 1));
    default:
      return Object.fromEntries(
        Array.from({ length: random.integer(20) }, (_, index) => [
          `key${index}`,
          randomValue(random, depth + 1),
        ]),
      );
  }
}

describe('payloads', () => {
  it('[PL1] every value of messages survives, of random shape', () => {
    for (let seed = 0; seed < 100; seed += 1) {
      const value = randomValue(seededRandom(seed), 0);
      expect(decodePayload(encodePayload(value, Infinity, 'test')), `seed ${seed}`).toEqual(value);
    }
  });

  it('[PL1] long arrays and maps survive', () => {
    const long = { list: Array.from({ length: 70_000 }, (_, index) => index), text: 'x'.repeat(70_000) };
    const wide = Object.fromEntries(Array.from({ length: 70_000 }, (_, index) => [`k${index}`, index]));
    expect(decodePayload(encode(long))).toEqual(long);
    expect(decodePayload(encode(wide))).toEqual(wide);
  });

  it('[PL1] every truncation, and every byte after the value, is refused', () => {
    const bytes = encode({ type: 'ready', list: [1, 2.5, 'three', null, new Uint8Array(3)], map: { a: -1 } });
    for (let length = 0; length < bytes.length; length += 1) {
      expect(() => decodePayload(bytes.subarray(0, length)), `first ${length} bytes`).toThrow(
        coded('PROTOCOL_MALFORMED'),
      );
    }
    expect(() => decodePayload(Uint8Array.of(...bytes, 0xc0))).toThrow(coded('PROTOCOL_MALFORMED'));
  });

  it.each([
    ['an array of 4 billion elements', [0xdd, 0xff, 0xff, 0xff, 0xff]],
    ['a map of 4 billion entries', [0xdf, 0xff, 0xff, 0xff, 0xff]],
    ['a text of 4 GB', [0xdb, 0xff, 0xff, 0xff, 0xff]],
    ['bytes of 4 GB', [0xc6, 0xff, 0xff, 0xff, 0xff]],
    ['nested claims that only add up to too much', [0x92, 0x92, 0x92, 0xc0, 0xc0, 0xc0]],
    ['an extension', [0xd4, 0x01, 0x00]],
    ['a timestamp', [0xd6, 0xff, 0, 0, 0, 0]],
    ['a number as map key', [0x81, 0x01, 0x01]],
    ['a forbidden key', [0x81, 0xa9, ...new TextEncoder().encode('__proto__'), 0x01]],
    ['the byte that is never used', [0xc1]],
  ])('[PL1] %s is refused before anything is allocated', (_name, bytes) => {
    expect(() => decodePayload(Uint8Array.from(bytes))).toThrow(coded('PROTOCOL_MALFORMED'));
  });

  it('[PL2] 64 levels are taken, 65 are refused', () => {
    const nested = (depth: number): Uint8Array => Uint8Array.of(...new Uint8Array(depth).fill(0x91), 0xc0);
    expect(decodePayload(nested(64))).toHaveLength(1);
    expect(() => decodePayload(nested(65))).toThrow(coded('PROTOCOL_LIMIT'));
    expect(() => decodePayload(new Uint8Array(4_000_000).fill(0x91))).toThrow(coded('PROTOCOL_LIMIT'));
  });

  it('[LIM1] random and mutated payloads decode or are refused with a code', () => {
    const seed = 5;
    const random = seededRandom(seed);
    const sample = encode({
      type: 'ready',
      list: [1, 2.5, 'three', null, new Uint8Array(3)],
      map: { a: -1 },
    });
    for (let round = 0; round < 10_000; round += 1) {
      const bytes =
        round % 2 === 0
          ? Uint8Array.from({ length: 1 + random.integer(30) }, () => random.integer(256))
          : sample.slice();
      if (bytes.length > 0) bytes[random.integer(bytes.length)] = random.integer(256);
      try {
        decodePayload(bytes);
      } catch (thrown) {
        expect(thrown, `seed ${seed}, round ${round}`).toBeInstanceOf(PeerceptronError);
        expect((thrown as PeerceptronError).code).toMatch(/^PROTOCOL_(MALFORMED|LIMIT)$/);
      }
    }
  });

  it('refuses to send what is too long', () => {
    expect(() => encodePayload('x'.repeat(100), 100, 'the test')).toThrow(coded('PROTOCOL_LIMIT'));
  });

  it('[PL3] a reason survives, its message cut to 500 characters', () => {
    expect(decodeReason(encodeReason({ code: 'ENGINE_MEMORY', message: 'é'.repeat(600) }))).toEqual({
      code: 'ENGINE_MEMORY',
      message: 'é'.repeat(500),
    });
  });

  it.each([
    ['an unknown code', encode(['NO_SUCH_CODE', 'text']), 'PROTOCOL_MALFORMED'],
    ['a third element', encode(['INTERNAL', 'text', 1]), 'PROTOCOL_MALFORMED'],
    ['501 characters', encode(['INTERNAL', 'x'.repeat(501)]), 'PROTOCOL_MALFORMED'],
    ['3,000 characters', encode(['INTERNAL', 'x'.repeat(3000)]), 'PROTOCOL_LIMIT'],
    ['no list', encode('INTERNAL'), 'PROTOCOL_MALFORMED'],
  ])('[PL3] a reason with %s is refused', (_name, bytes, code) => {
    expect(() => decodeReason(bytes)).toThrow(coded(code));
  });
});

describe('codec', () => {
  it('[PL4] f32 go onto the wire as they lie in memory, without a copy', () => {
    const values = Float32Array.of(1, -2.5, Infinity);
    const bytes = f32ToBytes(values.subarray(1));
    expect([...bytes]).toEqual([0, 0, 0x20, 0xc0, 0, 0, 0x80, 0x7f]);
    bytes[3] = 0x40;
    expect(values[1]).toBe(2.5);
  });

  it('[PL4] aligned bytes are viewed, others are copied', () => {
    const memory = new Uint8Array(16);
    const aligned = bytesToF32(memory.subarray(4, 12));
    const unaligned = bytesToF32(memory.subarray(3, 11));
    memory.fill(0x40);
    expect([...aligned]).toEqual([3.0039215087890625, 3.0039215087890625]);
    expect([...unaligned]).toEqual([0, 0]);
    expect(() => bytesToF32(memory.subarray(0, 7))).toThrow(coded('PROTOCOL_MALFORMED'));
  });

  it('[PL4] refuses a big-endian platform', () => {
    expect(() => requireLittleEndian(false)).toThrow(coded('INTERNAL'));
    expect(() => requireLittleEndian()).not.toThrow();
  });
});
