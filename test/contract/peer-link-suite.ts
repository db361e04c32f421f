import { isErrorCode, PeerceptronError, type ErrorCode } from '../../src/shared/errors.ts';
import { seededRandom } from '../../src/shared/random.ts';
import type { PeerLink } from '../../src/transport/peer-link.ts';

export interface LinkPair {
  readonly a: PeerLink;
  readonly b: PeerLink;
}

/** What vitest and mocha have in common. */
export interface TestFunctions {
  readonly describe: (name: string, body: () => void) => void;
  readonly it: (name: string, body: () => Promise<void>) => void;
}

/** The contract of `PeerLink`, for every implementation. `open` gives a fresh connected pair. */
export function peerLinkSuite(
  name: string,
  open: () => Promise<LinkPair>,
  { describe, it }: TestFunctions,
): void {
  describe(`PeerLink contract: ${name}`, () => {
    const withPair = (title: string, body: (pair: LinkPair) => Promise<void>): void => {
      it(title, async () => {
        const pair = await open();
        try {
          await body(pair);
        } finally {
          pair.a.close();
          pair.b.close();
        }
      });
    };

    withPair('delivers messages of every size from 0 bytes to the maximum, unchanged', async ({ a, b }) => {
      const sizes = [0, 1, 2, 3, 19, 20, 21, 1023, 16_383, 16_384, 65_535, 65_536, a.maxMessageBytes];
      const seed = 7;
      const random = seededRandom(seed);
      const sent = sizes.map((size) => Uint8Array.from({ length: size }, () => random.integer(256)));
      const received = take(b, sizes.length);
      for (const message of sent) a.send(message);
      const messages = await received;
      messages.forEach((message, index) => {
        equal(message instanceof Uint8Array, true, 'a message is a Uint8Array');
        equal(
          sameBytes(message, sent[index]),
          true,
          `message of ${sizes[index]} bytes unchanged, seed ${seed}`,
        );
      });
    });

    withPair('keeps the order of a burst of 2,000 messages, both ways at once', async ({ a, b }) => {
      const count = 2_000;
      const toB = take(b, count);
      const toA = take(a, count);
      for (let index = 0; index < count; index += 1) {
        a.send(numbered(index));
        b.send(numbered(count - index));
      }
      const [atB, atA] = await Promise.all([toB, toA]);
      for (let index = 0; index < count; index += 1) {
        equal(numberOf(atB[index]), index, 'order at b');
        equal(numberOf(atA[index]), count - index, 'order at a');
      }
    });

    withPair('does not keep the bytes: the buffer may be reused after send', async ({ a, b }) => {
      const received = take(b, 2);
      const buffer = new Uint8Array(1000).fill(1);
      a.send(buffer);
      buffer.fill(2);
      a.send(buffer.subarray(10, 20));
      buffer.fill(3);
      const [first, second] = await received;
      equal(first?.length, 1000, 'length of the first');
      equal(
        first?.every((byte) => byte === 1),
        true,
        'content of the first',
      );
      equal(second?.length, 10, 'length of the second');
      equal(
        second?.every((byte) => byte === 2),
        true,
        'content of the second',
      );
    });

    withPair('refuses a message above the maximum and stays open', async ({ a, b }) => {
      const received = take(b, 1);
      equal(
        codeOf(() => a.send(new Uint8Array(a.maxMessageBytes + 1))),
        'PROTOCOL_LIMIT',
        'code',
      );
      a.send(numbered(5));
      equal(numberOf((await received)[0]), 5, 'the next message');
    });

    withPair('keeps messages that come before a handler is set', async ({ a, b }) => {
      a.send(numbered(1));
      a.send(numbered(2));
      // A round trip the other way: both messages have arrived by the time of the answer.
      const answer = take(a, 1);
      b.send(numbered(0));
      await answer;
      const received = take(b, 3);
      a.send(numbered(3));
      equal((await received).map(numberOf).join(), '1,2,3', 'order');
    });

    for (const closer of ['a', 'b'] as const) {
      withPair(`closed by ${closer}: both sides learn it once, without an error`, async (pair) => {
        const closes = { a: 0, b: 0 };
        const errors: unknown[] = [];
        const ended = (['a', 'b'] as const).map(
          (side) =>
            new Promise<void>((resolve) => {
              pair[side].onClose = (error) => {
                closes[side] += 1;
                errors.push(error);
                resolve();
              };
            }),
        );
        pair[closer].close();
        pair[closer].close();
        await Promise.all(ended);
        pair.a.close();
        pair.b.close();
        await Promise.resolve();
        equal(closes.a, 1, 'onClose calls at a');
        equal(closes.b, 1, 'onClose calls at b');
        equal(
          errors.every((error) => error === undefined),
          true,
          `no error, got ${String(errors)}`,
        );
        equal(
          codeOf(() => pair.a.send(numbered(1))),
          'LINK_CLOSED',
          'send at a after the end',
        );
        equal(
          codeOf(() => pair.b.send(numbered(1))),
          'LINK_CLOSED',
          'send at b after the end',
        );
      });
    }

    withPair('send throws LINK_CLOSED right after close', async ({ a }) => {
      a.close();
      equal(
        codeOf(() => a.send(numbered(1))),
        'LINK_CLOSED',
        'code',
      );
    });

    withPair('delivers what was sent before an orderly close', async ({ a, b }) => {
      // Little enough for one flight: libwebrtc throws away what its send queue still holds when a channel is closed.
      const count = 20;
      const received = take(b, count);
      const order: string[] = [];
      const closed = new Promise<void>((resolve) => {
        b.onClose = () => {
          order.push('close');
          resolve();
        };
      });
      for (let index = 0; index < count; index += 1) a.send(new Uint8Array(100).fill(index));
      a.close();
      equal((await received).length, count, 'messages');
      await closed;
      equal(order.join(), 'close', 'closed after the last message');
    });
  });
}

/** The next `count` messages; takes over `onMessage`. */
export function take(link: PeerLink, count: number): Promise<Uint8Array[]> {
  return new Promise((resolve) => {
    const messages: Uint8Array[] = [];
    link.onMessage = (message) => {
      messages.push(message);
      if (messages.length === count) resolve(messages);
    };
  });
}

function numbered(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

function numberOf(message: Uint8Array | undefined): number | undefined {
  return message === undefined ? undefined : new Uint32Array(message.slice().buffer)[0];
}

function sameBytes(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return a.length === b?.length && a.every((byte, index) => byte === b[index]);
}

function codeOf(call: () => void): ErrorCode | 'no error' | 'uncoded' {
  try {
    call();
    return 'no error';
  } catch (thrown) {
    return thrown instanceof PeerceptronError && isErrorCode(thrown.code) ? thrown.code : 'uncoded';
  }
}

/** Assertions of its own, because the suite runs under two test runners. */
function equal<Value>(actual: Value, expected: Value, what: string): void {
  if (actual !== expected) throw new Error(`${what}: expected ${String(expected)}, got ${String(actual)}`);
}
