import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PeerceptronError, type ErrorCode } from '../../../src/shared/errors.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { createMemoryPair } from '../../../src/transport/memory-pair.ts';
import type { PeerLink } from '../../../src/transport/peer-link.ts';
import { ResumableLink } from '../../../src/transport/resumable-link.ts';
import { SpareMemory } from '../../../src/transport/spare-memory.ts';
import { FlakyConnection } from '../../support/flaky-connection.ts';
import { describeRuns, runs, seeds } from '../../support/fuzz.ts';

const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
};
const acknowledge = (count: number): Uint8Array => count32(0x2b, count);
const goOn = (count: number): Uint8Array => count32(0x3d, count);
function count32(mark: number, count: number): Uint8Array {
  const message = new Uint8Array(5);
  message[0] = mark;
  new DataView(message.buffer).setUint32(1, count, true);
  return message;
}

/** A resumable link whose other end the test plays itself. */
function scripted() {
  const suspensions: PeerceptronError[] = [];
  const ends: (PeerceptronError | undefined)[] = [];
  const received: number[] = [];
  const pairs = [createMemoryPair()];
  const said: Uint8Array[][] = [[]];
  pairs[0]!.b.onMessage = (message) => said[0]!.push(message);
  const link = new ResumableLink(pairs[0]!.a, new SpareMemory(), (cause) => suspensions.push(cause));
  link.onMessage = (message) => received.push(message[0]!);
  link.onClose = (error) => ends.push(error);
  const reconnect = (): PeerLink => {
    const pair = createMemoryPair();
    const messages: Uint8Array[] = [];
    pair.b.onMessage = (message) => messages.push(message);
    pairs.push(pair);
    said.push(messages);
    link.resume(pair.a);
    return pair.b;
  };
  return { link, suspensions, ends, received, pairs, said, reconnect };
}
const message = (value: number, length = 30): Uint8Array => new Uint8Array(length).fill(value);
const firsts = (messages: readonly Uint8Array[]): number[] => messages.map((bytes) => bytes[0]!);

describe('a resumable link', () => {
  it('[RES1] counts both ways and sends only what the other side has not got', async () => {
    const { link, pairs, said, suspensions, reconnect } = scripted();
    for (const value of [1, 2, 3]) link.send(message(value));
    pairs[0]!.b.send(message(9));
    await settled();
    pairs[0]!.drop();
    expect(suspensions.map(({ code }) => code)).toEqual(['LINK_LOST']);
    expect(link.isSuspended).toBe(true);
    link.send(message(4));
    const far = reconnect();
    await settled();
    // One message arrived here; what this side has to say waits for the other side's count.
    expect(said[1]).toEqual([goOn(1)]);
    link.send(message(5));
    far.send(goOn(2));
    await settled();
    expect(firsts(said[1]!.slice(1))).toEqual([3, 4, 5]);
    expect(link.isSuspended).toBe(false);
  });

  it('[RES2] acknowledges 64 messages or 1 MiB at the latest, and forgets what is acknowledged', async () => {
    const { link, pairs, said } = scripted();
    for (let index = 0; index < 63; index += 1) pairs[0]!.b.send(message(7));
    await settled();
    await settled();
    await settled();
    await settled();
    expect(said[0]).toEqual([]);
    pairs[0]!.b.send(message(7));
    await settled();
    expect(said[0]).toEqual([acknowledge(64)]);
    for (let index = 0; index < 16; index += 1) pairs[0]!.b.send(message(7, 65_536));
    await settled();
    expect(said[0]!.at(-1)).toEqual(acknowledge(80));
    link.send(message(1));
    link.send(message(2));
    pairs[0]!.b.send(acknowledge(1));
    await settled();
    pairs[0]!.drop();
    expect(() => link.send(message(3))).not.toThrow();
  });

  it('[RES3] bounds what waits for the other side: PROTOCOL_LIMIT', () => {
    const { link, pairs } = scripted();
    pairs[0]!.drop();
    const thrown = codeOf(() => {
      for (let index = 0; index < 1000; index += 1) link.send(message(1, 16_384));
    });
    expect(thrown).toBe('PROTOCOL_LIMIT');
  });

  it.each<[string, Uint8Array, ErrorCode]>([
    ['more than was sent', acknowledge(2), 'PROTOCOL_MALFORMED'],
    ['fewer than were acknowledged before', acknowledge(-1 >>> 0), 'PROTOCOL_MALFORMED'],
    ['a count that is cut short', acknowledge(1).subarray(0, 4), 'PROTOCOL_MALFORMED'],
    ['a count that is too long', Uint8Array.of(...acknowledge(1), 0), 'PROTOCOL_MALFORMED'],
    ['a count of a resumption that nobody asked for', goOn(1), 'PROTOCOL_MALFORMED'],
    ['a probe', Uint8Array.of(0x3f, 0x3f), 'PROTOCOL_MALFORMED'],
    ['an escape of nothing reserved', Uint8Array.of(0x2e, 0x01), 'PROTOCOL_MALFORMED'],
  ])('[RES4] ends with a coded error when the other side sends %s', async (_what, bytes, code) => {
    const { link, pairs, ends, suspensions } = scripted();
    link.send(message(1));
    pairs[0]!.b.send(bytes);
    await settled();
    expect(ends.map((error) => error?.code)).toEqual([code]);
    expect(suspensions).toEqual([]);
  });

  it.each<[string, Uint8Array, ErrorCode]>([
    ['a frame before its count', message(1), 'PROTOCOL_ORDER'],
    ['an acknowledgement before its count', acknowledge(0), 'PROTOCOL_ORDER'],
    ['a count above what was sent', goOn(3), 'PROTOCOL_MALFORMED'],
    ['a count below what it had acknowledged', goOn(0), 'PROTOCOL_MALFORMED'],
  ])('[RES4] ends with a coded error when the other side resumes with %s', async (_what, bytes, code) => {
    const { link, pairs, ends, reconnect } = scripted();
    link.send(message(1));
    link.send(message(2));
    pairs[0]!.b.send(acknowledge(1));
    await settled();
    pairs[0]!.drop();
    reconnect().send(bytes);
    await settled();
    expect(ends.map((error) => error?.code)).toEqual([code]);
  });

  it('[RES5] goes on over a new connection while the old one seems to live, and no longer hears that one', async () => {
    const { pairs, said, received, reconnect } = scripted();
    pairs[0]!.b.send(message(1));
    await settled();
    const far = reconnect();
    pairs[0]!.b.send(message(66));
    await settled();
    expect(said[1]).toEqual([goOn(1)]);
    far.send(goOn(0));
    far.send(message(2));
    await settled();
    expect(received).toEqual([1, 2]);
  });

  it('[RES5] is suspended again when the connection breaks before the other side has said where it stopped', async () => {
    const { link, pairs, said, suspensions, reconnect } = scripted();
    link.send(message(1));
    await settled();
    pairs[0]!.drop();
    reconnect();
    pairs[1]!.drop();
    expect(suspensions).toHaveLength(2);
    const far = reconnect();
    far.send(goOn(0));
    await settled();
    expect(firsts(said[2]!.slice(1))).toEqual([1]);
  });

  it('[RES5] is suspended when sending throws although no event told of the loss', () => {
    const { link, pairs, suspensions } = scripted();
    (pairs[0]!.a as { send: unknown }).send = () => {
      throw new Error('InvalidStateError');
    };
    expect(() => link.send(message(1))).not.toThrow();
    expect(suspensions).toHaveLength(1);
  });

  it('[RES5] ends with LINK_LOST when the new connection cannot carry what the old one could', () => {
    const { link, pairs, ends } = scripted();
    pairs[0]!.drop();
    link.resume(createMemoryPair({ maxMessageBytes: 16_384 }).a);
    expect(ends.map((error) => error?.code)).toEqual(['LINK_LOST']);
  });

  it('ends once, also when it is suspended, and takes no connection afterwards', async () => {
    const { link, pairs, ends, reconnect } = scripted();
    pairs[0]!.drop();
    link.close();
    link.close();
    await settled();
    link.end(new PeerceptronError('LINK_LOST', 'too late'));
    expect(ends).toEqual([undefined]);
    expect(codeOf(() => link.send(message(1)))).toBe('LINK_CLOSED');
    const far = reconnect();
    let closed = false;
    far.onClose = () => (closed = true);
    await settled();
    expect(closed).toBe(true);
  });
});

function codeOf(call: () => void): ErrorCode | 'no error' {
  try {
    call();
    return 'no error';
  } catch (thrown) {
    return (thrown as PeerceptronError).code;
  }
}

/** Messages of both sides through a connection that breaks at random points: each arrives once, in order, unchanged. */
async function exchange(seed: number): Promise<{ cuts: number; resumes: number }> {
  const random = seededRandom(seed);
  const connection = new FlakyConnection(random);
  const count = 1 + random.integer(60);
  const faultiness = 1 + random.integer(12);
  const sides = (['a', 'b'] as const).map((name) => ({ link: connection.links[name], sent: 0, got: 0 }));
  const shared = new Uint8Array(70_000);
  for (const [index, side] of sides.entries()) {
    side.link.onClose = (error) => {
      throw error ?? new Error('closed');
    };
    side.link.onMessage = (bytes) => {
      expectMessage(bytes, 1 - index, side.got, seed);
      side.got += 1;
    };
  }
  const isOver = (): boolean => sides.every(({ sent, got }) => sent === count && got === count);
  for (let step = 0; !isOver(); step += 1) {
    if (step > 20_000) throw new Error('stalled');
    const index = random.integer(2);
    const side = sides[index]!;
    const action = random.integer(24);
    if (action < 6 && side.sent < count) {
      const length = lengthOf(index, side.sent);
      // Some are written into lent memory, some into a buffer that is used again at once.
      const buffer = random.integer(2) === 0 ? side.link.lend(length) : shared.subarray(0, length);
      fillMessage(buffer, index, side.sent);
      side.sent += 1;
      side.link.send(buffer);
      shared.fill(0xee);
    } else if (action < 7 && random.integer(faultiness) === 0) connection.cut();
    else if (action < 10) connection.repair();
    else connection.deliver();
    if (random.integer(4) === 0) await Promise.resolve();
    if (step > 4_000 && step % 2_000 === 0) connection.settle();
  }
  return connection;
}

/** Sizes around the limits of pool and header, and 0. */
const lengthOf = (side: number, index: number): number =>
  [21, 0, 1, 5, 20, 64, 300, 8191, 23, 16_384, 16_385, 40, 65_536, 40_000][(index * 7 + side * 3) % 14]!;

function fillMessage(buffer: Uint8Array, side: number, index: number): void {
  // First bytes include every one that this layer reserves.
  for (let i = 0; i < Math.min(buffer.length, 64); i += 1) buffer[i] = (index + i * 31 + side * 128) & 255;
  buffer.fill((index + side) & 255, 64);
}

function expectMessage(bytes: Uint8Array, side: number, index: number, seed: number): void {
  const expected = new Uint8Array(lengthOf(side, index));
  fillMessage(expected, side, index);
  if (Buffer.compare(bytes, expected) !== 0)
    throw new Error(
      `seed ${seed}: message ${index} of side ${side} is not what arrived (${bytes.length} bytes)`,
    );
}

describe('exactly once, in order', () => {
  const parameters = runs(2000);
  it(`[RES1] whatever breaks and whenever (${describeRuns(parameters)})`, async () => {
    let cuts = 0;
    let resumes = 0;
    await fc.assert(
      fc.asyncProperty(seeds(), async (seed) => {
        const result = await exchange(seed);
        cuts += result.cuts;
        resumes += result.resumes;
      }),
      parameters,
    );
    // Otherwise the property would hold for want of faults.
    if (parameters.numRuns > 100) expect(Math.min(cuts, resumes)).toBeGreaterThan(parameters.numRuns);
  });
});
